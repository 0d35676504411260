"""Addresses that somebody else may have written: a card, a redirection; what is no plain https:// or http:// one is refused."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from bench.errors import DataError

_SCHEMES = ("http", "https")


def checked(url: str) -> SplitResult:
    """The parts of an address of the web.

    DataError: no https:// or http:// address of a server, or one with a user name or a password, which is not repeated.
    """
    try:
        parts = urlsplit(url)
        # Read for its own error: a port that is no number is noticed only here.
        known = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise DataError(f"{_without_user(url)}: not an address: {error}") from None
    if not known:
        raise DataError(
            f"{_without_user(url)}: not an address that can be read; only https:// and http:// addresses and paths of files "
            "can be"
        )
    if "@" in parts.netloc:
        raise DataError(
            f"{_without_user(url)}: a user name or a password stands before the server's name; leave it out"
        )
    return parts


def joined(at: str, to: str) -> str:
    """Where a link that stands at an address leads; DataError as for ``checked``."""
    try:
        there = urljoin(at, to)
    except ValueError as error:
        raise DataError(f"{_without_user(to)}: not an address: {error}") from None
    checked(there)
    return there


def public(address: str) -> SplitResult:
    """The parts of an address without its query, which may hold a token; DataError as for ``checked``."""
    return checked(re.split(r"[?#]", address, maxsplit=1)[0])


def shown(place: str) -> str:
    """A place as names and facts may tell it: an address without its query, a path as it is; DataError as for ``checked``."""
    return urlunsplit(public(place)) if "://" in place else place


def file_name(place: str) -> str:
    """The last part of a path, or of an address without its query; DataError as for ``checked``."""
    if "://" in place:
        return PurePosixPath(unquote(public(place).path)).name
    return Path(place).expanduser().resolve().name


def _without_user(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//", url)
