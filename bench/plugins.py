"""Finds every retriever that can be named, without importing any of them."""

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from bench.describe import Description, describe
from bench.errors import PluginError, SpecError

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
            raise PluginError(f"{self.origin}: the source of {self.name!r} is not a file")
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


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error message: the nearest match, if any, and all that exist."""
    names = sorted(known)
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    meant = f"; did you mean {match[0]!r}? There" if match else "; there"
    return f"{meant} are: {', '.join(names) or 'none'}"


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
    """The entry point's file, found among its distribution's files or on the path, without importing its package."""
    relative = Path(*entry.module.split("."))
    for folder in map(Path, sys.path):
        for candidate in (folder / relative.with_suffix(".py"), folder / relative / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _name(path: Path) -> str:
    return path.stem.replace("_", "-")
