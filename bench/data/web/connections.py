"""Connections to servers, through the proxy that the environment names."""

from urllib.request import getproxies, proxy_bypass

import urllib3

from bench.data.web.address import checked

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def proxy_for(url: str) -> str:
    """The proxy that the environment names for an address, "" for none; this machine needs none."""
    parts = checked(url)
    host = parts.hostname or ""
    return "" if host in _THIS_MACHINE or proxy_bypass(host) else getproxies().get(parts.scheme, "")


def pool_for(proxy: str) -> urllib3.PoolManager:
    """Connections, through a proxy where one is named."""
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
