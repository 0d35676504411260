"""A file of question/solution pairs: JSONL, CSV or TSV, one pair a line, columns found by their usual names."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from bench.data.card import Card
from bench.data.dataset import Dataset
from bench.data.pairing import Pair, dataset_from_pairs, folded
from bench.data.prose import quotes, words
from bench.data.records import Record, content_hash, json_lines, table_rows, text_of
from bench.errors import DataError

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "query", "q", "title", "problem", "prompt", "docstring", "nl"),
    "solution": ("solution", "answer", "a", "response", "reply", "code", "accepted_answer", "cmd", "command"),
    "id": ("id", "_id", "qid", "question_id"),
    "group": ("group", "group_id", "thread", "thread_id", "topic_id", "conversation_id"),
    "date": ("date", "created", "created_at", "creation_date", "timestamp"),
}
"""Names under which a column is found, compared without case, the first one that is there; a card can name others."""

_LEAST_QUESTIONS = 30
_QUOTED_WORDS = 4


def versions(card: Card) -> dict[str, str]:
    """Hash of the file."""
    return {"content": content_hash(card.located("path"))}


def read(card: Card, progress: Callable[[float, str], None]) -> Dataset:
    """Read, group and split the pairs; DataError names the line of anything damaged."""
    path = card.located("path")
    progress(0.0, f"reading {path}")
    dropped: Counter[str] = Counter()
    pairs = list(_pairs(path, card, dropped))
    questions = len({folded(pair.question) for pair in pairs})
    if questions < _LEAST_QUESTIONS:
        raise DataError(
            f"{path}: {questions} different questions; there must be {_LEAST_QUESTIONS} or more to hold some out"
        )
    facts = {}
    if dropped:
        facts["dropped"] = "; ".join(f"{count:,} {why}" for why, count in dropped.items())
    quoted = sum(len(words(pair.question)) >= _QUOTED_WORDS and quotes(pair.solution, pair.question) for pair in pairs)
    if quoted:
        facts["quoted"] = f"{quoted:,} solutions hold their own question word for word, which helps lexical retrievers"
    return dataset_from_pairs(pairs, card, facts, progress)


def _pairs(path: Path, card: Card, dropped: Counter[str]) -> Iterator[Pair]:
    records = _records(path)
    first = next(records, None)
    if first is None:
        raise DataError(f"{path}: no pairs below the header")
    columns = _columns(path, first, card)
    lines: dict[str, int] = {}
    for record in chain([first], records):
        question, solution = (_text(path, record, columns[key]) for key in ("question", "solution"))
        name = _label(path, record, columns["id"]) if "id" in columns else str(record.line)
        if name in lines:
            raise DataError(f"{path}:{record.line}: {columns['id']} {name!r} stands on line {lines[name]} too")
        lines[name] = record.line
        if not question or not solution:
            dropped["pairs without a solution" if question else "pairs without a question"] += 1
            continue
        group = _label(path, record, columns["group"]) if "group" in columns else ""
        date = _date(path, record, columns["date"]) if "date" in columns else None
        yield Pair(name, question, solution, group=group, date=date)


def _records(path: Path) -> Iterator[Record]:
    readers: Mapping[str, Callable[[], Iterator[Record]]] = {
        ".jsonl": lambda: json_lines(path),
        ".ndjson": lambda: json_lines(path),
        ".tsv": lambda: table_rows(path, "\t"),
        ".csv": lambda: table_rows(path, _delimiter(path)),
    }
    if path.suffix.casefold() not in readers:
        raise DataError(f"{path}: the name must end in one of {', '.join(readers)}")
    return readers[path.suffix.casefold()]()


def _delimiter(path: Path) -> str:
    """Semicolons where the header has more of them than commas, as spreadsheets write in much of Europe."""
    header = text_of(path).lstrip("\n").partition("\n")[0]
    return ";" if header.count(";") > header.count(",") else ","


def _columns(path: Path, record: Record, card: Card) -> dict[str, str]:
    """Which column holds what: role -> name in the file."""
    names = list(record.fields)
    by_folded = {name.strip().casefold().replace(" ", "_").replace("-", "_"): name for name in reversed(names)}
    found: dict[str, str] = {}
    for role, synonyms in SYNONYMS.items():
        if role in card.source.options:
            wanted = card.source.options[role]
            if wanted not in names:
                raise DataError(f"{path}:{record.line}: no column {wanted!r}; there are {', '.join(map(repr, names))}")
            found[role] = wanted
        elif matching := [by_folded[name] for name in synonyms if name in by_folded]:
            found[role] = matching[0]
        elif role in ("question", "solution"):
            raise DataError(
                f"{path}:{record.line}: no column for the {role}; there are {', '.join(map(repr, names))}; "
                f"name one of them {' or '.join(synonyms[:3])}"
            )
    return found


def _value(path: Path, record: Record, column: str) -> Any:
    if column not in record.fields:
        raise DataError(
            f"{path}:{record.line}: no {column!r}; there are {', '.join(map(repr, record.fields)) or 'no keys'}"
        )
    return record.fields[column]


def _text(path: Path, record: Record, column: str) -> str:
    value = _value(path, record, column)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{path}:{record.line}: {column!r} is {value!r:.40}, not a text")
    return (value or "").strip()


def _label(path: Path, record: Record, column: str) -> str:
    value = _value(path, record, column)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise DataError(f"{path}:{record.line}: {column!r} is {value!r:.40}, not a text or a whole number")
    return str(value).strip()


def _date(path: Path, record: Record, column: str) -> float:
    """Seconds since 1970 of an ISO 8601 date or of a number of seconds; times without a zone are taken as UTC."""
    value = _value(path, record, column)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise DataError(
                f"{path}:{record.line}: {column!r} is {value!r:.40}, neither ISO 8601 nor seconds since 1970; "
                "rename the column if it is no date"
            ) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise DataError(f"{path}:{record.line}: {column!r} is {value!r:.40}, which is no date")
    return seconds
