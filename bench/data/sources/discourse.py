"""Topics of a Discourse forum: their titles are the questions, their accepted or best-rated posts the solutions."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from bench.data.dataset import Dataset
from bench.data.forums.discourse_pull import Bounds, Pulled, pull
from bench.data.forums.discourse_solutions import How, Solution, cleaned_title, solution
from bench.data.forums.discourse_topics import Topic, read_topics, topic_files
from bench.data.forums.parsers import parser_versions
from bench.data.pairing import Pair, dataset_from_pairs
from bench.data.source import Opening, Source, slug
from bench.data.tables.records import content_hash
from bench.data.web.address import checked
from bench.data.web.http import Client
from bench.errors import DataError


@dataclass(frozen=True)
class Discourse(Source):
    """Topics of a Discourse forum, read from its address or from a folder of saved t/ID.json files."""

    argument: ClassVar[str] = "address"

    address: str
    """The forum's address, or a folder of topics as t/ID.json answers them, further posts in ID-1.json and so on."""
    topics: int = 0
    """The newest so many topics, 0 for all that there are."""
    since: str = ""
    """Day on which the oldest topic may begin, as 2020-01-31."""
    category: str = ""
    """One category of the forum, as the address of its page has it behind /c/, such as help/7."""
    solutions: Literal["best", "accepted"] = "best"
    """Topics without an accepted answer take the reply that is rated highest (best) or are left out (accepted)."""
    question: Literal["title", "title+post"] = "title"
    """What is asked: the title alone, with the first post to learn from, or the text of the first post below it."""
    refresh: str = ""
    """Any text, such as a day; a forum is pulled once for each, and never again for the same."""
    per_second: float = 1.0
    """Requests a second."""

    def name(self) -> str:
        """The forum's name in its address, or the folder's name."""
        if not self._is_live():
            return super().name()
        return slug(self._url().partition("://")[2])

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the files, those of a forum pulled first where they are not there yet, and the parsers of posts."""
        if self._is_live():
            content = self._pulled(opening).content
        else:
            content = content_hash(*(path for paths in self._saved(opening).values() for path in paths))
        return {"content": content, **parser_versions()}

    def read(self, opening: Opening) -> Dataset:
        """Pull what is missing, choose the solutions, split by time. DataError names the address or the damaged file."""
        dropped: Counter[str] = Counter()
        if self._is_live():
            pulled = self._pulled(opening)
            dropped.update(pulled.skipped)
            files = topic_files(pulled.folder, set(pulled.topics)) if pulled.topics else {}
            origin = {
                "retrieved": f"{self._url()}, from {pulled.begun} on",
                "terms": f"the texts are their authors'; the terms and the licence of the forum apply, see {self._url()}/tos",
            }
        else:
            files = self._saved(opening)
            origin = {"terms": "the texts are their authors'; the terms and the licence of the forum apply"}
        opening.progress(0.6, f"reading {len(files):,} topics")
        topics = self._bounded(list(read_topics(files, dropped)))
        skipped = sum(dropped.values())
        found = _pairs(topics, self, dropped)
        if not found.pairs:
            raise DataError(f"{self.address}: no topic has a solution; {_listed(dropped) or 'there are no topics'}")
        facts = {**origin, **_facts(topics, skipped, found), **({"dropped": _listed(dropped)} if dropped else {})}
        return dataset_from_pairs(found.pairs, opening.card, facts, opening.progress)

    def _is_live(self) -> bool:
        return self.address.startswith(("https://", "http://"))

    def _url(self) -> str:
        parts = checked(self.address)
        if "?" in self.address or "#" in self.address:
            # What stands behind the question mark may be a token, so it is not repeated.
            raise DataError(
                f"{parts.scheme}://{parts.netloc}{parts.path}?...: give the address at which the forum begins, such as https://forum.example.org"
            )
        return self.address.rstrip("/")

    def _pulled(self, opening: Opening) -> Pulled:
        url = self._url()
        told = hashlib.sha256(f"{url}\n{self.category}\n{self.refresh}".encode()).hexdigest()[:12]
        folder = opening.cache / "discourse" / f"{self.name()}-{told}"
        bounds = Bounds(self.category, self._most(), self._since(), self.solutions == "accepted")
        return pull(url, bounds, folder, lambda: Client(per_second=self.per_second), opening.progress)

    def _saved(self, opening: Opening) -> dict[int, list[Path]]:
        for option in ("category", "refresh"):
            if getattr(self, option):
                raise DataError(f"{self.address}: {option} is for a forum that is read from its https:// address")
        folder = opening.located(self.address)
        files: dict[int, list[Path]] = {}
        for place in (folder, folder / "t", folder / "topics"):
            files |= topic_files(place) if place.is_dir() else {}
        if not files:
            raise DataError(
                f"{folder}: no topics; there must be files such as 123.json, saved from the forum's t/123.json"
            )
        return files

    def _bounded(self, topics: Sequence[Topic]) -> list[Topic]:
        """The topics within ``since`` and ``topics``, oldest first; of a forum those are all that were pulled, or nearly."""
        since = self._since()
        kept = [topic for topic in topics if since is None or topic.date is None or topic.date >= since]
        kept.sort(key=lambda topic: (-math.inf if topic.date is None else topic.date, topic.id))
        return kept[-self._most() :]

    def _most(self) -> int:
        if self.topics < 0:
            raise DataError(f"discourse: topics={self.topics} must be 0 (all) or more")
        return self.topics

    def _since(self) -> float | None:
        if not self.since:
            return None
        try:
            day = date.fromisoformat(self.since)
        except ValueError:
            raise DataError(f"discourse: since={self.since} is no day such as 2020-01-31") from None
        return datetime.combine(day, time(), UTC).timestamp()


class _Found(NamedTuple):
    pairs: list[Pair]
    solutions: list[Solution]


def _pairs(topics: Sequence[Topic], source: Discourse, dropped: Counter[str]) -> _Found:
    found = _Found([], [])
    for topic in topics:
        title = cleaned_title(topic.title)
        chosen = solution(topic, accepted_only=source.solutions == "accepted")
        if not title:
            dropped["topics without a title"] += 1
        elif topic.date is None:
            dropped["topics without a date"] += 1
        elif isinstance(chosen, str):
            dropped[chosen] += 1
        else:
            body = next((post.text for post in topic.posts if post.number == 1 and post.regular), "")
            question, body = (f"{title}\n\n{body}".strip(), "") if source.question == "title+post" else (title, body)
            name = f"{topic.id}/{chosen.post.number}"
            found.pairs.append(Pair(name, question, chosen.post.text, group=str(topic.id), date=topic.date, body=body))
            found.solutions.append(chosen)
    return found


def _facts(topics: Sequence[Topic], skipped: int, found: _Found) -> dict[str, str]:
    accepted = sum(topic.names_solution for topic in topics)
    ways = Counter(chosen.how for chosen in found.solutions)
    told: Mapping[How, str] = {
        "accepted": "accepted answers",
        "score": "replies that the forum scores highest",
        "activity": "replies with most likes, replies and readers",
    }
    lost = sum(chosen.lost for chosen in found.solutions)
    unread = [topic.unread for topic in topics if topic.unread]
    facts = {
        "topics": f"{len(topics) + skipped:,}, of which {accepted:,} with an accepted answer",
        "solutions": ", ".join(f"{ways[how]:,} {what}" for how, what in told.items() if ways[how]),
        "lost answers": f"{lost:,} accepted answers are hidden, empty or not there; the best reply stands for them"
        if lost
        else "",
        "unread posts": f"{sum(unread):,} of {len(unread):,} topics, deleted meanwhile or not saved" if unread else "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _listed(dropped: Counter[str]) -> str:
    return "; ".join(f"{number:,} {why}" for why, number in dropped.most_common())
