"""The kinds of sources there are: found by their files, described without importing them, checked key by key."""

import ast
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from bench.describe import Description, describe
from bench.errors import DataError
from bench.suggest import nearest

FOLDER = Path(__file__).parent / "sources"


def kinds() -> dict[str, Path]:
    """Name -> file of every kind of source, unread."""
    return {path.stem.replace("_", "-"): path for path in sorted(FOLDER.glob("[!_]*.py"))}


@cache
def described(kind: str) -> Description:
    """What a kind's source says of itself: its options, and which of them can be given on the command line."""
    return describe(kinds()[kind], bases=("Source",))


def named() -> dict[str, Description]:
    """The kinds that can be given as ``KIND:ARGUMENT``, without a card."""
    return {kind: told for kind in kinds() if (told := described(kind)).argument}


def loaded(kind: str) -> Callable[..., Any]:
    """The class of a kind; this imports its file."""
    module = import_module(f"bench.data.sources.{kinds()[kind].stem}")
    found: Callable[..., Any] = getattr(module, described(kind).class_name)
    return found


def option_mistakes(kind: str, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a source, as ``key: what is wrong``."""
    rules = {one.name: one for one in described(kind).parameters}
    found = [
        f"{name}: missing, give {expected(one.type)}"
        for name, one in rules.items()
        if one.default == "required" and name not in options
    ]
    for name, value in options.items():
        if name not in rules:
            found.append(f"{name}: unknown{nearest(name, rules)}")
        elif not _rule(rules[name].type).valid(value):
            found.append(f"{name}: {value!r} is not {expected(rules[name].type)}")
    return found


def expected(annotation: str) -> str:
    """What an option of this type may hold, in words."""
    return _rule(annotation).what


def typed(kind: str, name: str, text: str) -> Any:
    """An option from the text of the command line; DataError for one that is unknown or cannot be read."""
    rules = {one.name: one for one in described(kind).parameters}
    if name not in rules:
        raise DataError(f"{kind} has no option {name!r}{nearest(name, rules)}")
    rule = _rule(rules[name].type)
    try:
        value = rule.read(text)
    except ValueError:
        value = None
    if value is None or not rule.valid(value):
        raise DataError(f"{kind}: {name}={text} is not {rule.what}")
    return value


class _Rule(NamedTuple):
    what: str
    valid: Callable[[Any], bool]
    read: Callable[[str], Any]


def _rule(annotation: str) -> _Rule:
    plain = annotation.removesuffix(" | None")
    if plain.startswith("Literal["):
        values = ast.literal_eval(f"({plain[8:-1]},)")
        return _Rule(f"one of {', '.join(map(str, values))}", values.__contains__, str)
    return _RULES[plain]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_text, value))


def _is_text_table(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_text, value.values()))


_RULES = {
    "str": _Rule("a text", _is_text, str),
    "int": _Rule("a whole number", _is_whole, int),
    "float": _Rule("a number", _is_number, float),
    "bool": _Rule("true or false", lambda value: isinstance(value, bool), {"true": True, "false": False}.get),
    "tuple[str, ...]": _Rule("a list of texts", _is_texts, lambda text: tuple(text.split("+"))),
    "Mapping[str, str]": _Rule("a table of texts", _is_text_table, lambda text: None),  # noqa: ARG005 - a card's alone
}
