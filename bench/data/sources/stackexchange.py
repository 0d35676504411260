"""Stack Exchange: Posts.xml of a data dump, plain or in its .7z, or the public API; questions and their best answers."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

from bench.data.dataset import Dataset
from bench.data.forums.parsers import parser_versions
from bench.data.forums.stack_api import Harvest, asked_between, harvested, threads_of
from bench.data.forums.stack_dump import read_posts
from bench.data.forums.threads import Answer, Question, Threads
from bench.data.markup import html_text
from bench.data.pairing import Pair, dataset_from_pairs
from bench.data.source import Opening, Source, slug
from bench.errors import DataError

_NEWEST = 5000
_KEY = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True)
class StackExchange(Source):
    """Stack Exchange: questions of a tag with their best answers, from a data dump or the public API."""

    argument: ClassVar[str] = "origin"

    origin: str
    """Posts.xml of a data dump or the .7z that holds it; with ``site``, the address of the API (api.stackexchange.com)."""
    tag: str = ""
    """Only questions that carry this tag."""
    question: Literal["title", "title+body"] = "title"
    """What is searched with; a body that is not is there to learn from."""
    solutions: Literal["best", "accepted"] = "best"
    """best: the accepted answer, else the one with the highest score; accepted: no other."""
    site: str = ""
    """Of the API: which site, such as stackoverflow."""
    questions: int = 0
    """Of the API: the newest so many, 5,000 unless given."""
    key: str = ""
    """Of the API: a file that holds the key, sent to https://api.stackexchange.com alone. The key itself would end up in reports, and does not when it is in a file."""
    per_second: float = 1.0
    """Of the API: requests a second at most."""

    def name(self) -> str:
        """The site and the tag; of a Posts.xml the folder, which is named for the site."""
        path = Path(self.origin).expanduser().resolve()
        place = self.site or (path.parent.name if path.stem.casefold() == "posts" else path.stem)
        return slug(f"{place}-{self.tag}")

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Size and time of the dump, which is too large to hash, or the pages of the API, which are asked for here."""
        self._check(opening)
        if self.site:
            paths = harvested(self._harvest(), opening.cache, self._key(opening), opening.progress)
            first, last = asked_between(paths)
            return {"pages": str(len(paths)), "from": str(first), "to": str(last), **parser_versions()}
        path = opening.located(self.origin).resolve()
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}; to ask the API, add site=") from None
        facts = {"path": str(path), "size": str(stat.st_size), "modified": str(stat.st_mtime_ns)}
        return {**facts, **parser_versions()}

    def read(self, opening: Opening) -> Dataset:
        """Stream the dump or the stored pages, pair questions with their best answers, group and split by date."""
        self._check(opening)
        threads, facts = self._from_api(opening) if self.site else self._from_dump(opening)
        used = Counter[str]()
        pairs = list(self._pairs(threads, used))
        dropped = threads.dropped + threads.dropped_answers
        facts |= {
            name: "; ".join(f"{number:,} {what}" for what, number in counts.most_common())
            for name, counts in (("dropped", dropped), *_by_kind(used).items())
            if counts
        }
        if not pairs:
            wanted = f" tagged {self.tag!r}" if self.tag else ""
            raise DataError(f"{self.origin}: no question{wanted} with an answer; {'; '.join(facts.values())}")
        return dataset_from_pairs(pairs, opening.card, facts, opening.progress)

    def _check(self, opening: Opening) -> None:
        if self.questions < 0:
            raise DataError(f"questions={self.questions} must be 1 or more")
        given = [name for name in ("questions", "key") if getattr(self, name)]
        if given and not self.site:
            raise DataError(
                f"{given[0]}= belongs to the API; add site=, or leave it out (--limit takes less of a dump)"
            )
        if self.site and opening.located(self.origin).is_file():
            raise DataError(f"{self.origin} is a file, and site= belongs to the API; leave it out")

    def _harvest(self) -> Harvest:
        return Harvest(self.origin, self.site, self.tag, self.questions or _NEWEST, self.per_second)

    def _key(self, opening: Opening) -> str:
        if not self.key:
            return ""
        try:
            key = opening.located(self.key).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            # What was given may be the key itself, so it is not repeated.
            raise DataError("key= names no file that can be read; put the key into a file and give its path") from None
        if not _KEY.fullmatch(key):
            raise DataError("key= names a file that does not hold a key, which is one word of at most 100 characters")
        return key

    def _from_api(self, opening: Opening) -> tuple[Threads, dict[str, str]]:
        # They were asked for, and the progress shown, when versions were told.
        paths = harvested(self._harvest(), opening.cache, self._key(opening), lambda _fraction, _note: None)
        threads = threads_of(paths, self.questions or _NEWEST, accepted_only=self.solutions == "accepted")
        first, last = (datetime.fromtimestamp(second, UTC).date().isoformat() for second in asked_between(paths))
        asked = f"on {first}" if first == last else f"from {first} to {last}"
        return threads, {
            "read": f"the newest {len(threads.questions):,} questions of {self.site}, asked for {asked}",
            **self._filter(),
        }

    def _from_dump(self, opening: Opening) -> tuple[Threads, dict[str, str]]:
        path = opening.located(self.origin)
        posts = read_posts(
            path,
            self.tag,
            accepted_only=self.solutions == "accepted",
            progress=opening.progress,
        )
        kept = f"{len(posts.threads.questions):,} of {posts.asked:,} questions in {posts.rows:,} posts"
        others = f", {posts.others:,} of them neither question nor answer" if posts.others else ""
        return posts.threads, {"read": kept + others, **self._filter()}

    def _filter(self) -> dict[str, str]:
        return {"filter": f"tag {self.tag}"} if self.tag else {}

    def _pairs(self, threads: Threads, used: Counter[str]) -> Iterator[Pair]:
        """Questions with the text of their answers; ``used`` counts ``kind: what`` of the posts that are in a pair."""
        for question, answer in threads.solved():
            solution = html_text(answer.body, quotes="keep")
            if not solution.strip():
                threads.dropped["questions whose answer has no text"] += 1
                continue
            used.update(_told(question, answer))
            yield Pair(
                id=str(question.id),
                question=self._question(question),
                solution=solution,
                group=str(question.id),
                date=question.date,
                body=html_text(question.body, quotes="keep").strip() if self.question == "title" else "",
            )

    def _question(self, question: Question) -> str:
        title = " ".join(question.title.split())
        return (
            f"{title}\n\n{html_text(question.body, quotes='keep')}".strip() if self.question == "title+body" else title
        )


def _told(question: Question, answer: Answer) -> Iterator[str]:
    yield "solutions: accepted" if answer.id == question.accepted else "solutions: with the highest score"
    for post in (question, answer):
        yield f"licences: {post.licence or 'not named'}"
        yield from (f"marks: {mark}" for mark in post.marks)


def _by_kind(used: Counter[str]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for told, number in used.items():
        kind, _, what = told.partition(": ")
        found.setdefault(kind, Counter())[what] = number
    return found
