"""Addresses in the options of sources: what of them may be told, and which file they name."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlunsplit


def public(address: str) -> SplitResult:
    """The parts of an address without its query, which may hold a token.

    DataError for what is no address of the web, and for one with a user or a password in it, which are not repeated.
    """
    from bench.data.web.address import checked  # noqa: PLC0415 - loads urllib3, which paths do not need

    return checked(re.split(r"[?#]", address, maxsplit=1)[0])


def shown(place: str) -> str:
    """A place as names and facts may tell it: an address without its query, a path as it is. DataError as for ``public``."""
    return urlunsplit(public(place)) if "://" in place else place


def file_name(place: str) -> str:
    """The last part of a path, or of an address without its query. DataError as for ``public``."""
    if "://" in place:
        return PurePosixPath(unquote(public(place).path)).name
    return Path(place).expanduser().resolve().name
