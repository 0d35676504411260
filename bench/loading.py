"""Imports one retriever and holds it to the contract; whatever goes wrong names the plug-in."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from traceback import extract_tb
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from bench.api import Component, Phase, Retriever, Scorer
from bench.errors import BenchError, PluginError
from bench.plugins import Plugin

FAMILIES = ("", "lexical", "neural")

TYPES = (bool, int, float, str, NoneType)
"""Types of hyper-parameters that can be written in a spec, beside a Literal of them."""


def load(plugin: Plugin) -> type[Retriever | Scorer]:
    """Import one retriever's class and hold it to the contract; whatever goes wrong names the plug-in."""
    try:
        loaded = plugin.entry.load() if plugin.entry is not None else _import(plugin)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # a script that ends its process on import is a broken plug-in too
        raise PluginError(f"{plugin.origin}: import failed: {reason(error)}") from error
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, plugin.describe().class_name, None)
    if not (isinstance(loaded, type) and issubclass(loaded, Retriever | Scorer)):
        raise PluginError(f"{plugin.origin}: {loaded!r} does not extend bench.api.Retriever or Scorer")
    _validate(loaded, plugin)
    return loaded


def reason(error: BaseException) -> str:
    """An exception on one line: its type, unless it is one of the harness's own, and its text."""
    text = " ".join(str(error).split())
    if isinstance(error, BenchError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def located(error: BaseException) -> str:
    """``reason`` and, for anything but a BenchError, in which file and line it went wrong."""
    frames = extract_tb(error.__traceback__)
    known = isinstance(error, BenchError) or not frames
    return reason(error) if known else f"{reason(error)} ({Path(frames[-1].filename).name}:{frames[-1].lineno})"


def choices(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type: ``int | None`` has two."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _import(plugin: Plugin) -> ModuleType:
    if plugin.module:
        return importlib.import_module(plugin.module)
    if plugin.path is None:
        raise PluginError(f"{plugin.origin}: nothing to import")
    name = f"bench_plugin_{plugin.path.stem}"
    spec = importlib.util.spec_from_file_location(name, plugin.path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{plugin.origin}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _validate(loaded: type, plugin: Plugin) -> None:
    missing = sorted(getattr(loaded, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{plugin.origin}: {loaded.__name__} lacks {', '.join(missing)}")
    if "__dataclass_fields__" not in loaded.__dict__:
        raise PluginError(f"{plugin.origin}: {loaded.__name__} must be a @dataclass, its fields are the parameters")
    _validate_attributes(loaded, plugin)
    for method in ("prepare", "fit", "index", "search", "score", "save", "load", "explain"):
        contract = _contract(loaded, method)
        mine = getattr(loaded, method, None)
        if contract is None or mine is None:
            continue
        asked = list(inspect.signature(contract).parameters)
        try:
            inspect.signature(mine).bind(*asked)
        except TypeError:
            wanted = f"{method}({', '.join(asked)})"
            raise PluginError(
                f"{plugin.origin}: {loaded.__name__}.{method}{inspect.signature(mine)} must accept {wanted}"
            ) from None
    _validate_retune(loaded, plugin)


def _validate_retune(loaded: type[Component], plugin: Plugin) -> None:
    """It has to take every parameter that can change while searching."""
    searched = [name for name, phase in loaded.phases.items() if phase == "search"]
    signature = inspect.signature(loaded.retune)
    try:
        signature.bind("self", **dict.fromkeys(searched))
    except TypeError:
        wanted = ", ".join(["self", *(f"{name}=..." for name in searched)])
        raise PluginError(
            f"{plugin.origin}: {loaded.__name__}.retune{signature} must accept retune({wanted})"
        ) from None


def _validate_attributes(loaded: type[Component], plugin: Plugin) -> None:
    """The class variables of the contract, and fields of types that a spec can hold."""
    devices: object = loaded.devices
    if not (isinstance(devices, tuple) and devices and all(isinstance(device, str) for device in devices)):
        raise PluginError(f"{plugin.origin}: {loaded.__name__}.devices must be a tuple such as ('cpu', 'cuda')")
    if loaded.family not in FAMILIES:
        raise PluginError(f"{plugin.origin}: {loaded.__name__}.family must be 'lexical', 'neural' or '' (neither)")
    try:
        hints = get_type_hints(loaded)
    except Exception as error:
        raise PluginError(f"{plugin.origin}: {loaded.__name__}: cannot resolve a type: {reason(error)}") from error
    names = [item.name for item in fields(loaded) if item.init]  # type: ignore[arg-type]  # it is a dataclass
    phases: object = loaded.phases
    if not isinstance(phases, Mapping):
        raise PluginError(
            f"{plugin.origin}: {loaded.__name__}.phases must be a dictionary such as {{'width': 'search'}}"
        )
    for name, phase in phases.items():
        if name not in names or phase not in get_args(Phase):
            wanted = f"a hyper-parameter and {' or '.join(get_args(Phase))}"
            raise PluginError(f"{plugin.origin}: {loaded.__name__}.phases says {name!r}: {phase!r}, not {wanted}")
    for item in fields(loaded):  # type: ignore[arg-type]  # it is a dataclass
        hint = hints[item.name]
        if item.init and not all(choice in TYPES or get_origin(choice) is Literal for choice in choices(hint)):
            raise PluginError(
                f"{plugin.origin}: {loaded.__name__}.{item.name} has the type {_name(hint)}, which a spec cannot hold; "
                "a parameter is a bool, int, float, str, a Literal, or one of these or None"
            )


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _contract(loaded: type, method: str) -> Callable[..., object] | None:
    """The contract's own definition of a method."""
    owners = [
        owner for owner in loaded.__mro__ if owner.__module__ == Component.__module__ and method in owner.__dict__
    ]
    return getattr(owners[0], method) if owners else None
