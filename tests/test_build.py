"""Specs become objects and back; parameters are converted by type and every mistake names the nearest match."""

import pytest
from plugin_examples import OVERLAP, SCORER

from bench.build import build, canonical, parameters
from bench.errors import SpecError
from bench.pipeline import Cascade, Exhaustive, Fusion
from bench.plugins import find
from bench.spec import parse

TYPED = OVERLAP.replace(
    "min_length: int = 1",
    "min_length: int = 1\n    rate: float = 0.5\n    fast: bool = False\n    name: str = 'x'\n    top: int | None = None\n"
    "    layers: Literal[1, 2] = 1\n    tag: str | None = 'a'\n    mode: Literal['a', 'b'] | None = None\n"
    "    size: str | int = 1\n    odd: int = field(default_factory=lambda: 3)",
).replace("import dataclass", "import dataclass, field\nfrom typing import Literal")


@pytest.fixture
def plugins(plugin):
    return find([plugin("typed", TYPED), plugin("rerank", SCORER)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("typed", "typed"),
        ("typed:rate=0.50:min_length=2", "typed:min_length=2"),
        ("typed:fast=true:top=none", "typed:fast=true"),
        ("typed:top=3:name=a%2Fb", "typed:name=a%2Fb:top=3"),
        ("typed:layers=2:tag=none", "typed:layers=2:tag=none"),
        ("typed:layers=1:tag=a:mode=none:odd=3", "typed"),
        ("typed:mode=b:odd=4", "typed:mode=b:odd=4"),
        ("typed+bm25+random:rrf_k=10", "typed+bm25+random"),
        ("{typed+bm25}/rerank:depth=50:blend=0", "{typed+bm25}/rerank:depth=50:blend=0"),
        ("bm25/rerank:depth=200+typed:weights=dev", "bm25/rerank+typed:weights=dev"),
    ],
)
def test_canonical_text_holds_only_what_differs_from_the_defaults(plugins, text, expected):
    system = build(parse(text), plugins)
    assert str(canonical(system)) == expected
    assert str(canonical(build(parse(expected), plugins))) == expected


def test_a_scorer_alone_becomes_a_system_that_ranks_everything(plugins):
    assert isinstance(build(parse("rerank"), plugins), Exhaustive)
    assert str(canonical(build(parse("rerank"), plugins))) == "rerank"
    assert isinstance(build(parse("bm25/rerank"), plugins), Cascade)
    fused = build(parse("bm25+rerank"), plugins)
    assert isinstance(fused, Fusion)
    assert isinstance(fused.parts[1], Exhaustive)


def test_parameters_are_told_for_every_part(plugins):
    told = parameters(build(parse("typed:min_length=3+random:depth=7"), plugins))
    assert told["typed:min_length=3"]["min_length"] == 3
    assert told["depth"] == 7


@pytest.mark.parametrize(
    ("option", "value"),
    [("layers=2", 2), ("tag=none", None), ("tag=b", "b"), ("mode=b", "b"), ("size=12", 12), ("size=big", "big")],
)
def test_a_text_becomes_the_narrowest_type_that_takes_it(plugins, option, value):
    made = getattr(build(parse(f"typed:{option}"), plugins), option.partition("=")[0])
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("ValueError('rate is\\ntoo small')", "mine: rate is too small"),
        ("KeyError('rate')", "mine: KeyError: 'rate'"),
        ("ValueError", "mine: ValueError"),
        ("ZeroDivisionError('division by zero')", "mine: ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_a_constructor_raises_is_told_of_the_system(plugin, raised, told):
    source = f"{OVERLAP}\n    def __post_init__(self):\n        raise {raised}\n"
    with pytest.raises(SpecError) as caught:
        build(parse("mine"), find([plugin("mine", source)]))
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("typed:layers=3", "layers=3 is not 1 or 2"),
        ("typed:mode=c", "mode=c is not a or b or none"),
        ("typde", "no retriever 'typde'; did you mean 'typed'?"),
        ("typed:min_lenth=2", "no parameter 'min_lenth'; did you mean 'min_length'?"),
        ("typed:min_length=two", "min_length=two is not a whole number"),
        ("typed:rate=fast", "rate=fast is not a number"),
        ("typed:fast=1", "fast=1 is not true or false"),
        ("typed:top=x", "top=x is not a whole number or none"),
        ("bm25/typed", "only a scorer can re-rank, typed is a retriever"),
        ("bm25+typed:weights=1", "weights must be dev or 2 numbers"),
        ("bm25/rerank:depth=0", "depth must be at least 1"),
    ],
)
def test_mistakes_are_one_line(plugins, text, problem):
    with pytest.raises(SpecError) as caught:
        build(parse(text), plugins)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
