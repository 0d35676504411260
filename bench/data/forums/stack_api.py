"""Questions with their answers from the Stack Exchange API, page by page; a page that is stored is never asked for again.

https://api.stackexchange.com/docs: paging, filters, ``backoff`` and quotas. Pages are found by date instead of by number,
since without a key no page beyond the 25th is given, and since new questions would push others from one page to the next.
"""

import hashlib
import html
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote_plus

import msgspec

from bench.data.forums.threads import Answer, Question, Threads
from bench.data.source import Progress
from bench.data.web.address import checked
from bench.data.web.answers import AnswerError
from bench.data.web.http import Client
from bench.data.web.lock import locked, usable
from bench.errors import DataError, StoreError
from bench.files import read_json, write_json

KEY_ORIGINS = frozenset({"https://api.stackexchange.com"})
"""The only addresses that a key is sent to: a card of somebody else may name any other, and any file as the key's."""

_VERSION = "2.3"
_PAGE = 100
_BAD_REQUEST = 400
# Beyond the default: texts, licences, and the dates that mark a post.
_FIELDS = (
    "question.body;question.answers;question.content_license;question.community_owned_date;question.locked_date;"
    "answer.body;answer.content_license;answer.community_owned_date;answer.locked_date"
)

T = TypeVar("T")


@dataclass(frozen=True)
class Harvest:
    """What to ask for: the newest questions of a site that carry a tag ("" for all); ``questions`` of them at most."""

    address: str
    site: str
    tag: str
    questions: int
    per_second: float

    @property
    def base(self) -> str:
        """Address without a path; https unless said otherwise. DataError for what is no plain address."""
        address = self.address if "://" in self.address else f"https://{self.address}"
        parts = checked(address)
        if "?" in address or "#" in address:
            raise DataError(
                f"{parts.scheme}://{parts.netloc}{parts.path}?...: give the address without what follows the path"
            )
        return address.rstrip("/")

    def folder(self, cache: Path) -> Path:
        """Where the pages are kept; asking for more questions later goes on from there."""
        what = f"{self.base}\0{self.site}\0{self.tag}"
        host = checked(self.base).hostname or "api"
        return cache / "stackexchange" / f"{host}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"


class _Owner(msgspec.Struct):
    user_id: int = 0


class _Post(msgspec.Struct, kw_only=True):
    score: int
    body: str
    content_license: str = ""
    owner: _Owner = msgspec.field(default_factory=_Owner)
    community_owned_date: int | None = None
    closed_date: int | None = None
    locked_date: int | None = None


class _Answer(_Post, kw_only=True):
    answer_id: int


class _Question(_Post, kw_only=True):
    question_id: int
    title: str
    creation_date: int
    accepted_answer_id: int = 0
    answers: list[_Answer] = []


class _Answered(msgspec.Struct):
    """One page as the API sends it."""

    items: list[_Question]
    has_more: bool
    quota_remaining: int
    backoff: float = 0.0


class _Page(msgspec.Struct):
    """One page as it is stored; ``asked`` are seconds since 1970."""

    asked: float
    answer: _Answered


class _Filters(msgspec.Struct):
    items: list[dict[str, Any]]


class _Place(NamedTuple):
    """Which page: of the questions up to the second ``until`` (none: up to now), newest first, the ``page``-th."""

    until: int | None = None
    page: int = 1

    def after(self, questions: Sequence[_Question]) -> "_Place":
        # One second of overlap, whether the API counts the last second in or not; doubles are dropped by number.
        until = min(question.creation_date for question in questions) + 1
        return _Place(self.until, self.page + 1) if until == self.until else _Place(until)


def harvested(harvest: Harvest, cache: Path, key: str, progress: Progress) -> list[Path]:
    """Ask for the pages that are not stored yet, and return all of them.

    key: raises the quota of a day from 300 requests to 10,000; "" for none. Nowhere stored, in no message, and sent to
    ``KEY_ORIGINS`` alone.
    Every page is stored whole before the next is asked for, so that an interrupted harvest goes on where it was. Raises
    DataError when the server refuses, the quota is used up, or an answer is not what the API documents.
    """
    if key and harvest.base not in KEY_ORIGINS:
        raise DataError(f"{harvest.base}: a key is only sent to {', '.join(sorted(KEY_ORIGINS))}; leave key= out")
    folder = harvest.folder(cache)
    note = f"waiting for another process that asks {harvest.base}"
    with locked(folder / "lock", lambda: progress(0.0, note)), usable(folder):
        return _harvested(harvest, _Server(harvest, folder, key), folder, progress)


def _harvested(harvest: Harvest, server: "_Server", folder: Path, progress: Progress) -> list[Path]:
    found: set[int] = set()
    paths: list[Path] = []
    place = _Place()
    last: _Page | None = None
    for number in count(1):
        path = folder / f"page-{number:05}.json"
        if not path.exists():
            if last is not None:
                time.sleep(_wait(last))
            server.store(place, path, len(found))
        page = last = _stored(path)
        paths.append(path)
        found.update(question.question_id for question in page.answer.items)
        progress(0.6 * min(1.0, len(found) / harvest.questions), f"{len(found):,} questions from {harvest.base}")
        if not page.answer.has_more or not page.answer.items or len(found) >= harvest.questions:
            break
        place = place.after(page.answer.items)
    return paths


def threads_of(paths: Sequence[Path], questions: int, *, accepted_only: bool) -> Threads:
    """The newest ``questions`` of stored pages, each with its best answer."""
    threads = Threads(accepted_only=accepted_only)
    seen: set[int] = set()
    for path in paths:
        for question in _stored(path).answer.items:
            if question.question_id in seen or len(seen) >= questions:
                continue
            seen.add(question.question_id)
            _add(threads, question)
    return threads


def asked_between(paths: Sequence[Path]) -> tuple[float, float]:
    """Seconds since 1970 at which the first and the last of stored pages were asked for."""
    return _stored(paths[0]).asked, _stored(paths[-1]).asked


def _wait(page: _Page) -> float:
    """What is left of the seconds for which the API wants to be left alone, also when the page is from an earlier harvest."""
    passed = max(0.0, time.time() - page.asked)
    return max(0.0, page.answer.backoff - passed)


def _add(threads: Threads, question: _Question) -> None:
    threads.ask(
        Question(
            id=question.question_id,
            title=html.unescape(question.title),
            body=question.body,
            date=float(question.creation_date),
            accepted=question.accepted_answer_id,
            licence=question.content_license,
            marks=_marks(question),
        )
    )
    for answer in question.answers if question.question_id in threads.questions else ():
        threads.answer(
            question.question_id,
            Answer(answer.answer_id, answer.score, answer.body, answer.content_license, _marks(answer)),
        )


def _marks(post: _Post) -> tuple[str, ...]:
    marks = {
        "community wiki": post.community_owned_date is not None,
        "closed": post.closed_date is not None,
        "locked": post.locked_date is not None,
        "by users without an account": not post.owner.user_id,
        "voted below zero": post.score < 0,
    }
    return tuple(mark for mark, holds in marks.items() if holds)


class _Server:
    """Asks the API and stores what it answers."""

    def __init__(self, harvest: Harvest, folder: Path, key: str) -> None:
        self._harvest, self._folder, self._key = harvest, folder, key
        # Addresses of an API are meant for programs; robots.txt speaks of pages.
        self._client = Client(per_second=harvest.per_second, robots=False)
        self._remaining: int | None = None

    def store(self, place: _Place, path: Path, so_far: int) -> None:
        """Ask for one page and store it; DataError where the quota of the day does not reach any further."""
        self._check_quota(path, so_far)
        params: dict[str, str | int] = {
            "site": self._harvest.site,
            "sort": "creation",
            "order": "desc",
            "pagesize": _PAGE,
            "page": place.page,
            "filter": self._filter(),
        }
        if self._harvest.tag:
            params["tagged"] = self._harvest.tag
        if place.until is not None:
            params["todate"] = place.until
        answer = self._ask("questions", params)
        self._remaining = _checked(answer, _Answered, f"{self._harvest.base}, page {path.stem}").quota_remaining
        write_json(path, {"asked": time.time(), "answer": answer})

    def _check_quota(self, path: Path, so_far: int) -> None:
        if self._remaining == 0:
            raise DataError(
                f"{self._harvest.base}: the quota of the day is used up; {so_far:,} of {self._harvest.questions:,} questions "
                f"are stored in {path.parent}; run again tomorrow, or give a key (key=FILE)"
            )

    def _filter(self) -> str:
        """Name of the filter that has texts and answers; the API makes one name for one list of fields, asked for once."""
        path = self._folder / "filter.json"
        if not path.exists():
            answer = self._ask("filters/create", {"include": _FIELDS, "base": "default", "unsafe": "false"})
            items = _checked(answer, _Filters, f"{self._harvest.base}, filters/create").items
            if len(items) != 1 or not isinstance(items[0].get("filter"), str):
                raise DataError(f"{self._harvest.base}: filters/create answered no filter")
            write_json(path, items[0]["filter"])
        return str(read_json(path))

    def _ask(self, method: str, params: Mapping[str, str | int]) -> Any:
        keyed = {**params, "key": self._key} if self._key else dict(params)
        try:
            return self._client.get_json(f"{self._harvest.base}/{_VERSION}/{method}", keyed)
        except AnswerError as error:
            told = str(error)
            if self._key:
                told = told.replace(quote_plus(self._key), "KEY").replace(self._key, "KEY")
            if error.status == _BAD_REQUEST:
                told += "; the site, the tag or the key is wrong, or the quota of the day is used up"
            raise DataError(told) from None


def _stored(path: Path) -> _Page:
    try:
        return _checked(read_json(path), _Page, str(path))
    except (DataError, StoreError) as error:
        raise DataError(f"{error}; delete the file, and it is asked for again") from None


def _checked(answer: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise DataError(f"{where}: not as the API documents: {error}") from None
