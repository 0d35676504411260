"""Which column of a table holds what, and the pairs that its rows make."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

from bench.data.dataset import Dataset
from bench.data.pairing import Pair, dataset_from_pairs, folded
from bench.data.source import Opening
from bench.data.tables.records import Record
from bench.errors import DataError

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "query", "q", "title", "problem", "prompt", "docstring", "nl"),
    "solution": ("solution", "answer", "a", "response", "reply", "code", "accepted_answer", "cmd", "command"),
    "id": ("id", "_id", "qid", "question_id"),
    "group": ("group", "group_id", "thread", "thread_id", "topic_id", "conversation_id"),
    "date": ("date", "created", "created_at", "creation_date", "timestamp"),
    "body": ("body", "question_body"),
}
"""Names under which a column is found, compared without case, the first one that is there; a card can name others."""

_TEXTS = ("question", "solution", "body")
"""What is given one of these by name is not found to be another by its usual name."""
_OPTIONAL = ("id", "group", "date", "body")
_ID_BYTES = 6


class Table(NamedTuple):
    """Records of one file. name: what messages call it."""

    name: str
    records: Iterable[Record]


def dataset_from_tables(
    tables: Sequence[Table], wanted: Mapping[str, str], opening: Opening, facts: Mapping[str, str]
) -> Dataset:
    """Read the pairs of all tables, then group and split them.

    wanted: role, a key of ``SYNONYMS``, -> the name of its column, "" for a usual one. facts: what to tell besides.
    Which columns there are is decided by the first record of each table; DataError names table and line of a record that
    has an id, a group, a date or a body where the first had none, and of anything damaged. A pair without an id column is named by
    a hash of its texts, so that a row more or less changes the name of no other.
    """
    dropped: Counter[str] = Counter()
    pairs = list(_pairs(tables, wanted, dropped))
    told = dict(facts)
    if dropped:
        told["dropped"] = "; ".join(f"{count:,} {why}" for why, count in dropped.items())
    return dataset_from_pairs(pairs, opening.card, told, opening.progress)


def _pairs(tables: Iterable[Table], wanted: Mapping[str, str], dropped: Counter[str]) -> Iterator[Pair]:
    places: dict[str, tuple[str, int]] = {}
    repeats: Counter[str] = Counter()
    for table in tables:
        records = iter(table.records)
        first = next(records, None)
        if first is None:
            raise DataError(f"{table.name}: no pairs below the header")
        columns = _columns(table.name, first, wanted)
        for record in chain([first], records):
            if record.fields.keys() != first.fields.keys():
                _check_roles(table.name, record, columns, first)
            given = _name(table.name, record, columns["id"], places) if "id" in columns else ""
            question, solution = (_text(table.name, record, columns[key]) for key in ("question", "solution"))
            if not question or not solution:
                dropped["pairs without a solution" if question else "pairs without a question"] += 1
                continue
            group = _label(table.name, record, columns["group"]) if "group" in columns else ""
            date = _date(table.name, record, columns["date"]) if "date" in columns else None
            body = _text(table.name, record, columns["body"]) if "body" in columns else ""
            name = given or _hashed(question, solution, repeats)
            yield Pair(name, question, solution, group=group, date=date, body=body)


def _columns(table: str, record: Record, wanted: Mapping[str, str]) -> dict[str, str]:
    """Which column holds what: role -> name in the table."""
    names = list(record.fields)
    by_folded = {_evened(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    for role, name in wanted.items():
        if name and name not in names and _evened(name) not in by_folded:
            raise DataError(f"{table}:{record.line}: no column {name!r}; there are {', '.join(map(repr, names))}")
        if name:
            found[role] = name if name in names else by_folded[_evened(name)]
    taken = {found[role] for role in _TEXTS if role in found}
    for role, synonyms in SYNONYMS.items():
        if role in found:
            continue
        matching = [by_folded[name] for name in synonyms if name in by_folded]
        if matching := [name for name in matching if role not in _TEXTS or name not in taken]:
            found[role] = matching[0]
        elif role in ("question", "solution"):
            raise DataError(
                f"{table}:{record.line}: no column for the {role}; there are {', '.join(map(repr, names))}; "
                f"name one of them {' or '.join(synonyms[:3])}"
            )
    return found


def _check_roles(table: str, record: Record, columns: Mapping[str, str], first: Record) -> None:
    """Check that a record with other keys than the first one's tells no id, group, date or body that would be passed over."""
    texts = {columns[role] for role in _TEXTS if role in columns}
    for role in _OPTIONAL:
        fields = [name for name in record.fields if role not in _TEXTS or name not in texts]
        found = [name for name in fields if _evened(name) in SYNONYMS[role]] if role not in columns else []
        if found:
            raise DataError(
                f"{table}:{record.line}: {found[0]!r} is here, but not on line {first.line}; "
                f"give it to every record, or rename the key if it is no {role}"
            )


def _evened(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _name(table: str, record: Record, column: str, places: dict[str, tuple[str, int]]) -> str:
    """Id of a pair: what the column says, which no other may say."""
    name = _label(table, record, column)
    if name in places:
        other, line = places[name]
        where = f"line {line}" if other == table else f"{other}:{line}"
        raise DataError(f"{table}:{record.line}: {column} {name!r} stands on {where} too")
    places[name] = (table, record.line)
    return name


def _hashed(question: str, solution: str, repeats: Counter[str]) -> str:
    """Id of a pair without one: a hash of its texts, with a number behind it where the pair stands there again."""
    texts = f"{folded(question)}\0{folded(solution)}".encode("utf-8", "surrogatepass")
    name = hashlib.blake2b(texts, digest_size=_ID_BYTES).hexdigest()
    repeats[name] += 1
    return name if repeats[name] == 1 else f"{name}-{repeats[name]}"


def _value(table: str, record: Record, column: str) -> Any:
    if column not in record.fields:
        raise DataError(
            f"{table}:{record.line}: no {column!r}; there are {', '.join(map(repr, record.fields)) or 'no keys'}"
        )
    return record.fields[column]


def _text(table: str, record: Record, column: str) -> str:
    value = _value(table, record, column)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{table}:{record.line}: {column!r} is {value!r:.40}, not a text")
    return (value or "").strip()


def _label(table: str, record: Record, column: str) -> str:
    value = _value(table, record, column)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise DataError(f"{table}:{record.line}: {column!r} is {value!r:.40}, not a text or a whole number")
    return str(value).strip()


def _date(table: str, record: Record, column: str) -> float:
    """Seconds since 1970 of an ISO 8601 date or of a number of seconds; times without a zone are taken as UTC."""
    value = _value(table, record, column)
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise DataError(
                f"{table}:{record.line}: {column!r} is {value!r:.40}, neither ISO 8601 nor seconds since 1970; "
                "rename the column if it is no date"
            ) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise DataError(f"{table}:{record.line}: {column!r} is {value!r:.40}, which is no date")
    return seconds
