"""Wins and losses are found between the best of both families, on the questions that divide them most."""

import numpy as np
import pytest

from bench.api import Doc, Query
from bench.data.dataset import Dataset, Split
from bench.measure.ranking import Run
from bench.outcome import Outcome
from bench.run.contrasts import contrasts

EMPTY = Split((), {})
QUERIES = tuple(Query(f"q {at}", f"question {at}") for at in range(20))


@pytest.fixture
def dataset():
    corpus = tuple(Doc(f"d {at}", f"answer {at}") for at in range(20))
    return Dataset("x", corpus, EMPTY, EMPTY, Split(QUERIES, {f"q {at}": {f"d {at}": 1} for at in range(20)}))


def outcome(spec, ranks, family="", **fields):
    scores = {"Success@10": tuple(float(0 < rank <= 10) for rank in ranks)}
    return Outcome(spec, 0, "cpu", "ok", family=family, scores=scores, first_ranks=tuple(ranks), **fields)


def ranking(_outcome):
    ids = tuple(query.id.replace(" ", "%20") for query in QUERIES)
    return Run(ids, tuple((f"d%20{(at + 1) % 20}",) for at in range(20)), (np.ones(1, dtype=np.float32),) * 20)


def test_the_largest_differences_come_first_and_both_directions_are_told(dataset):
    lexical = outcome("bm25", [1] * 3 + [2] * 14 + [0, 9, 3], "lexical")
    neural = outcome("gru", [0, 5, 2] + [2] * 14 + [1, 1, 1], "neural")
    found = contrasts([outcome("tfidf", [0] * 20, "lexical"), lexical, neural], dataset, "Success@10", ranking)
    assert [(one.query, one.ranks) for one in found] == [
        (0, (1, 0)),
        (1, (1, 5)),
        (2, (1, 2)),
        (17, (0, 1)),
        (18, (9, 1)),
        (19, (3, 1)),
    ]
    assert (found[0].first, found[0].second) == ("bm25", "gru")
    assert (found[0].question, found[0].right) == ("question 0", "answer 0")
    assert found[0].tops == ("answer 1", "answer 1")


def test_without_both_families_the_best_two_are_set_against_each_other(dataset):
    systems = [outcome("a", [1] * 10 + [0] * 10), outcome("b", [1] * 15 + [0] * 5), outcome("random", [1] * 20)]
    found = contrasts(systems, dataset, "Success@10", ranking)
    assert {(one.first, one.second) for one in found} == {("a", "b")}
    assert len(found) == 5
    assert contrasts(systems[:1], dataset, "Success@10", ranking) == ()
    assert contrasts([], dataset, "Success@10", ranking) == ()


def test_systems_of_parts_and_failed_ones_do_not_stand_for_a_family(dataset):
    systems = [
        outcome("bm25+gru", [1] * 20, "lexical+neural"),
        outcome("bm25", [2] * 20, "lexical"),
        Outcome("gru", 0, "cpu", "failed", family="neural"),
    ]
    found = contrasts(systems, dataset, "Success@10", ranking)
    assert {(one.first, one.second) for one in found} == {("bm25", "bm25+gru")}
