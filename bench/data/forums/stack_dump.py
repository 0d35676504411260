"""Posts.xml of a Stack Exchange data dump: the questions of one tag, each with its best answer.

Attributes are described at https://meta.stackexchange.com/questions/2677; a row stands for a question or an answer, and
answers come in their own rows, anywhere in the file.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench.data.forums.dump import RowError, read_rows
from bench.data.forums.threads import Answer, Question, Threads
from bench.data.source import Progress

MEMBER = "Posts.xml"

_QUESTION, _ANSWER = "1", "2"
_MOST_AHEAD = 1_000_000
_MARKS = {"CommunityOwnedDate": "community wiki", "ClosedDate": "closed", "LockedDate": "locked"}


class Posts:
    """What ``read_posts`` found: the threads, and counts of all rows by their kind."""

    def __init__(self, tag: str, *, accepted_only: bool) -> None:
        self.threads = Threads(accepted_only=accepted_only)
        self.rows = 0
        self.asked = 0
        """Questions of any tag."""
        self.others = 0
        """Rows that are neither question nor answer: tag wikis, nominations, notices."""
        self._tag = tag.casefold()
        self._highest = 0
        self._ahead: set[int] = set()
        self.again = False
        """Whether an answer came before its question, so that answers must be read a second time."""

    def take(self, row: Mapping[str, str]) -> None:
        """Take a row on the first reading."""
        self.rows += 1
        number = _number(row, "Id")
        kind = _text(row, "PostTypeId")
        if kind == _ANSWER:
            self._answer(number, row)
        elif kind == _QUESTION:
            self.asked += 1
            self._question(number, row)
        else:
            self.others += 1
        self._highest = max(self._highest, number)

    def take_answers(self, row: Mapping[str, str]) -> None:
        """Take a row on the second reading, when all questions are known."""
        if _text(row, "PostTypeId") == _ANSWER:
            self._answer(_number(row, "Id"), row)

    def _question(self, number: int, row: Mapping[str, str]) -> None:
        if self._tag and not _has_tag(row.get("Tags", ""), self._tag):
            return
        if "DeletionDate" in row:
            self.threads.dropped["deleted questions"] += 1
            return
        # In a file sorted by number no answer has come yet; in any other one may have, and not been kept.
        self.again = self.again or number < self._highest or number in self._ahead
        self.threads.ask(
            Question(
                id=number,
                title=row.get("Title", ""),
                body=row.get("Body", ""),
                date=_date(row),
                accepted=_number(row, "AcceptedAnswerId") if "AcceptedAnswerId" in row else 0,
                licence=row.get("ContentLicense", ""),
                marks=_marks(row),
            )
        )

    def _answer(self, number: int, row: Mapping[str, str]) -> None:
        asked = _number(row, "ParentId")
        if asked in self.threads.questions:
            if "DeletionDate" in row:
                self.threads.dropped_answers["deleted answers"] += 1
                return
            score = _number(row, "Score")
            self.threads.answer(
                asked, Answer(number, score, row.get("Body", ""), row.get("ContentLicense", ""), _marks(row))
            )
        elif not self.again and asked > self._highest:
            # Moderators merge questions, so that an answer can be older than its question. That is rare; a file where it
            # is not is not sorted, and is read twice without keeping note of each.
            self._ahead.add(asked)
            if len(self._ahead) > _MOST_AHEAD:
                self._ahead.clear()
                self.again = True


def read_posts(path: Path, tag: str, *, accepted_only: bool, progress: Progress) -> Posts:
    """Read the questions that carry ``tag`` ("" for all) and their best answers.

    One reading is enough for a file in which every question stands before its answers, as in nearly all dumps, since
    answers to other questions are passed over without being held. Where an answer of a kept question came first, the
    answers are read a second time, with all questions known. Memory: the kept questions with one answer each, whatever
    the size of the file. Raises DataError.
    """
    posts = Posts(tag, accepted_only=accepted_only)
    read_rows(path, MEMBER, "posts", posts.take, lambda done: progress(0.3 * done, f"reading {path}"))
    if posts.again:
        posts.threads.forget_answers()
        note = f"reading {path} again, for answers that stand before their questions"
        read_rows(path, MEMBER, "posts", posts.take_answers, lambda done: progress(0.3 + 0.3 * done, note))
    return posts


def _has_tag(tags: str, tag: str) -> bool:
    """Both forms: ``<a><b>`` up to 2023, ``|a|b|`` since."""
    tags = tags.casefold()
    return f"<{tag}>" in tags or f"|{tag}|" in tags


def _marks(row: Mapping[str, str]) -> tuple[str, ...]:
    found = [mark for attribute, mark in _MARKS.items() if attribute in row]
    if "OwnerUserId" not in row:
        found.append("by users without an account")
    if row.get("Score", "").startswith("-"):
        found.append("voted below zero")
    return tuple(found)


def _text(row: Mapping[str, str], attribute: str) -> str:
    if attribute not in row:
        raise RowError(f"a row without {attribute}")
    return row[attribute]


def _number(row: Mapping[str, str], attribute: str) -> int:
    text = _text(row, attribute)
    try:
        return int(text)
    except ValueError:
        raise RowError(f"{attribute} {text!r:.40} is not a whole number") from None


def _date(row: Mapping[str, str]) -> float:
    """Seconds since 1970; dumps are in UTC and do not say so."""
    text = _text(row, "CreationDate")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(f"CreationDate {text!r:.40} is not an ISO 8601 date") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
