"""Where the modules lie that a source file imports, found without importing anything."""

from pathlib import Path


def package_of(file: Path) -> Path:
    """The outermost folder around a file that is a package, or the file's own folder."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


def place_of(file: Path, root: Path, name: str, level: int = 0) -> Path:
    """Where a module of this name would lie, without suffix, that ``file`` of the package ``root`` imports.

    level: dots before the name. A name outside the package may be a file beside this one, which is no part of a package.
    """
    if level:
        return file.parents[min(level, len(file.parents)) - 1].joinpath(*name.split("."))
    if name.partition(".")[0] == root.name:
        return root.joinpath(*name.split(".")[1:])
    return file.parent.joinpath(*name.split("."))


def files_of(place: Path) -> list[Path]:
    """The module or package at a place, where there is one."""
    candidates = (place.parent / f"{place.name}.py", place / "__init__.py")
    return [candidate for candidate in candidates if candidate.is_file()]


HOUSE = Path(__file__).resolve().parent.parent
"""Where the harness's own packages lie."""


def sources_of(file: Path, name: str, level: int = 0, root: Path | None = None) -> list[Path]:
    """The files of a module as ``file`` imports it: of its own package, beside it, or one of the house's.

    root: its package, by default the outermost one around it.
    """
    own = files_of(place_of(file, root or package_of(file), name, level))
    return own or ([] if level else files_of(HOUSE.joinpath(*name.split("."))))
