"""What is searched of a system, and the system that the values found make."""

import pytest

from bench.api import Range
from bench.build import build, canonical
from bench.errors import OptionError, PluginError
from bench.plugins import find
from bench.run.search_space import assigned, dimensions
from bench.spec import parse

TUNABLE = """
from dataclasses import dataclass
from typing import ClassVar

from bench.api import Range, Retriever


@dataclass
class Tunable(Retriever):
    \"\"\"Can be tuned.\"\"\"

    depth: int = 3
    rate: float = 0.1
    kind: str = "a"
    flag: bool = False

    space: ClassVar = SPACE

    def index(self, corpus, env): ...
    def search(self, queries, k): ...
"""
SPACE = '{"depth": Range(1, 8), "rate": Range(0.001, 1, log=True), "flag": (True, False)}'


@pytest.fixture
def tunable(plugin):
    def plugins(space=SPACE):
        return find([plugin("tunable", TUNABLE.replace("SPACE", space))])

    return plugins


def searched(spec, plugins, **ranges):
    return {one.name: one for one in dimensions(parse(spec), plugins, ranges)}


def test_the_space_is_the_components_without_what_the_spec_spells_out(tunable):
    found = searched("tunable", tunable())
    assert {name: one.given for name, one in found.items()} == {"depth": 3, "rate": 0.1, "flag": False}
    assert [found["depth"].whole, found["rate"].whole] == [True, False]
    assert set(searched("tunable:rate=0.1", tunable())) == {"depth", "flag"}


def test_the_users_ranges_come_first(tunable):
    plugins = tunable()
    found = searched("tunable:flag=true", plugins, depth="2..4", kind="a~b", flag="false")
    assert found["depth"].values == Range(2, 4)
    assert found["kind"].values == ("a", "b")
    assert found["flag"].values == (False,)
    assert searched("tunable", plugins, rate="0.01..0.02")["rate"].values.log  # as the component has it
    assert searched("tunable", tunable("{}"), rate="0.001..0.5")["rate"].values.log  # so wide that factors count
    assert not searched("tunable", tunable("{}"), rate="0.1..0.5")["rate"].values.log


def test_values_make_the_system_that_can_be_typed(tunable):
    plugins, spec = tunable(), parse("bm25:k1=2+tunable:kind=b+tunable")
    found = dimensions(spec, plugins, {"bm25.b": "0..1", "tunable-2.kind": "a~c"})
    names = [one.name for one in found]
    assert {"bm25.b", "tunable.depth", "tunable-2.depth", "tunable-2.kind"} <= set(names)
    assert "tunable.kind" not in names
    values = {one.name: one.given for one in found} | {"bm25.b": 0.5, "tunable.flag": True, "tunable-2.kind": "c"}
    made = canonical(build(assigned(spec, found, values), plugins))
    assert str(made) == "bm25:k1=2.0:b=0.5+tunable:kind=b:flag=true+tunable:kind=c"
    assert parse(str(made)) == made


def test_a_scorer_alone_and_one_that_re_ranks_are_searched(tunable):
    assert "vector_epochs" in searched("cnn", tunable())
    assert {"bm25.k1", "cnn.learning_rate"} <= set(searched("bm25/cnn", tunable()))


def test_an_ensemble_is_searched_as_its_member(tunable):
    spec = parse("cnn:members=2")
    found = dimensions(spec, tunable(), {"epochs": "1..3"})
    values = {one.name: one.given for one in found} | {"epochs": 3}
    assert str(canonical(build(assigned(spec, found, values), tunable()))) == "cnn:epochs=3:members=2"


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ({"dept": "1..2"}, "no parameter 'dept'; did you mean 'depth'"),
        ({"depth": "2..1"}, "2..1 is no range"),
        ({"depth": "1..x"}, "depth=x is not a whole number"),
        ({"kind": "a..b"}, "is no number"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused(tunable, ranges, told):
    with pytest.raises(OptionError, match=f"--tune.*{told}"):
        searched("tunable", tunable(), **ranges)


def test_nothing_to_search_says_how_to_say_what(tunable):
    with pytest.raises(OptionError, match=r"--tune tunable=30:depth=LOW..HIGH, or give its class a `space`"):
        searched("tunable", tunable("{}"))


@pytest.mark.parametrize(
    "space",
    [
        '{"dept": (1, 2)}',
        '{"depth": 3}',
        '{"depth": ()}',
        '{"rate": Range(0, 1, log=True)}',
        '{"depth": Range(0.5, 2)}',
        '{"kind": Range(1, 2)}',
        '{"flag": Range(0, 1)}',
    ],
)
def test_a_components_own_mistake_names_it(tunable, space):
    with pytest.raises(PluginError, match="tunable"):
        searched("tunable", tunable(space))


@pytest.mark.parametrize("name", ["bm25", "tfidf", "cnn"])
def test_the_spaces_that_ship_hold_the_defaults_and_what_the_retriever_takes(name):
    plugins = find()
    found = dimensions(parse(name), plugins, {})
    assert all(one.given in one for one in found)
    for one in found:
        ends = one.values[:2] if isinstance(one.values, Range) else one.values
        for end in ends:
            values = {other.name: other.given for other in found} | {one.name: int(end) if one.whole else end}
            build(assigned(parse(name), found, values), plugins)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("../a.vec", ("../a.vec",)),
        ("../a.vec~../b.vec", ("../a.vec", "../b.vec")),
        ("./a..b~/c", ("./a..b", "/c")),
        ("~/a~~/b", ("~/a", "~/b")),
        ("a~b", ("a", "b")),
    ],
)
def test_paths_are_values_whatever_dots_and_tildes_they_hold(tunable, text, values):
    assert searched("tunable", tunable(), kind=text)["kind"].values == values
