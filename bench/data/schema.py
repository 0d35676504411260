"""What a dataset card may say: every key with its type and range; nothing that is misspelt passes unnoticed."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from bench.data.kinds import kinds, option_mistakes

SCHEMA = 1
"""Schema version that this program reads; a card says which one it follows."""


_MOST_HELD_OUT = 0.4


class Key(NamedTuple):
    """What a key may hold: ``valid`` decides, ``what`` tells the author of a card."""

    what: str
    valid: Callable[[Any], bool]
    required: bool = False


def mistakes(table: Mapping[str, Any]) -> list[str]:
    """List everything that is wrong with a card as ``key: what is wrong``, in the order of the schema."""
    if table.get("schema") != SCHEMA:
        return [f"schema: {table.get('schema', 'missing')}, this version reads schema = {SCHEMA}"]
    found = _table(table, _TOP, "")
    for name, keys in _SECTIONS.items():
        if isinstance(table.get(name), dict):
            found += _table(table[name], keys, f"{name}.")
    source = table.get("source")
    if isinstance(source, dict):
        found += _source(source)
    references = table.get("reference", [])
    if _is_tables(references):
        for number, row in enumerate(references, start=1):
            found += _table(row, _REFERENCE, f"reference[{number}].")
    return found


def _table(table: Mapping[str, Any], keys: Mapping[str, Key], prefix: str) -> list[str]:
    found = [
        f"{prefix}{key}: missing, give {rule.what}" for key, rule in keys.items() if rule.required and key not in table
    ]
    for key, value in table.items():
        if key not in keys:
            close = get_close_matches(key, keys, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(sorted(keys))}"
            found.append(f"{prefix}{key}: unknown; {hint}")
        elif not keys[key].valid(value):
            found.append(f"{prefix}{key}: {value!r} is not {keys[key].what}")
    return found


def _source(source: Mapping[str, Any]) -> list[str]:
    kind = source.get("kind")
    if not isinstance(kind, str) or kind not in kinds():
        return [f"source.kind: {kind!r} is none of {', '.join(kinds())}"]
    options = {key: value for key, value in source.items() if key != "kind"}
    return [f"source.{mistake}" for mistake in option_mistakes(kind, options)]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: Any) -> bool:
    return _is_count(value) and bool(value > 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _one_of(*values: str) -> Key:
    return Key(f"one of {', '.join(values)}", values.__contains__)


_TEXT = Key("a text", _is_text)
_FLAG = Key("true or false", lambda value: isinstance(value, bool))
_TABLE = Key("a table", lambda value: isinstance(value, dict))
_COUNT = Key("a whole number from 0", _is_count)
_POSITIVE = Key("a whole number from 1", _is_positive)
_SIMILARITY = Key("a number above 0, at most 1", lambda value: _is_share(value) and value > 0)
_SHARE = Key("a number from 0 to 1", _is_share)

_TOP: Mapping[str, Key] = {
    "schema": _POSITIVE,
    "name": Key(
        "a name of lower-case letters, digits, dots and hyphens",
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9.-]*", value) is not None,
        required=True,
    ),
    "version": Key("a whole number from 1", _is_positive, required=True),
    "title": Key("a text", _is_text, required=True),
    "description": Key("a text", _is_text, required=True),
    "language": Key("a text", _is_text, required=True),
    "licence": Key("a text", _is_text, required=True),
    "citation": _TEXT,
    "homepage": Key("an address", lambda value: isinstance(value, str) and value.startswith(("https://", "http://"))),
    "pool": _one_of("heldout", "all"),
    "source": Key("a table [source]", lambda value: isinstance(value, dict), required=True),
    "split": _TABLE,
    "text": _TABLE,
    "expected": _TABLE,
    "reference": Key("an array of tables [[reference]]", _is_tables),
}
_SECTIONS: Mapping[str, Mapping[str, Key]] = {
    "split": {
        "rule": _one_of("auto", "official", "random", "by-group", "by-time"),
        "heldout": _POSITIVE,
        "dev": _POSITIVE,
        "fraction": Key(
            "a number above 0, at most 0.4", lambda value: _is_share(value) and 0 < value <= _MOST_HELD_OUT
        ),
        "largest_group": _POSITIVE,
        "salt": _TEXT,
    },
    "text": {
        "question_words": _COUNT,
        "code_lines": _COUNT,
        "ngram": _POSITIVE,
        "near_question": _SIMILARITY,
        "near_solution": _SIMILARITY,
        "drop_near": _FLAG,
        "drop_numbers": _FLAG,
        "drop_single_letters": _FLAG,
    },
    "expected": {"documents": _COUNT, "train": _COUNT, "dev": _COUNT, "test": _COUNT, "tolerance": _SHARE},
}
_REFERENCE: Mapping[str, Key] = {
    "system": Key("a text", _is_text, required=True),
    "measure": Key("a measure such as nDCG@10", _is_text, required=True),
    "value": Key("a number from 0 to 1", _is_share, required=True),
    "origin": Key("where the figure was published", _is_text, required=True),
    "spec": Key("a system such as bm25:k1=0.9", _is_text),
    "tolerance": _SHARE,
}
