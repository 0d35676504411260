"""Addresses that somebody else may have written: a card, a redirection; what is no plain https:// or http:// one is refused."""

import re
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from bench.errors import DataError

_SCHEMES = ("http", "https")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


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


def proxy_for(url: str) -> str:
    """The proxy that the environment names for an address, "" for none; this machine needs none."""
    parts = checked(url)
    host = parts.hostname or ""
    return "" if host in _THIS_MACHINE or proxy_bypass(host) else getproxies().get(parts.scheme, "")


def pool_for(proxy: str) -> urllib3.PoolManager:
    """Connections, through a proxy where one is named."""
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()


def _without_user(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//", url)
