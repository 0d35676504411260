"""Libraries that only some kinds of collections need, imported where they are used."""

from importlib import import_module
from typing import Any

from bench.errors import DataError


def needed(module: str, *, extra: str, what: str) -> Any:
    """Import a module of an optional extra; the DataError says what needs it and how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        raise DataError(
            f"{what} needs {package}, which is not installed: pip install 'retrieverbench[{extra}]'"
        ) from None
