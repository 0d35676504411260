"""Topics of a Discourse forum as its REST API tells them (``t/ID.json`` and lists of further posts), read from files."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

from bench.data.markup import html_text, markdown_text
from bench.errors import BenchError, DataError
from bench.files import read_json

_NAME = re.compile(r"([0-9]+)(?:-([0-9]+))?\.json")
_REGULAR = 1
_LIKE = 2


@dataclass(frozen=True)
class Post:
    """One post; ``number`` counts from 1 in its topic, with gaps where posts were deleted.

    regular: written by somebody for every reader: no notice of the forum, no whisper, not hidden, not deleted.
    score: the forum's own, where it tells it. activity: what the forum's formula makes of the counts that everybody sees.
    """

    id: int
    number: int
    regular: bool
    accepted: bool
    score: float | None
    activity: float
    raw: str
    cooked: str
    date: float | None

    @cached_property
    def text(self) -> str:
        """Prose and code without what it quotes of other posts; from Markdown where the forum offers it, else from HTML."""
        return (markdown_text(self.raw) if self.raw.strip() else html_text(self.cooked)).strip()


@dataclass(frozen=True)
class Topic:
    """A topic with its posts in order, each once.

    date: seconds since 1970 of its first post. accepted: number of the post that the topic itself names as its solution.
    unread: how many of its posts are in no file.
    """

    id: int
    title: str
    date: float | None
    posts: tuple[Post, ...]
    accepted: int | None
    unread: int

    @property
    def names_solution(self) -> bool:
        """Whether the topic or a post of it says that a reply is accepted."""
        return self.accepted is not None or any(post.accepted and post.number > 1 for post in self.posts)


def topic_files(folder: Path, only: Collection[int] | None = None) -> dict[int, list[Path]]:
    """Topic id -> its files, ``ID.json`` first, then those of further posts, ``ID-1.json`` and so on; ids ascending."""
    try:
        named = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from None
    found: dict[int, list[tuple[int, Path]]] = {}
    for match, path in named:
        if only is None or int(match[1]) in only:
            found.setdefault(int(match[1]), []).append((int(match[2] or 0), path))
    for topic, files in found.items():
        if min(files)[0]:
            raise DataError(f"{min(files)[1]}: further posts of a topic, but {folder / f'{topic}.json'} is not there")
    return {topic: [path for _, path in sorted(files)] for topic, files in sorted(found.items())}


def read_topics(files: Mapping[int, Sequence[Path]], dropped: Counter[str]) -> Iterator[Topic]:
    """Yield the topics of ``topic_files``, each once; ``dropped`` counts those that are gone, by the reason.

    DataError names the file that is damaged.
    """
    known: set[int] = set()
    for paths in files.values():
        table = stored(paths[0])
        if "gone" in table:
            dropped["topics deleted or closed before they were read"] += 1
            continue
        topic = _topic(paths[0], table, [post for path in paths for post in posts_of(stored(path), str(path))])
        if topic.id in known:
            dropped["topics merged into another"] += 1
            continue
        known.add(topic.id)
        yield topic


def stored(path: Path) -> Mapping[str, Any]:
    """Read one stored answer; DataError names the file and says what to do."""
    try:
        table = read_json(path)
    except (BenchError, RecursionError) as error:
        raise DataError(f"{error}; delete it, so that it is read from the forum again") from None
    if not isinstance(table, dict):
        raise DataError(f"{path}: a {type(table).__name__} where an object {{...}} should stand")
    return table


def posts_of(table: Any, origin: str) -> list[Mapping[str, Any]]:
    """The posts in an answer; DataError names its origin where it is no answer of this kind."""
    stream = table.get("post_stream") if isinstance(table, dict) else None
    posts = stream.get("posts") if isinstance(stream, dict) else None
    if not isinstance(posts, list) or not all(isinstance(post, dict) for post in posts):
        raise DataError(f"{origin}: no post_stream with posts, as Discourse's t/ID.json has it")
    return posts


def stream_of(table: Mapping[str, Any], origin: str) -> list[int]:
    """The ids of all posts of a topic, in order; empty where the answer does not list them. DataError for what is no id."""
    posts_of(table, origin)
    stream = table["post_stream"].get("stream")
    ids = stream if isinstance(stream, list) else []
    wrong = [name for name in ids if not is_id(name)]
    if wrong:
        raise DataError(f"{origin}: post_stream names a post {wrong[0]!r:.40}, which is no number above 0")
    return ids


def is_id(value: Any) -> bool:
    """Whether a value is what Discourse numbers topics and posts with; it becomes part of a file's name."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def seconds(value: Any, origin: str) -> float | None:
    """Seconds since 1970 of a date as Discourse writes it; None for null."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError(f"{origin}: {value!r:.40} is no date such as 2020-01-31T12:00:00.000Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _topic(path: Path, table: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> Topic:
    origin = f"{path}: topic {table.get('id')!r:.20}"
    posts: dict[int, Post] = {}
    for fields in told:
        post = _post(fields, origin)
        posts.setdefault(post.id, post)
    ids = set(stream_of(table, origin))
    count = table.get("posts_count")
    unread = len(ids - posts.keys()) if ids else max(0, (count if isinstance(count, int) else 0) - len(posts))
    ordered = tuple(sorted(posts.values(), key=lambda post: (post.number, post.id)))
    dates = [seconds(table.get("created_at"), origin), *(post.date for post in ordered)]
    accepted = table.get("accepted_answer")
    return Topic(
        id=_whole(table, "id", origin),
        title=_string(table, "title", origin) or unescape(_string(table, "fancy_title", origin)),
        date=next((date for date in dates if date is not None), None),
        posts=ordered,
        accepted=_whole(accepted, "post_number", f"{origin}: accepted_answer") if isinstance(accepted, dict) else None,
        unread=unread,
    )


def _post(fields: Mapping[str, Any], origin: str) -> Post:
    origin = f"{origin}, post {fields.get('id')!r:.20}"
    unseen = fields.get("hidden") is True or fields.get("user_deleted") is True or fields.get("deleted_at") is not None
    return Post(
        id=_whole(fields, "id", origin),
        number=_whole(fields, "post_number", origin),
        regular=fields.get("post_type", _REGULAR) == _REGULAR and not unseen,
        accepted=fields.get("accepted_answer") is True,
        score=_number(fields.get("score")),
        activity=_activity(fields),
        raw=_string(fields, "raw", origin),
        cooked=_string(fields, "cooked", origin),
        date=seconds(fields.get("created_at"), origin),
    )


def _activity(post: Mapping[str, Any]) -> float:
    """Discourse's score from the counts of a post (``ScoreCalculator``; reading time counted until 2020)."""
    actions = post.get("actions_summary")
    likes = [
        _number(action.get("count")) or 0.0
        for action in (actions if isinstance(actions, list) else [])
        if isinstance(action, dict) and action.get("id") == _LIKE
    ]
    return 15 * sum(likes) + sum(weight * (_number(post.get(key)) or 0.0) for key, weight in _WEIGHTS.items())


_WEIGHTS = {"reply_count": 5, "incoming_link_count": 5, "bookmark_count": 2, "avg_time": 0.05, "reads": 0.2}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def _whole(fields: Mapping[str, Any], key: str, origin: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"{origin}: {key} is {value!r:.40}, not a whole number")
    return value


def _string(fields: Mapping[str, Any], key: str, origin: str) -> str:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{origin}: {key} is {value!r:.40}, not a text")
    return value or ""
