"""The grammar of systems: round trip, precedence, whose option it is, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import SpecError
from bench.spec import CASCADE_OPTIONS, FUSION_OPTIONS, Cascade, Fused, Unit, parse, parse_list

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
keys = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda key: key not in CASCADE_OPTIONS + FUSION_OPTIONS
)
values = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
values |= st.from_regex(r"(~|\.\.?)?/[a-z./:+%]{1,8}", fullmatch=True)


def options(allowed):
    return st.dictionaries(allowed, values, max_size=3).map(lambda found: tuple(found.items()))


units = st.builds(Unit, names, options(keys))
systems = st.recursive(
    units,
    lambda inner: (
        st.builds(Cascade, inner, inner, options(st.sampled_from(CASCADE_OPTIONS)))
        | st.builds(Fused, st.lists(inner, min_size=2, max_size=3).map(tuple), options(st.sampled_from(FUSION_OPTIONS)))
    ),
    max_leaves=6,
)


@given(systems)
def test_text_round_trips(spec):
    assert parse(str(spec)) == spec


@given(st.lists(systems, min_size=1, max_size=4))
def test_lists_round_trip_and_need_no_quotes(specs):
    text = ",".join(map(str, specs))
    assert parse_list(text) == tuple(specs)
    assert not set(text) & set(" \t\n\"'`$&|;<>()*?[]!#\\")


def test_slash_binds_tighter_than_plus_as_in_python():
    a, b, c = Unit("a"), Unit("b"), Unit("c")
    assert parse("a+b/c") == a + b / c == Fused((a, Cascade(b, c)))
    assert parse("{a+b}/c") == (a + b) / c == Cascade(Fused((a, b)), c)
    assert parse("a/b/c") == a / b / c == Cascade(Cascade(a, b), c)
    assert parse("a+b+c") == a + b + c == Fused((a, b, c))


def test_options_belong_to_the_innermost_operator_that_takes_them():
    assert parse("bm25:k1=0.9/cnn:depth=50") == Cascade(Unit.of("bm25", k1=0.9), Unit("cnn"), (("depth", "50"),))
    assert parse("bm25+gru:weights=dev:dim=64") == Fused((Unit("bm25"), Unit.of("gru", dim=64)), (("weights", "dev"),))
    assert parse("a+b/c:depth=5") == Fused((Unit("a"), Cascade(Unit("b"), Unit("c"), (("depth", "5"),))))
    assert parse("{a+b/c}:depth=5") == Fused((Unit("a"), Cascade(Unit("b"), Unit("c"))), (("depth", "5"),))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected the name of a retriever at the end"),
        ("bm25,", "expected the name of a retriever at the end"),
        ("bm25++gru", "expected the name of a retriever before '+' at 6"),
        ("bm25:k1", "expected '=' after 'k1' at the end"),
        ("bm25:k1=", "expected a value for 'k1' at the end"),
        ("bm25:k1=1:k1=2", "'k1' is given twice"),
        ("bm25 gru", "unexpected ' ' at 5"),
        ("{a+b", "expected '}' at the end"),
        ("{a+b}:k1=2", "takes weights and rrf_k and depth, not 'k1'"),
        ("a}b", "expected ',', '+', '/' or ':' before '}' at 2"),
    ],
)
def test_errors_say_what_and_where(text, problem):
    with pytest.raises(SpecError) as caught:
        parse_list(text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_may_stand_as_it_is_and_ends_where_the_next_part_begins():
    run = Unit.of("run-file", path="./runs/x.run.gz")
    assert parse("run-file:path=./runs/x.run.gz") == run
    assert parse("run-file:path=./runs/x.run.gz:tag=a+bm25") == Fused(
        (Unit.of("run-file", path="./runs/x.run.gz", tag="a"), Unit("bm25"))
    )
    assert parse("{run-file:path=./runs/x.run.gz}/cnn") == Cascade(run, Unit("cnn"))
    assert str(Cascade(run, Unit("cnn"))) == "{run-file:path=./runs/x.run.gz}/cnn"
    assert parse("bm25:k1=2/cnn") == Cascade(Unit.of("bm25", k1=2), Unit("cnn"))
