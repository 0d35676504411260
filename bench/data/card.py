"""A dataset card: the facts about one collection, read from TOML and checked key by key.

Reading cards needs nothing but the standard library, so that listing them is instant.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.data.schema import mistakes
from bench.errors import CardError


@dataclass(frozen=True)
class SourceSpec:
    """Where the records come from: ``kind`` is the name of a file in ``bench/data/sources``, ``options`` are its own keys."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitRule:
    """How questions are divided; see ``bench.data.split``.

    rule: ``by-group``; ``by-time``; ``auto``, which is by-time where every record has a date and by-group otherwise;
        ``random``, which divides groups and near duplicates too and so flatters what learns; ``official`` for collections
        that come with their splits, the only one these can have.
    heldout, dev: numbers of questions at most. fraction: share of all questions that neither of the two exceeds.
    largest_group: larger groups go to train, so that no class or thread dominates what is measured.
    salt: another salt holds other groups out.
    """

    rule: str = "auto"
    heldout: int = 1337
    dev: int = 1337
    fraction: float = 0.1
    largest_group: int = 66
    salt: str = "1"


@dataclass(frozen=True)
class TextRule:
    """Which questions and solutions count, and what is too similar to stand in two splits.

    question_words, code_lines: the least number of each. ngram: words per shingle of a solution.
    near_question, near_solution: Jaccard similarity of word sets and of shingle sets from which on two belong together.
    drop_near: where splits come with the collection, training questions that are near duplicates of a held-out one, or whose
        solutions are of a held-out one's, are left out too. drop_numbers, drop_single_letters: tokens that no text keeps; see ``bench.data.cleanup``.
    """

    question_words: int = 1
    code_lines: int = 1
    ngram: int = 3
    near_question: float = 0.8
    near_solution: float = 0.6
    drop_near: bool = False
    drop_numbers: bool = False
    drop_single_letters: bool = False


@dataclass(frozen=True)
class Expected:
    """Counts to find, by name (``documents``, ``train``, ``dev``, ``test``), each within the share ``tolerance`` of itself."""

    counts: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 0.0


@dataclass(frozen=True)
class Reference:
    """A published figure of one system on this collection, to hold a run against.

    spec: the system that ought to reach it here, as ``--retrievers`` takes it; empty where none does. tolerance: how far
    from the value it may come out.
    """

    system: str
    measure: str
    value: float
    origin: str
    spec: str = ""
    tolerance: float = 0.01


@dataclass(frozen=True)
class Card:
    """What is known of a collection before it is opened.

    path: the file it was read from, None for a collection named on the command line.
    version: raised by whoever edits the card when its records or splits change.
    pool: ``heldout``, ``all``, or empty where the kind of source decides.
    """

    name: str
    title: str
    source: SourceSpec
    path: Path | None = None
    version: int = 1
    description: str = ""
    language: str = ""
    licence: str = ""
    citation: str = ""
    homepage: str = ""
    pool: str = ""
    split: SplitRule = field(default_factory=SplitRule)
    text: TextRule = field(default_factory=TextRule)
    expected: Expected = field(default_factory=Expected)
    references: tuple[Reference, ...] = ()


def read_card(path: Path) -> Card:
    """Read one card; the CardError has one line per mistake, each with the file and the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CardError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path}: not TOML: {error}") from None
    found = mistakes(table)
    if not found and table["name"] != path.stem:
        found = [f"name: {table['name']!r}, but a card is found by its file name; rename one of them"]
    if found:
        raise CardError("\n".join(f"{path}: {mistake}" for mistake in found))
    return _card(table, path)


def _card(table: Mapping[str, Any], path: Path) -> Card:
    plain = {key: value for key, value in table.items() if key not in _PARTS}
    expected = dict(table.get("expected", {}))
    return Card(
        **plain,
        path=path,
        source=SourceSpec(table["source"]["kind"], {k: v for k, v in table["source"].items() if k != "kind"}),
        split=SplitRule(**table.get("split", {})),
        text=TextRule(**table.get("text", {})),
        expected=Expected(tolerance=float(expected.pop("tolerance", 0.0)), counts=expected),
        references=tuple(
            Reference(**{**row, **{key: float(row[key]) for key in ("value", "tolerance") if key in row}})
            for row in table.get("reference", ())
        ),
    )


_PARTS = ("schema", "source", "split", "text", "expected", "reference")
