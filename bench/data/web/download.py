"""Fetches large files: resumed where they broke off, verified, moved into place whole; what is there needs no network."""

import errno
import hashlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from bench.data.web.address import checked
from bench.data.web.answers import (
    MOST_REDIRECTS,
    PASSING,
    REDIRECTS,
    PassingError,
    line,
    retry_after,
    sent_on,
    wait_after,
)
from bench.data.web.connections import pool_for, proxy_for
from bench.data.web.http import USER_AGENT
from bench.data.web.lock import locked
from bench.data.web.parts import Part, Wanted, digest_of
from bench.errors import DataError

_CHUNK = 1 << 20
_ATTEMPTS = 6
_FIRST_WAIT = 1.0
_LONGEST_USUAL_WAIT = 60.0
_TIMEOUT = urllib3.Timeout(connect=30.0, read=60.0)
_PASSING = (*PASSING, 408, 425, 500)
_OK, _PARTIAL, _BAD_RANGE = 200, 206, 416


def is_address(path: str) -> bool:
    """Whether a path is the address of something remote."""
    return "://" in path


def download(
    url: str, folder: Path, *, checksum: str = "", size: int = 0, progress: Callable[[float, str], None]
) -> Path:
    """Return the file behind an address, fetched into ``folder`` unless it is there; a path is verified and returned.

    checksum: ``sha256:...`` or ``md5:...``. size: bytes, 0 if unknown. Whatever ends the process, a later call goes on
    where this one broke off (RFC 9110, 14.2: Range with If-Range, so that a file that changed meanwhile is fetched anew);
    calls at the same time wait for one another. Retry-After is obeyed up to 15 minutes. progress: the fraction done and a note, about once a megabyte.

    Raises DataError: no such file, no answer, wrong size or checksum (the file is removed then), disk full.
    """
    wanted = Wanted(url, digest_of(checksum), size)
    if not is_address(url):
        path = Path(url).expanduser()
        wanted.check(path)
        return path
    checked(url)
    path = folder / _file_name(url)
    try:
        with locked(_beside(path, ".lock"), lambda: progress(0.0, f"waiting for another download of {url}")):
            if not path.is_file() or wanted.flaw(path):
                part = Part(_beside(path, ".part"), _beside(path, ".part.json"), url)
                _fetch(wanted, part, path, progress)
                progress(1.0, f"verifying {path.name}")
                part.finish(wanted, path)
    except OSError as error:
        full = "; free some space and run it again to go on" if error.errno == errno.ENOSPC else ""
        raise DataError(f"{path}: cannot be written: {error.strerror or error}{full}") from None
    return path


def _fetch(wanted: Wanted, part: Part, path: Path, progress: Callable[[float, str], None]) -> None:
    """Ask until all bytes are there; only attempts that bring nothing count against the server."""
    failures = 0
    while True:
        before = part.have()
        try:
            with pool_for(proxy_for(wanted.url)) as pool:
                _receive(pool, wanted, part, progress)
        except PassingError as trouble:
            failures = 1 if part.have() > before else failures + 1
            if failures == _ATTEMPTS:
                raise DataError(
                    f"{wanted.url}: {trouble}, {failures} attempts; run it again to go on from byte {part.have():,}, "
                    f"or put the file at {path}"
                ) from None
            wait = wait_after(wanted.url, trouble, min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_USUAL_WAIT))
            progress(0.0, f"{trouble}; trying again in {wait:.0f} s")
            time.sleep(wait)
        else:
            return


def _receive(pool: urllib3.PoolManager, wanted: Wanted, part: Part, progress: Callable[[float, str], None]) -> None:
    have, (validator, total) = part.have(), part.known()
    if have and have == total:
        return
    resume = bool(have and validator)
    answer = _answered(pool, wanted.url, {"Range": f"bytes={have}-", "If-Range": validator} if resume else {})
    try:
        if resume and not _goes_on(answer, have, validator, total):
            if answer.status != _OK:
                part.restart()
                answer.close()
                answer = _answered(pool, wanted.url, {})
            resume = False
        if answer.status != (_PARTIAL if resume else _OK):
            raise DataError(
                f"{wanted.url}: {answer.status} {answer.reason or ''}, which is no answer to what was asked"
            )
        if not resume:
            have, total = 0, answer.length_remaining or 0
            _check_room(wanted, part, total)
            part.restart(_validator(answer), total)
        _written(answer, wanted, part, _Span(have, total), progress)
    except HTTPError as error:
        raise PassingError(f"the connection broke: {line(error)}") from None
    finally:
        answer.close()


class _Span(NamedTuple):
    """Bytes that are here, and how many there are in all, 0 if unknown."""

    have: int
    total: int


def _written(
    answer: urllib3.BaseHTTPResponse,
    wanted: Wanted,
    part: Part,
    span: _Span,
    progress: Callable[[float, str], None],
) -> None:
    have, total = span
    told = -_CHUNK
    of = f" of {total / 1e6:,.1f}" if total else ""
    with part.path.open("ab") as file:
        # read1 gives what has arrived, so that nothing is lost with the process but what is still on its way.
        while data := answer.read1(_CHUNK, decode_content=False):
            have += len(data)
            if wanted.size and have > wanted.size:
                part.remove()
                raise DataError(f"{wanted.url}: more than the expected {wanted.size:,} bytes; the file is removed")
            file.write(data)
            file.flush()
            if have - told >= _CHUNK:
                told = have
                name = part.path.name.removesuffix(".part")
                progress(have / total if total else 0.0, f"downloading {name}: {have / 1e6:,.1f}{of} MB")
    if total and have != total:
        raise PassingError(f"the connection broke after {have:,} of {total:,} bytes")


def _goes_on(answer: urllib3.BaseHTTPResponse, have: int, validator: str, total: int) -> bool:
    """Whether an answer continues the bytes that are here, and not those of a file that has changed."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if answer.status != _PARTIAL or found is None or int(found[1]) != have:
        return False
    same_size = found[2] == "*" or not total or int(found[2]) == total
    return same_size and _validator(answer) in ("", validator)


def _validator(answer: urllib3.BaseHTTPResponse) -> str:
    """What If-Range may hold: a strong ETag, else the date of the last change (RFC 9110, 13.1.5)."""
    etag = answer.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _answered(pool: urllib3.PoolManager, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """The answer behind redirections, its body unread; statuses other than success and a bad range are errors."""
    at = url
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    for _ in range(MOST_REDIRECTS + 1):
        try:
            answer = pool.request(
                "GET", at, headers=headers, redirect=False, retries=False, preload_content=False, timeout=_TIMEOUT
            )
        except HTTPError as error:
            if isinstance(error, LocationValueError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise DataError(f"{url}: no answer: {line(error)}") from None
            raise PassingError(f"no answer: {line(error)}") from None
        if answer.status in (_OK, _PARTIAL, _BAD_RANGE):
            return answer
        answer.close()
        if answer.status in _PASSING:
            wait = retry_after(answer.headers.get("Retry-After", ""))
            raise PassingError(f"{answer.status} {answer.reason or ''}", answer.status, wait)
        if answer.status not in REDIRECTS:
            behind = "" if at == url else f" (sent on to {at})"
            raise DataError(f"{url}: {answer.status} {answer.reason or ''}{behind}")
        at = sent_on(url, at, answer.status, answer.headers.get("Location", ""))
    raise DataError(f"{url}: sends on more than {MOST_REDIRECTS} times")


def _check_room(wanted: Wanted, part: Part, total: int) -> None:
    if wanted.size and total and wanted.size != total:
        raise DataError(f"{wanted.url}: the server has {total:,} bytes, expected {wanted.size:,}; has it changed?")
    free = shutil.disk_usage(part.path.parent).free
    if total > free:
        raise DataError(f"{wanted.url}: {total:,} bytes, but only {free:,} are free in {part.path.parent}")


def _file_name(url: str) -> str:
    """The address's own file name behind a hash of the whole, since two addresses may share it."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", unquote(checked(url).path).rpartition("/")[2])[-80:]
    return f"{hashlib.sha256(url.encode()).hexdigest()[:10]}-{name or 'file'}"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
