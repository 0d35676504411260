"""A measure and its text are one and the same, and what does not exist is answered with what does."""

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import OptionError
from bench.measure.chance import _FORMULAS as CHANCE
from bench.measure.formulas import FORMULAS
from bench.measure.measures import Measure, parse_measure

CANONICAL = [
    *("Success@1", "Success(rel=2)@5", "RR", "RR@10", "RR(rel=2)", "RR(rel=2)@10", "nDCG", "nDCG@10"),
    *("nDCG(dcg='exp-log2')", "nDCG(dcg='exp-log2')@10", "AP", "AP@5", "AP(rel=2)", "AP(rel=3)@100"),
    *("P@5", "P(rel=2)@10", "R@100", "R(rel=2)@100", "Rprec", "Rprec(rel=2)", "Bpref", "Bpref(rel=2)"),
    *("Judged", "Judged@10"),
]


def measures():
    """Every measure that exists."""
    cutoffs = st.integers(1, 10**9 - 1)
    return st.sampled_from(list(FORMULAS.items())).flatmap(
        lambda item: st.builds(
            Measure,
            st.just(item[0]),
            {True: cutoffs, None: st.none() | cutoffs, False: st.none()}[item[1].cutoff],
            st.integers(1, 999) if "rel" in item[1].parameters else st.just(1),
            st.sampled_from(["log2", "exp-log2"]) if "dcg" in item[1].parameters else st.just("log2"),
        )
    )


@pytest.mark.parametrize("text", CANONICAL)
def test_text_round_trips_here_and_in_ir_measures(text):
    assert str(parse_measure(text)) == text
    assert str(ir_measures.parse_measure(text)) == text


@given(measures())
def test_every_measure_has_one_text(measure):
    assert parse_measure(str(measure)) == measure
    assert str(ir_measures.parse_measure(str(measure))) == str(measure)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" RR", "RR"),
        ("RR\n", "RR"),
        ("P @ 5", "P@5"),
        ("P( rel = 2 )@10", "P(rel=2)@10"),
        ("P(rel=1)@10", "P@10"),
        ("AP()", "AP"),
        ("nDCG(dcg=exp-log2)@10", "nDCG(dcg='exp-log2')@10"),
        ('nDCG(dcg="exp-log2")@10', "nDCG(dcg='exp-log2')@10"),
        ("nDCG(dcg='log2')@10", "nDCG@10"),
    ],
)
def test_other_ways_to_write_a_measure_are_brought_to_one(text, canonical):
    assert str(parse_measure(text)) == canonical
    assert parse_measure(text) == parse_measure(canonical)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("MRR@10", "RR@10"),
        ("MAP", "AP"),
        ("ndcg@20", "nDCG@20"),
        ("NDCG", "nDCG"),
        ("Recall@100", "R@100"),
        ("precision", "P@10"),
        ("Hits@3", "Success@3"),
        ("P", "P@10"),
        ("R", "R@10"),
        ("Success", "Success@10"),
        ("Rprec@5", "Rprec"),
        ("bpref@5", "Bpref"),
        ("Judgedd@7", "Judged@7"),
        ("nDCG(rel=2)@10", "nDCG@10"),
        ("Judged(rel=2)@10", "Judged@10"),
        ("P(rel=0)@10", "P@10"),
        ("P(rel=02)@10", "P@10"),
        ("P(rel=-1)@10", "P@10"),
        ("P(rel=log2)@10", "P@10"),
        ("P(rel=2,rel=2)@10", "P@10"),
        ("P(rel=2)(rel=2)@10", "P@10"),
        ("P(judged_only=True)@10", "P@10"),
        ("P(dcg='exp-log2')@10", "P@10"),
        ("nDCG(dcg='exp')@10", "nDCG@10"),
        ("nDCG(dcg='exp-log2)@10", "nDCG@10"),
        ("nDCG(gains)@10", "nDCG@10"),
        ("nDCG@10@10", "nDCG@10"),
        *((f"nDCG@{cutoff}", "nDCG") for cutoff in ("", "0", "-1", "010", "1.5", "\u0661")),
    ],
)
def test_what_does_not_exist_is_answered_with_the_nearest(text, meant):
    with pytest.raises(OptionError) as raised:
        parse_measure(text)
    assert f"does not exist; did you mean {meant}? Choose from RR, nDCG, " in str(raised.value)


@pytest.mark.parametrize("text", ["", "ERR@10", "@10", "\u0420@10", pytest.param("infAP" * 2000, id="long")])
def test_what_is_like_nothing_is_answered_with_what_exists(text):
    with pytest.raises(
        OptionError, match=r"does not exist; .*hoose from RR, nDCG, AP, Rprec, Bpref, Judged, Success@k"
    ):
        parse_measure(text)


@pytest.mark.parametrize(
    "fields",
    [
        *(("P", None), ("nDCG", 0), ("Recall", 10), ("Rprec", 5), ("P", 10, 0), ("Judged", 10, 2)),
        *(("nDCG", 10, 2), ("AP", None, 1, "exp-log2"), ("nDCG", 10, 1, "exp")),
    ],
)
def test_a_measure_that_does_not_exist_cannot_be_made(fields):
    with pytest.raises(OptionError, match="does not exist"):
        Measure(*fields)


def test_every_measure_has_a_value_by_chance():
    assert CHANCE.keys() == FORMULAS.keys()
