"""What the answer of a server asks for: to wait, to look elsewhere, to give up; the same for pages and for large files."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bench.data.web.address import checked, joined
from bench.errors import DataError

LONGEST_WAIT = 900.0
"""Seconds that are waited because a server asks for it; when it asks for more, reading fails."""
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
# 520 to 524 are what Cloudflare answers when the server behind it does not.
PASSING = (429, 502, 503, 504, 520, 521, 522, 523, 524)
"""Statuses of a failure that may pass."""


class AnswerError(DataError):
    """An address could not be read.

    status: the server's last answer, 0 where there was none. content: the body of a refusal, which may tell its reason.
    """

    def __init__(self, message: str, status: int = 0, content: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.content = content


class PassingError(Exception):
    """A failure that may pass; ``wait`` are the seconds that the server asks for."""

    def __init__(self, what: str, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(what)
        self.status = status
        self.wait = wait


def retry_after(header: str) -> float:
    """Seconds that a ``Retry-After`` asks to wait, told as such or as a date (RFC 9110, 10.2.3); 0 where it says nothing."""
    header = header.strip()
    if header.isascii() and header.isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def wait_after(url: str, trouble: PassingError, usual: float) -> float:
    """Seconds before the next attempt: the usual ones, or more where the server asks for more, up to ``LONGEST_WAIT``."""
    if trouble.wait > LONGEST_WAIT:
        asked = f"{trouble.wait:,.0f}" if math.isfinite(trouble.wait) else "endless"
        raise AnswerError(f"{url}: {trouble}, the server asks to wait {asked} s; try again then", trouble.status)
    return max(trouble.wait, usual)


def sent_on(url: str, at: str, status: int, location: str) -> str:
    """Where a redirection leads; AnswerError where that is no plain address, or leads from https to http."""
    try:
        to = joined(at, location)
    except DataError as error:
        raise AnswerError(f"{url}: {status}, sends on to {error}; it is not followed", status) from None
    if (checked(at).scheme, checked(to).scheme) == ("https", "http"):
        raise AnswerError(f"{url}: {status}, sends on to {to!r}, which is not followed: it is not encrypted", status)
    return to


def line(error: Exception) -> str:
    """The text of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__
