"""The bounds are the extremes over all orders in which trec_eval's rule could have put hits of equal score."""

from itertools import chain, groupby, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from bench.measure.quality import evaluate, parse_measure
from bench.measure.ranking import Run
from bench.measure.ties import tie_bounds

DOCS = "abcdefgh"
NAMES = [
    *("Success@1", "Success(rel=2)@2", "RR", "RR(rel=2)@3", "nDCG", "nDCG@3", "nDCG(dcg='exp-log2')@4", "AP", "AP@2"),
    *("AP(rel=2)", "P@2", "P(rel=3)@3", "R@3", "R(rel=2)@2", "Rprec", "Rprec(rel=2)", "Bpref", "Bpref(rel=2)"),
    *("Bpref(rel=3)", "Judged", "Judged@1", "Judged@3"),
]
MEASURES = [parse_measure(name) for name in NAMES]
GRADES = st.dictionaries(st.sampled_from(DOCS), st.integers(-2, 3))
ROW = st.lists(st.sampled_from([0.5, 1.0, 2.0]), max_size=7)


def run_of(*rows):
    """Each row is a list of scores; its documents are named in the one order."""
    ids = tuple(f"q{number}" for number in range(len(rows)))
    scores = tuple(np.sort(np.array(row, dtype=np.float32))[::-1] for row in rows)
    return Run(ids, tuple(tuple(sorted(DOCS[: len(row)], reverse=True)) for row in rows), scores)


def orders(docs, scores):
    """All rankings that differ in the order of ties alone."""
    ties = [[doc for _, doc in tie] for _, tie in groupby(zip(scores.tolist(), docs, strict=True), lambda hit: hit[0])]
    return [[*chain.from_iterable(picked)] for picked in product(*(permutations(tie) for tie in ties))]


def extremes(run, qrels):
    """Brute force for a run of one query."""
    rows = orders(run.doc_ids[0], run.scores[0])
    ids = tuple(str(number) for number in range(len(rows)))
    all_orders = Run(ids, tuple(map(tuple, rows)), tuple(run.scores[0] for _ in rows))
    found = evaluate(all_orders, dict.fromkeys(ids, qrels["q0"]), ids, MEASURES)
    return {name: (values.min(), values.max()) for name, values in found.items()}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=6), GRADES)
def test_bounds_are_the_extremes_over_all_orders_of_ties(scores, grades):
    run, qrels = run_of(scores), {"q0": grades}
    bounds = tie_bounds(run, qrels, ["q0"], MEASURES)
    for name, (low, high) in extremes(run, qrels).items():
        assert (bounds[name][0].item(), bounds[name][1].item()) == pytest.approx((low, high), abs=1e-15), name


def test_one_tie_of_every_kind_of_document_is_searched_whole():
    run = run_of([1.0] * 7)
    qrels = {"q0": {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1, "f": 0}}
    bounds = tie_bounds(run, qrels, ["q0"], MEASURES)
    for name, (low, high) in extremes(run, qrels).items():
        assert (bounds[name][0].item(), bounds[name][1].item()) == pytest.approx((low, high), abs=1e-15), name


@settings(deadline=None)
@given(st.lists(ROW, max_size=5), st.lists(GRADES, min_size=5, max_size=5))
def test_the_value_lies_between_its_bounds(rows, judged):
    run, qrels = run_of(*rows), {f"q{number}": grades for number, grades in enumerate(judged)}
    values = evaluate(run, qrels, list(qrels), MEASURES)
    for name, (low, high) in tie_bounds(run, qrels, list(qrels), MEASURES).items():
        assert (low <= values[name]).all(), name
        assert (values[name] <= high).all(), name


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), max_size=4), GRADES, GRADES)
def test_bounds_are_the_value_where_nothing_ties(lengths, first, second):
    run = run_of(*(range(length) for length in lengths))
    qrels = {"q1": first, "q0": second, "q9": {"a": 1}}
    values = evaluate(run, qrels, list(qrels), MEASURES)
    for name, (low, high) in tie_bounds(run, qrels, list(qrels), MEASURES).items():
        assert low.tolist() == values[name].tolist() == high.tolist()


def test_by_hand():
    run = run_of([3, 2, 2, 2, 1])  # e, then d, c, b, then a
    bounds = tie_bounds(
        run, {"q0": {"b": 1, "e": 0}}, ["q0"], map(parse_measure, ["RR", "Bpref", "Success@2", "Judged@2"])
    )
    assert {name: (low.item(), high.item()) for name, (low, high) in bounds.items()} == {
        "RR": (1 / 4, 1 / 2),
        "Bpref": (0, 0),
        "Success@2": (0, 1),
        "Judged@2": (1 / 2, 1),
    }


def test_equal_scores_of_neighbouring_queries_are_no_tie():
    run = Run(("q0", "q1"), (("x", "a"), ("b", "y")), tuple(np.array(s, dtype=np.float32) for s in ([2, 1], [1, 0])))
    low, high = tie_bounds(run, {"q0": {"a": 1}, "q1": {"y": 1}}, ["q0", "q1"], [parse_measure("RR")])["RR"]
    assert low.tolist() == high.tolist() == [1 / 2, 1 / 2]


def test_zero_and_negative_zero_tie():
    run = Run(("q",), (("b", "a"),), (np.array([0.0, -0.0], dtype=np.float32),))
    low, high = tie_bounds(run, {"q": {"a": 1}}, ["q"], [parse_measure("RR")])["RR"]
    assert (low.item(), high.item()) == (1 / 2, 1)


def test_bounds_stand_in_the_order_of_queries_asked_for():
    run = run_of([1, 1], [1, 1, 1])
    qrels = {"q0": {"a": 1}, "q1": {"a": 1}, "q2": {"a": 1}}
    low, high = tie_bounds(run, qrels, ["q2", "q1", "q0"], [parse_measure("RR")])["RR"]
    assert low.tolist() == [0, 1 / 3, 1 / 2]
    assert high.tolist() == [0, 1, 1]


def test_a_query_that_nobody_judged_is_an_error():
    with pytest.raises(DataError, match="query 'q0' has no judgements"):
        tie_bounds(run_of([1]), {}, ["q0"], MEASURES)
    assert tie_bounds(run_of(), {}, [], [parse_measure("RR")])["RR"][0].tolist() == []
