"""Finds every retriever that can be named, without importing any of them."""

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from bench.describe import Description, describe
from bench.errors import PluginError, SpecError
from bench.suggest import nearest

GROUP = "bench.retrievers"
"""Entry-point group under which other distributions register theirs: ``name = "module:Class"``."""

FOLDER = Path(__file__).parent.parent / "retrievers"
"""Where a retriever is found by dropping its file in."""


@dataclass(frozen=True)
class Plugin:
    """Where a name comes from; nothing of it is imported yet. ``path`` is its source file, where there is one."""

    name: str
    origin: str
    path: Path | None = None
    module: str = ""
    entry: EntryPoint | None = None

    def describe(self) -> Description:
        """What the source says of itself; PluginError where it does not hold one retriever."""
        if self.path is None:
            raise PluginError(f"{self.origin}: its source was not found as a .py file; is its distribution complete?")
        return describe(self.path, self.entry.attr if self.entry else None)


def find(files: Sequence[Path] = ()) -> dict[str, Plugin]:
    """All names that can be typed, sorted: the folder's, the installed ones' and those of ``--plugin`` files.

    A name that two of them claim is a PluginError.
    """
    found: dict[str, Plugin] = {}
    for plugin in (*_in_folder(), *_installed(), *_given(files)):
        if plugin.name in found:
            raise PluginError(f"{plugin.origin}: the name {plugin.name!r} is taken by {found[plugin.name].origin}")
        found[plugin.name] = plugin
    return dict(sorted(found.items()))


def get(name: str, plugins: Mapping[str, Plugin]) -> Plugin:
    """Look a name up; an unknown one answers with what exists and the nearest match."""
    try:
        return plugins[name]
    except KeyError:
        raise SpecError(f"no retriever {name!r}{nearest(name, plugins)}") from None


def _in_folder() -> list[Plugin]:
    files = sorted(FOLDER.glob("[!_]*.py"))
    return [Plugin(_name(path), str(path), path, f"retrievers.{path.stem}") for path in files]


def _given(files: Sequence[Path]) -> list[Plugin]:
    for path in files:
        if not path.is_file():
            raise PluginError(f"--plugin {path}: no such file")
        if not path.stem.isidentifier():
            raise PluginError(f"--plugin {path}: name the file like a Python module, {path.stem!r} is none")
    return [Plugin(_name(path), str(path), path.resolve()) for path in files]


def _installed() -> list[Plugin]:
    return [
        Plugin(entry.name, f"entry point {entry.name} = {entry.value}", _source(entry), entry=entry)
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    ]


def _source(entry: EntryPoint) -> Path | None:
    """The entry point's file, found on the path or else by the finders of installers, without importing its package."""
    top, *below = entry.module.split(".")
    return _module_file(sys.path, [top, *below]) or _found_by_finders(top, below)


def _found_by_finders(top: str, below: Sequence[str]) -> Path | None:
    """For a package that is on no path, as editable installs may be; asking for a top-level name imports nothing."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a finder that fails finds nothing
        return None
    if spec is None:
        return None
    if below:
        return _module_file(spec.submodule_search_locations or (), below)
    source = Path(spec.origin or "")
    return source if source.suffix == ".py" and source.is_file() else None


def _module_file(folders: Iterable[str], names: Sequence[str]) -> Path | None:
    for folder in folders:
        module = Path(folder, *names)
        for candidate in (module.with_suffix(".py"), module / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _name(path: Path) -> str:
    return path.stem.replace("_", "-")
