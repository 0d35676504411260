"""A Discourse forum on disk: every answer is stored before the next request, so that a pull goes on where it was stopped."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from bench.data.forums.discourse_topics import is_id, posts_of, seconds, stored, stream_of, topic_files
from bench.data.source import Progress
from bench.data.tables.records import content_hash
from bench.data.web.answers import AnswerError
from bench.data.web.http import Client
from bench.data.web.lock import locked, usable
from bench.errors import DataError
from bench.files import write_json

_POSTS_A_REQUEST = 20
_DELETED = (404, 410)
_REFUSED = 403


class Bounds(NamedTuple):
    """What is pulled of a forum.

    category: as its page's address has it behind ``/c/``, "" for all. topics: the newest so many, 0 for all.
    since: seconds since 1970 before which no topic began, None for all. accepted: only topics that may have an accepted answer.
    """

    category: str = ""
    topics: int = 0
    since: float | None = None
    accepted: bool = False


class Pulled(NamedTuple):
    """A finished pull.

    folder: what ``read_topics`` reads. topics: ids in the order of the forum's list. skipped: reason -> topics that the list
    itself shows to have no solution. begun: day of the first request. content: hash of the files.
    """

    folder: Path
    topics: tuple[int, ...]
    skipped: Mapping[str, int]
    begun: str
    content: str


def pull(address: str, bounds: Bounds, folder: Path, client: Callable[[], Client], progress: Progress) -> Pulled:
    """Bring the topics of a forum into a folder of their own, with requests only for what is not there yet.

    Answers lie below ``lists/`` and ``topics/``, each written whole or not at all. A pull within the same bounds that was
    finished once is not repeated; processes that pull into one folder wait for one another. Raises DataError.
    """
    told = json.dumps(bounds)
    done = folder / f"finished-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"
    note = f"waiting for another process that pulls {address}"
    with locked(folder / "lock", lambda: progress(0.0, note)), usable(folder):
        if not _is_whole(done):
            _pull(_Forum(address, folder, client()), bounds, done, progress)
        table = stored(done)
    return Pulled(folder / "topics", tuple(table["topics"]), table["skipped"], table["begun"], table["content"])


def _is_whole(done: Path) -> bool:
    """Whether a pull was finished and nothing of it deleted since."""
    if not done.exists():
        return False
    table = stored(done)
    return bool(len(_files(done.parent, table["topics"])) == table["files"])


def _files(folder: Path, topics: Collection[int]) -> list[Path]:
    place = folder / "topics"
    return [path for paths in topic_files(place, set(topics)).values() for path in paths] if place.exists() else []


def _pull(forum: "_Forum", bounds: Bounds, done: Path, progress: Progress) -> None:
    begun = forum.kept(forum.folder / "begun.json", lambda: {"address": forum.address, "day": _today()})["day"]
    entries = []
    for entry in _entries(forum, bounds):
        entries.append(entry)
        progress(0.0, f"{forum.address}: {len(entries):,} topics listed")
    skipped = Counter(why for entry in entries if (why := _skipped(entry, bounds)))
    topics = [entry["id"] for entry in entries if not _skipped(entry, bounds)]
    for number, topic in enumerate(topics):
        progress(0.6 * number / len(topics), f"{forum.address}: topic {number + 1:,} of {len(topics):,}")
        forum.fetch(topic)
    files = _files(forum.folder, topics)
    told = {"files": len(files), "content": content_hash(*files), "begun": begun, "skipped": skipped}
    write_json(done, {"topics": topics, **told})


class _Forum(NamedTuple):
    address: str
    folder: Path
    client: Client

    def kept(self, path: Path, ask: Callable[[], Any]) -> Mapping[str, Any]:
        """The answer in a file, or the one that is asked for and then stored there."""
        if not path.exists():
            write_json(path, ask())
        return stored(path)

    def fetch(self, topic: int) -> None:
        """Store a topic with all its posts, or that it is gone."""
        path = self.folder / "topics" / f"{topic}.json"
        try:
            table = self.kept(path, partial(self._posts, f"t/{topic}.json"))
            if "gone" in table:
                return
            for number, ids in enumerate(_further(table, str(path)), start=1):
                further = path.with_name(f"{topic}-{number}.json")
                self.kept(further, partial(self._posts, f"t/{topic}/posts.json", ids))
        except AnswerError as error:
            # A refusal that does not come from Discourse itself concerns us, not the topic: nothing more can be read now.
            if error.status not in _DELETED and not (error.status == _REFUSED and b'"errors"' in error.content):
                raise
            write_json(path, {"id": topic, "gone": error.status})

    def page(self, category: str, number: int) -> Mapping[str, Any]:
        """One page of the list of topics, those begun last first; bumped ones would move between pages meanwhile."""
        path = f"c/{quote(category)}/l/latest.json" if category else "latest.json"
        parameters: dict[str, str | int] = {"order": "created", "no_definitions": "true", "page": number}

        def ask() -> Any:
            table = self.client.get_json(f"{self.address}/{path}", parameters)
            _check_listed(table, f"{self.address}/{path}")
            return table

        place = self.folder / "lists" / f"{number}.json"
        table = self.kept(place, ask)
        _check_listed(table, str(place))
        listed: Mapping[str, Any] = table["topic_list"]
        return listed

    def _posts(self, path: str, ids: list[int] | None = None) -> Any:
        further: Mapping[str, list[int]] = {"post_ids[]": ids} if ids else {}
        table = self.client.get_json(f"{self.address}/{path}", {"include_raw": "true", **further})
        stream_of(table, f"{self.address}/{path}")
        return table


def _check_listed(table: Any, origin: str) -> None:
    listed = table.get("topic_list") if isinstance(table, dict) else None
    topics = listed.get("topics") if isinstance(listed, dict) else None
    if not isinstance(topics, list) or not all(isinstance(topic, dict) and "id" in topic for topic in topics):
        raise DataError(f"{origin}: no list of topics; is this the address of a Discourse forum?")
    wrong = [topic["id"] for topic in topics if not is_id(topic["id"])]
    if wrong:
        raise DataError(f"{origin}: a topic has the id {wrong[0]!r:.40}, which is no number above 0")


def _entries(forum: _Forum, bounds: Bounds) -> Iterator[Mapping[str, Any]]:
    """The topics that the forum lists, each once: between two requests one may move from a page to the next."""
    known: set[int] = set()
    fresh = stale = 0
    for number in count():
        listed = forum.page(bounds.category, number)
        recent = [topic for topic in listed["topics"] if _is_recent(topic, bounds, forum.address)]
        before = len(known)
        for topic in recent:
            if topic["id"] not in known:
                known.add(topic["id"])
                yield topic
            if bounds.topics and len(known) == bounds.topics:
                return
        # A pinned topic may stand among newer ones, so that only a page of nothing but old ones is the end.
        if not recent or not listed.get("more_topics_url"):
            return
        fresh, stale = (fresh + 1, 0) if len(known) > before else (fresh, stale + 1)
        # Topics begun since the stored pages were asked for push those pages' topics on to later ones, as many pages as
        # there were; more pages without anything new come from a server that answers the same to every number.
        if stale > fresh:
            return


def _is_recent(topic: Mapping[str, Any], bounds: Bounds, address: str) -> bool:
    if bounds.since is None:
        return True
    began = seconds(topic.get("created_at"), f"{address}: topic {topic['id']} of the list")
    return began is None or began >= bounds.since


def _skipped(topic: Mapping[str, Any], bounds: Bounds) -> str:
    """Why a topic need not be asked for, "" if it must."""
    if topic.get("posts_count") == 1:
        return "topics without a reply"
    if bounds.accepted and topic.get("has_accepted_answer") is False:
        return "topics without accepted answer"
    return ""


def _further(table: Mapping[str, Any], origin: str) -> list[list[int]]:
    """The ids of posts that did not come with the topic itself, in the portions in which they are asked for."""
    here = {post["id"] for post in posts_of(table, origin) if is_id(post.get("id"))}
    ids = [name for name in dict.fromkeys(stream_of(table, origin)) if name not in here]
    return [ids[at : at + _POSTS_A_REQUEST] for at in range(0, len(ids), _POSTS_A_REQUEST)]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
