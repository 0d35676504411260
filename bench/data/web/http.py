"""A polite reader of web addresses: paced, patient with busy servers, obedient to robots.txt; every failure is one line."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass
from urllib.robotparser import RobotFileParser

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from bench import __version__
from bench.errors import DataError

USER_AGENT = f"RetrieverBench/{__version__} (+https://example.org/retrieverbench)"
"""Names the tool and where to read about it; the part before the slash is what robots.txt is searched for."""

Params = Mapping[str, str | int | Sequence[str | int]]
"""Query parameters of an address; a sequence repeats its key, as ``post_ids[]`` of Discourse wants it."""

T = TypeVar("T")

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_SCHEMES = ("http", "https")
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_TOO_MANY = 429
# 520 to 524 are what Cloudflare answers when the server behind it does not.
_PASSING = (_TOO_MANY, 502, 503, 504, 520, 521, 522, 523, 524)
_LONGEST_WAIT = 900.0
_SHOWN = 40


class AnswerError(DataError):
    """An address could not be read.

    status: the server's last answer, 0 where there was none. content: the body of a refusal, which may tell its reason.
    """

    def __init__(self, message: str, status: int = 0, content: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.content = content


class Client:
    """Reads addresses one after the other; not for several threads.

    user_agent: what the server is told. per_second: requests a second at most; a ``Crawl-delay`` of robots.txt slows further.
    robots: whether robots.txt is asked once for each server and obeyed (RFC 9309: none means all is allowed).
    attempts: how often a busy, broken or silent server is asked before it counts as failed. timeout: seconds of silence.
    backoff: seconds before the second attempt, doubled for each further one, unless the server asks for more
    (``Retry-After``, or ``extras.wait_seconds`` in the body, as Discourse does); up to 15 minutes are waited.
    """

    def __init__(
        self,
        user_agent: str = USER_AGENT,
        *,
        per_second: float = 1.0,
        robots: bool = True,
        attempts: int = 6,
        timeout: float = 30.0,
        backoff: float = 1.0,
    ) -> None:
        if not (0 < per_second < math.inf and attempts >= 1 and 0 < timeout < math.inf and 0 <= backoff < math.inf):
            raise DataError(
                f"per_second={per_second}, attempts={attempts}, timeout={timeout}, backoff={backoff}: must be above 0"
            )
        self._agent = user_agent
        self._interval = 1 / per_second
        self._attempts = attempts
        self._backoff = backoff
        self._robots: dict[str, RobotFileParser] | None = {} if robots else None
        self._next = -math.inf
        self._options: dict[str, Any] = {
            "headers": {"User-Agent": user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"},
            "timeout": urllib3.Timeout(connect=timeout, read=timeout),
        }
        self._pools: dict[str, urllib3.PoolManager] = {}

    def get(self, url: str, params: Params | None = None) -> bytes:
        """Read an address; AnswerError names it and the server's status."""
        return self._patiently(_address(url, params), _same)

    def get_json(self, url: str, params: Params | None = None) -> Any:
        """Read JSON; a body that is cut off counts as a passing failure. AnswerError as for ``get``."""
        return self._patiently(_address(url, params), _parsed)

    def _patiently(self, url: str, read: Callable[[bytes], T], *, rules: bool = True) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                return read(self._followed(url, rules=rules))
            except _PassingError as trouble:
                wait = max(trouble.wait, self._backoff * 2 ** (attempt - 1))
                if wait > _LONGEST_WAIT:
                    raise AnswerError(
                        f"{url}: {trouble}, the server asks to wait {wait:,.0f} s; try again then", trouble.status
                    ) from None
                if attempt == self._attempts:
                    tries = f" in {attempt} attempts" if attempt > 1 else ""
                    raise AnswerError(f"{url}: {trouble}{tries}; try again later", trouble.status) from None
                self._next = max(self._next, time.monotonic() + wait)

    def _followed(self, url: str, *, rules: bool) -> bytes:
        """The body behind an address and its redirections, each of which must be one that may be read too."""
        at = url
        for _ in range(_MOST_REDIRECTS + 1):
            if rules and self._robots is not None:
                self._check_rules(at)
            answer = self._asked(at)
            if answer.status not in _REDIRECTS:
                return _body(url, answer)
            to = urljoin(at, answer.headers.get("Location", ""))
            if urlsplit(to).scheme not in _SCHEMES or (urlsplit(at).scheme, urlsplit(to).scheme) == ("https", "http"):
                raise AnswerError(f"{url}: {answer.status}, sends on to {to!r}, which is not followed", answer.status)
            at = to
        raise AnswerError(f"{url}: {answer.status}, sends on more than {_MOST_REDIRECTS} times", answer.status)

    def _asked(self, url: str) -> urllib3.BaseHTTPResponse:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval
        try:
            return self._pool(url).request("GET", url, redirect=False, retries=False, **self._options)
        except HTTPError as error:
            if isinstance(error, LocationValueError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise AnswerError(f"{url}: no answer: {_line(error)}") from None
            raise _PassingError(f"no whole answer: {_line(error)}") from None

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Connections, through the proxy that the environment names for this address, if any."""
        parts = urlsplit(url)
        direct = parts.hostname in _THIS_MACHINE or proxy_bypass(parts.hostname or "")
        proxy = "" if direct else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            self._pools[proxy] = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
        return self._pools[proxy]

    def _check_rules(self, url: str) -> None:
        rules = self._rules(urljoin(url, "/robots.txt"))
        if not rules.can_fetch(self._agent, url):
            raise AnswerError(
                f"{url}: robots.txt of the server does not allow {self._agent.partition('/')[0]} to read it"
            )

    def _rules(self, url: str) -> RobotFileParser:
        known: dict[str, RobotFileParser] = self._robots if self._robots is not None else {}
        if url not in known:
            known[url] = RobotFileParser(url)
            try:
                text = self._patiently(url, _same, rules=False).decode("utf-8-sig", "replace")
            except AnswerError as error:
                # A server that has no rules has none; one that cannot be asked may not be read (RFC 9309, 2.3.1).
                if not 400 <= error.status < 500 or error.status == _TOO_MANY:  # noqa: PLR2004 - the class of statuses
                    del known[url]
                    raise
                text = ""
            known[url].parse(text.splitlines())
            self._interval = max(self._interval, float(known[url].crawl_delay(self._agent) or 0))
            self._next = max(self._next, time.monotonic() + self._interval)
        return known[url]


class _PassingError(Exception):
    """A failure that may pass; ``wait`` are the seconds that the server asks for."""

    def __init__(self, what: str, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(what)
        self.status = status
        self.wait = wait


def _address(url: str, params: Params | None) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DataError(f"{url}: {error}") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise DataError(f"{url}: not an address; it must begin with https:// or http:// and a server's name")
    query = urlencode(params or {}, doseq=True)
    return f"{url}{'&' if parts.query else '?'}{query}" if query else url


def _body(url: str, answer: urllib3.BaseHTTPResponse) -> bytes:
    said = f"{answer.status} {answer.reason or ''}".strip()
    if answer.status in _PASSING:
        raise _PassingError(said, answer.status, _asked_wait(answer))
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the class of statuses
        raise AnswerError(f"{url}: {said}", answer.status, answer.data)
    return answer.data


def _asked_wait(answer: urllib3.BaseHTTPResponse) -> float:
    """Seconds that the server asks to wait, the longest where it says so twice; 0 where it does not."""
    header = answer.headers.get("Retry-After", "").strip()
    waits = [0.0]
    if header.isdecimal():
        waits.append(float(header))
    elif header:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            until = datetime.now(UTC)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        waits.append((until - datetime.now(UTC)).total_seconds())
    try:
        waits.append(float(json.loads(answer.data)["extras"]["wait_seconds"]))
    except (ValueError, TypeError, LookupError, RecursionError):
        waits.append(0.0)
    return max(wait for wait in waits if not math.isnan(wait))


def _same(content: bytes) -> bytes:
    return content


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        start = content[:_SHOWN].decode("utf-8", "replace")
        raise _PassingError(f"200, but not JSON ({len(content):,} bytes that begin with {start!r})", 200) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
