"""Specs become objects and back; parameters are converted by type and every mistake names the nearest match."""

import pytest
from plugin_examples import OVERLAP

from bench.build import build, canonical, parameters
from bench.errors import SpecError
from bench.pipeline import Cascade, Exhaustive, Fusion
from bench.plugins import find
from bench.spec import parse

TYPED = OVERLAP.replace(
    "min_length: int = 1",
    "min_length: int = 1\n    rate: float = 0.5\n    fast: bool = False\n    name: str = 'x'\n    top: int | None = None",
)


@pytest.fixture
def plugins(plugin):
    return find([plugin("typed", TYPED)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("typed", "typed"),
        ("typed:rate=0.50:min_length=2", "typed:min_length=2"),
        ("typed:fast=true:top=none", "typed:fast=true"),
        ("typed:top=3:name=a%2Fb", "typed:name=a%2Fb:top=3"),
        ("typed+bm25+random:rrf_k=60", "typed+bm25+random"),
        ("{typed+bm25}/cnn:depth=50:blend=0", "{typed+bm25}/cnn:depth=50:blend=0"),
        ("bm25/cnn:depth=100+typed:weights=dev", "bm25/cnn+typed:weights=dev"),
    ],
)
def test_canonical_text_holds_only_what_differs_from_the_defaults(plugins, text, expected):
    system = build(parse(text), plugins)
    assert str(canonical(system)) == expected
    assert str(canonical(build(parse(expected), plugins))) == expected


def test_a_scorer_alone_becomes_a_system_that_ranks_everything(plugins):
    assert isinstance(build(parse("cnn"), plugins), Exhaustive)
    assert str(canonical(build(parse("cnn"), plugins))) == "cnn"
    assert isinstance(build(parse("bm25/cnn"), plugins), Cascade)
    fused = build(parse("bm25+cnn"), plugins)
    assert isinstance(fused, Fusion)
    assert isinstance(fused.parts[1], Exhaustive)


def test_parameters_are_told_for_every_part(plugins):
    told = parameters(build(parse("typed:min_length=3+random:depth=7"), plugins))
    assert told["typed:min_length=3"]["min_length"] == 3
    assert told["depth"] == 7


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("typde", "no retriever 'typde'; did you mean 'typed'?"),
        ("typed:min_lenth=2", "no parameter 'min_lenth'; did you mean 'min_length'?"),
        ("typed:min_length=two", "min_length=two is not a whole number"),
        ("typed:rate=fast", "rate=fast is not a number"),
        ("typed:fast=1", "fast=1 is not true or false"),
        ("typed:top=x", "top=x is not a whole number or none"),
        ("bm25/typed", "only a scorer can re-rank, typed is a retriever"),
        ("bm25+typed:weights=1", "weights must be dev or 2 numbers"),
        ("bm25/cnn:depth=0", "depth must be at least 1"),
    ],
)
def test_mistakes_are_one_line(plugins, text, problem):
    with pytest.raises(SpecError) as caught:
        build(parse(text), plugins)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
