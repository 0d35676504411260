"""Imports one retriever and holds it to the contract; whatever goes wrong names the plug-in."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from types import ModuleType

from bench.api import Component, Retriever, Scorer
from bench.errors import BenchError, PluginError
from bench.plugins import Plugin


def load(plugin: Plugin) -> type[Retriever | Scorer]:
    """Import one retriever's class and hold it to the contract; whatever goes wrong names the plug-in."""
    try:
        loaded = plugin.entry.load() if plugin.entry is not None else _import(plugin)
    except BenchError:
        raise
    except Exception as error:
        raise PluginError(f"{plugin.origin}: import failed: {type(error).__name__}: {error}") from error
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, plugin.describe().class_name)
    if not (isinstance(loaded, type) and issubclass(loaded, Retriever | Scorer)):
        raise PluginError(f"{plugin.origin}: {loaded!r} does not extend bench.api.Retriever or Scorer")
    _validate(loaded, plugin)
    return loaded


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
    for method in ("fit", "index", "search", "score", "save", "load"):
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


def _contract(loaded: type, method: str) -> Callable[..., object] | None:
    """The contract's own definition of a method."""
    owners = [
        owner for owner in loaded.__mro__ if owner.__module__ == Component.__module__ and method in owner.__dict__
    ]
    return getattr(owners[0], method) if owners else None
