"""robots.txt as RFC 9309 has it: groups by product token, the longest rule that matches wins, ``*`` and ``$`` in paths."""

import math
import re
import string
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_MOST_BYTES = 512_000
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")


class Rules(NamedTuple):
    """What a server asks of one reader.

    paths: pattern -> whether it may be read; of two equal ones the one that allows. delay: seconds between requests, 0 if
    nothing is said (``Crawl-delay``, which RFC 9309 does not know but forums use).
    """

    paths: dict[str, bool]
    delay: float

    def allow(self, url: str) -> bool:
        """Whether an address may be read: by the longest pattern that matches, and where none does (2.2.2)."""
        parts = urlsplit(url)
        path = _normal(f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        if path == "/robots.txt":
            return True
        matching = [(len(pattern), may) for pattern, may in self.paths.items() if _matches(pattern, path)]
        return max(matching)[1] if matching else True


def rules_for(content: bytes, product: str) -> Rules:
    """The rules for a product token, all its groups together (2.2.1), else those for ``*``; what is no rule is skipped.

    Only the first 500 KiB are read, as much as RFC 9309 (2.5) demands.
    """
    own = Rules({}, 0.0)
    others = Rules({}, 0.0)
    named = False
    agents: list[str] = []
    in_names = False
    for text in content[:_MOST_BYTES].decode("utf-8-sig", "replace").splitlines():
        key, colon, value = (part.strip() for part in text.partition("#")[0].partition(":"))
        key = key.casefold()
        if key == "user-agent":
            agents = [*agents, value.casefold()] if in_names else [value.casefold()]
            in_names = True
            named |= _token(value) == product.casefold()
        elif colon and key in ("allow", "disallow", "crawl-delay"):
            in_names = False
            if any(_token(agent) == product.casefold() for agent in agents):
                own = _with(own, key, value)
            if "*" in agents:
                others = _with(others, key, value)
    return own if named else others


def _with(rules: Rules, key: str, value: str) -> Rules:
    if key == "crawl-delay":
        return rules._replace(delay=max(rules.delay, _seconds(value)))
    if value:
        pattern = _normal(value)
        rules.paths[pattern] = rules.paths.get(pattern, False) or key == "allow"
    return rules


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < math.inf else 0.0


def _token(agent: str) -> str:
    """A product token is of letters, hyphens and underscores; what follows, such as a version, is none of it."""
    found = re.match(r"[A-Za-z_-]+", agent)
    return found[0].casefold() if found else agent


def _normal(path: str) -> str:
    """Percent signs only where there must be some, so that a path and a pattern can be compared (2.2.2)."""
    escaped = quote(path, safe=string.punctuation, errors="replace")
    return re.sub(r"%[0-9A-Fa-f]{2}", lambda found: _unescaped(found[0]), escaped)


def _unescaped(escape: str) -> str:
    letter = chr(int(escape[1:], 16))
    return letter if letter in _UNRESERVED else escape.upper()


def _matches(pattern: str, path: str) -> bool:
    """Piece by piece from the left, without a regular expression, which a server could make take for ever."""
    anchored = pattern.endswith("$")
    pieces = pattern.removesuffix("$").split("*")
    if not path.startswith(pieces[0]):
        return False
    if len(pieces) == 1:
        return not anchored or path == pieces[0]
    end = _after(pieces[1:-1], path, len(pieces[0]))
    if end < 0:
        return False
    last = pieces[-1]
    return path.endswith(last) and len(path) - len(last) >= end if anchored else path.find(last, end) >= 0


def _after(pieces: Sequence[str], path: str, start: int) -> int:
    """Where the pieces end that stand in a path one after the other, -1 where one is missing."""
    for piece in pieces:
        at = path.find(piece, start)
        if at < 0:
            return -1
        start = at + len(piece)
    return start
