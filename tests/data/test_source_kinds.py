"""Kinds of sources are found by their files and their options checked by the types of their fields, without an import."""

import subprocess
import sys

import pytest

from bench.data import kinds as room
from bench.data.kinds import described, expected, kinds, loaded, named, option_mistakes, typed
from bench.data.source import Source
from bench.errors import DataError

SOURCE = '''
from dataclasses import dataclass
from typing import ClassVar, Literal

from bench.data.source import Source


@dataclass(frozen=True)
class StackDump(Source):
    """A made-up dump."""

    argument: ClassVar[str] = "path"

    path: str
    """Where it is."""
    topics: int = 0
    share: float = 0.5
    strict: bool = False
    tags: tuple[str, ...] = ()
    solutions: Literal["best", "accepted"] = "best"
'''


@pytest.fixture
def dump(tmp_path, monkeypatch):
    (tmp_path / "stack_dump.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(room, "FOLDER", tmp_path)
    described.cache_clear()
    yield
    described.cache_clear()


def test_a_file_dropped_in_is_a_kind(dump):
    assert list(kinds()) == ["stack-dump"]
    assert named()["stack-dump"].summary == "A made-up dump."


@pytest.mark.parametrize(
    ("options", "mistakes"),
    [
        ({"path": "x"}, []),
        ({"path": "x", "topics": 3, "share": 1, "strict": True, "tags": ["a"], "solutions": "accepted"}, []),
        ({}, ["path: missing, give a text"]),
        ({"path": " "}, ["path: ' ' is not a text"]),
        ({"path": "x", "topics": True}, ["topics: True is not a whole number"]),
        ({"path": "x", "share": "half"}, ["share: 'half' is not a number"]),
        ({"path": "x", "strict": 1}, ["strict: 1 is not true or false"]),
        ({"path": "x", "tags": ["a", ""]}, ["tags: ['a', ''] is not a list of texts"]),
        ({"path": "x", "solutions": "any"}, ["solutions: 'any' is not one of best, accepted"]),
    ],
)
def test_options_are_held_to_their_types(dump, options, mistakes):
    assert option_mistakes("stack-dump", options) == mistakes


def test_an_unknown_option_names_the_nearest(dump):
    assert "did you mean 'topics'?" in option_mistakes("stack-dump", {"path": "x", "topic": 1})[0]


def test_text_of_the_command_line_becomes_an_option(dump):
    texts = {"topics": "5", "share": "0.25", "strict": "true", "tags": "a+b", "solutions": "best"}
    assert [typed("stack-dump", *item) for item in texts.items()] == [5, 0.25, True, ("a", "b"), "best"]
    for name, text in (("topics", "many"), ("strict", "maybe"), ("solutions", "any"), ("nothing", "1")):
        with pytest.raises(DataError, match=name):
            typed("stack-dump", name, text)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_shipped_kind_says_what_it_is_and_takes(kind):
    told = described(kind)
    assert told.summary.endswith(".")
    assert issubclass(loaded(kind), Source)
    assert all(expected(one.type) for one in told.parameters)
    assert not told.argument or told.argument in {one.name for one in told.parameters}


def test_looking_at_kinds_imports_none_of_them():
    code = (
        "import sys\nfrom bench.data.kinds import named\nnamed()\n"
        "print([name for name in sys.modules if name.startswith('bench.data.sources.')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
