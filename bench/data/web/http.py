"""A polite reader of web addresses: paced, patient with busy servers, obedient to robots.txt; every failure is one line."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from bench import __version__
from bench.data.web.address import checked, joined
from bench.data.web.answers import (
    LONGEST_WAIT,
    MOST_REDIRECTS,
    PASSING,
    REDIRECTS,
    AnswerError,
    PassingError,
    line,
    retry_after,
    sent_on,
    wait_after,
)
from bench.data.web.connections import pool_for, proxy_for
from bench.data.web.robots import Rules, rules_for
from bench.errors import DataError

USER_AGENT = f"retrieverbench/{__version__}"
"""Names the tool and its version; the part before the slash is what robots.txt is searched for."""

MOST_BYTES = 64 << 20
"""Bytes that an answer may hold once it is unpacked; more are no page and no table of a forum."""

Params = Mapping[str, str | int | Sequence[str | int]]
"""Query parameters of an address; a sequence repeats its key, as ``post_ids[]`` of Discourse wants it."""

T = TypeVar("T")

_TOO_MANY = 429
_SHOWN = 40
_CHUNK = 1 << 16


class Client:
    """Reads addresses one after the other; not for several threads.

    user_agent: what the server is told. per_second: requests a second at most; a ``Crawl-delay`` of robots.txt slows further.
    robots: whether robots.txt is asked once for each server and obeyed (RFC 9309: see ``robots``; none means all is allowed).
    attempts: how often a busy, broken or silent server is asked before it counts as failed. timeout: seconds of silence.
    backoff: seconds before the second attempt, doubled for each further one, unless the server asks for more
    (``Retry-After``, or ``extras.wait_seconds`` in the body, as Discourse does); up to 15 minutes are waited.
    Answers of more than ``MOST_BYTES`` are refused, as they come out of gzip too.
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
        self._robots: dict[str, Rules] | None = {} if robots else None
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
            except PassingError as trouble:
                wait = wait_after(url, trouble, self._backoff * 2 ** (attempt - 1))
                if attempt == self._attempts:
                    tries = f" in {attempt} attempts" if attempt > 1 else ""
                    raise AnswerError(f"{url}: {trouble}{tries}; try again later", trouble.status) from None
                self._next = max(self._next, time.monotonic() + wait)

    def _followed(self, url: str, *, rules: bool) -> bytes:
        """The body behind an address and its redirections, each of which must be one that may be read too."""
        at = url
        for _ in range(MOST_REDIRECTS + 1):
            if rules and self._robots is not None:
                self._check_rules(at)
            answer, content = self._asked(url, at)
            if answer.status not in REDIRECTS:
                return _body(url, answer, content)
            at = sent_on(url, at, answer.status, answer.headers.get("Location", ""))
        raise AnswerError(f"{url}: {answer.status}, sends on more than {MOST_REDIRECTS} times", answer.status)

    def _asked(self, url: str, at: str) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval
        try:
            answer = self._pool(at).request(
                "GET", at, redirect=False, retries=False, preload_content=False, **self._options
            )
            return answer, _whole(url, answer)
        except HTTPError as error:
            if isinstance(error, LocationValueError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise AnswerError(f"{at}: no answer: {line(error)}") from None
            raise PassingError(f"no whole answer: {line(error)}") from None

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url)
        if proxy not in self._pools:
            self._pools[proxy] = pool_for(proxy)
        return self._pools[proxy]

    def _check_rules(self, url: str) -> None:
        if not self._rules(joined(url, "/robots.txt")).allow(url):
            raise AnswerError(f"{url}: robots.txt of the server does not allow {self._product} to read it")

    @property
    def _product(self) -> str:
        return self._agent.partition("/")[0]

    def _rules(self, url: str) -> Rules:
        known: dict[str, Rules] = self._robots if self._robots is not None else {}
        if url not in known:
            try:
                content = self._patiently(url, _same, rules=False)
            except AnswerError as error:
                # A server that has no rules has none; one that cannot be asked may not be read (RFC 9309, 2.3.1).
                if not 400 <= error.status < 500 or error.status == _TOO_MANY:  # noqa: PLR2004 - the class of statuses
                    raise
                content = b""
            rules = rules_for(content, self._product)
            if rules.delay > LONGEST_WAIT:
                raise AnswerError(f"{url}: asks for {rules.delay:,.0f} s between two requests, which is too long")
            known[url] = rules
            self._interval = max(self._interval, rules.delay)
            self._next = max(self._next, time.monotonic() + self._interval)
        return known[url]


def _address(url: str, params: Params | None) -> str:
    parts = checked(url)
    query = urlencode(params or {}, doseq=True)
    return f"{url}{'&' if parts.query else '?'}{query}" if query else url


def _whole(url: str, answer: urllib3.BaseHTTPResponse) -> bytes:
    """The body, read and unpacked in pieces, so that a small answer that unpacks to a huge one is noticed on the way."""
    content = bytearray()
    try:
        for piece in answer.stream(_CHUNK, decode_content=True):
            content += piece
            if len(content) > MOST_BYTES:
                answer.close()
                raise AnswerError(
                    f"{url}: the answer holds more than {MOST_BYTES:,} bytes; it is not read", answer.status
                )
    finally:
        answer.release_conn()
    return bytes(content)


def _body(url: str, answer: urllib3.BaseHTTPResponse, content: bytes) -> bytes:
    said = f"{answer.status} {answer.reason or ''}".strip()
    if answer.status in PASSING:
        raise PassingError(said, answer.status, _asked_wait(answer.headers.get("Retry-After", ""), content))
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the class of statuses
        raise AnswerError(f"{url}: {said}", answer.status, content)
    return content


def _asked_wait(header: str, content: bytes) -> float:
    """Seconds that the server asks to wait, the longest where it says so twice; 0 where it does not."""
    try:
        told = float(json.loads(content)["extras"]["wait_seconds"])
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
        told = 0.0
    return max(retry_after(header), 0.0 if math.isnan(told) else told)


def _same(content: bytes) -> bytes:
    return content


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        start = content[:_SHOWN].decode("utf-8", "replace")
        raise PassingError(f"200, but not JSON ({len(content):,} bytes that begin with {start!r})", 200) from None
