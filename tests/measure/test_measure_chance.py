"""The closed form of chance is the mean over all orders of a pool."""

from itertools import permutations
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import Hits
from bench.errors import DataError
from bench.measure.chance import expected, expected_mean
from bench.measure.quality import evaluate, parse_measure
from bench.measure.ranking import Run, canonical

CUT = ["Success", "RR", "nDCG", "AP", "P", "R"]
GRADED = ["Success(rel=2)", "RR(rel=2)", "AP(rel=2)", "P(rel=2)", "R(rel=2)", "nDCG(dcg='exp-log2')"]
UNCUT = [
    *("RR", "nDCG", "AP", "Rprec", "Bpref", "Judged"),
    *("RR(rel=2)", "AP(rel=2)", "Rprec(rel=2)", "Bpref(rel=2)", "Bpref(rel=3)", "nDCG(dcg='exp-log2')"),
]


def chance(name, pool, grades):
    return expected(parse_measure(name), pool, grades)


class TestAllOrders:
    @pytest.mark.parametrize(
        ("pool", "grades"),
        [
            (1, [1]),
            (1, [0]),
            (2, [1]),
            (3, [1, 1, 1]),
            (4, [2, 1]),
            (5, [3, 1, 1, 0, -2]),
            (6, [1]),
            (6, [1, 3, 2, 1]),
            (6, [1, 1]),
            (6, [0, 0, 0, 1, 2]),
            (6, [2, 2, 1, 0, 0, 0]),
            (5, [0, -1, 0]),
            (4, []),
        ],
    )
    def test_closed_form_is_the_mean_over_every_permutation(self, pool, grades):
        docs = [f"d{number}" for number in range(pool)]
        judged = dict(zip(docs, grades, strict=False))
        orders = list(permutations(docs))
        queries = tuple(str(number) for number in range(len(orders)))
        run = Run(queries, tuple(orders), tuple(np.zeros(pool, dtype=np.float32) for _ in orders))
        names = [*UNCUT, *(f"{name}@{k}" for name in [*CUT, *GRADED, "Judged"] for k in (1, 2, 3, 5, 6, 7, 50))]
        measured = evaluate(run, dict.fromkeys(queries, judged), queries, map(parse_measure, names))
        for name in names:
            assert chance(name, pool, grades) == pytest.approx(measured[name].mean(), rel=1e-12, abs=0), name


class TestByHand:
    def test_success_at_10_among_1337_solutions(self):
        assert round(chance("Success@10", 1337, [1]), 4) == 0.0075

    def test_one_relevant_document_has_the_harmonic_mean_reciprocal_rank(self):
        assert round(chance("RR", 1000, [1]), 6) == 0.007485  # H(1000) / 1000 = 7.485471 / 1000

    def test_one_relevant_document_has_equal_ap_and_rr(self):
        assert chance("AP", 500, [1]) == pytest.approx(chance("RR", 500, [1]), rel=1e-12)

    def test_ndcg_of_one_document(self):
        assert chance("nDCG@3", 10, [1]) == pytest.approx((1 + 1 / log2(3) + 1 / 2) / 10, rel=1e-12)

    def test_precision_beyond_the_pool_is_still_over_k(self):
        assert chance("P@10", 4, [1, 1]) == pytest.approx(2 / 10)
        assert chance("R@10", 4, [1, 1]) == 1.0

    def test_nothing_relevant_scores_nothing(self):
        for name in CUT:
            assert chance(f"{name}@5", 10, [0, -1]) == 0.0
            assert chance(f"{name}@5", 10, []) == 0.0

    def test_bpref_of_one_relevant_among_n_nonrelevant_is_the_chance_to_beat_them_all(self):
        assert chance("Bpref", 1000, [1] + [0] * 9) == pytest.approx(1 / 10)

    def test_bpref_with_as_many_relevant_as_nonrelevant_is_a_coin(self):
        assert chance("Bpref", 50, [1, 1, 1, 0, 0, 0, -1]) == 0.5

    def test_rprec_is_precision_at_r(self):
        assert chance("Rprec", 40, [1, 2, 1]) == pytest.approx(chance("P@3", 40, [1, 2, 1]))

    def test_judged_counts_every_judgement(self):
        assert chance("Judged@10", 1000, [0, -1, 1]) == 3 / 1000
        assert chance("Judged@10", 0, []) == 0

    def test_a_tiny_chance_keeps_its_digits(self):
        assert chance("Success@1", 10_000_000, [1]) == pytest.approx(1e-7, rel=1e-12)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(1, 220))))
def test_success_is_hypergeometric(case):
    pool, relevant, k = case
    n = min(k, pool)
    exact = 1 - comb(pool - relevant, n) / comb(pool, n)
    assert chance(f"Success@{k}", pool, [1] * relevant) == pytest.approx(exact, rel=1e-9)


@settings(deadline=None)
@given(st.sampled_from(CUT), st.integers(1, 60), st.integers(1, 80), st.data())
def test_chance_lies_between_0_and_1_and_never_falls_with_more_relevant_documents(name, pool, k, data):
    relevant = data.draw(st.integers(1, pool))
    value = chance(f"{name}@{k}", pool, [1] * relevant)
    assert 0 < value <= 1
    if name in ("Success", "RR", "P") and relevant < pool:
        assert chance(f"{name}@{k}", pool, [1] * (relevant + 1)) >= value - 1e-12


def test_a_simulated_random_retriever_scores_it():
    rng = np.random.default_rng(0)
    pool, queries, k = 300, 8000, 20
    docs = [f"d{number}" for number in range(pool)]
    names = ["Success@10", "RR@20", "nDCG@10", "AP@20", "P@5", "R@20"]
    hits = Hits.top(rng.random((queries, pool), dtype=np.float32), k)
    ids = [f"q{number}" for number in range(queries)]
    judged = {"d7": 1, "d100": 3, "d250": 1}
    run = canonical(hits, ids, docs, k)
    measured = evaluate(run, dict.fromkeys(ids, judged), ids, map(parse_measure, names))
    for name in names:
        error = measured[name].std() / queries**0.5
        assert abs(measured[name].mean() - chance(name, pool, [1, 3, 1])) < 4 * error, name


class TestMean:
    def test_mean_is_over_queries(self):
        measure = parse_measure("RR@10")
        grades = [[1], [1, 1], [1], [0, 2, 1], []]
        single = [expected(measure, 50, row) for row in grades]
        assert expected_mean(measure, 50, grades) == pytest.approx(sum(single) / 5, rel=1e-12)

    def test_no_queries_have_no_mean(self):
        with pytest.raises(DataError, match="no queries"):
            expected_mean(parse_measure("RR"), 50, [])

    def test_more_relevant_documents_than_the_pool_holds_contradict_it(self):
        with pytest.raises(DataError, match="3 relevant documents cannot be in a pool of 2"):
            chance("RR", 2, [1, 1, 1])

    @pytest.mark.parametrize("name", ["Bpref", "Judged@10"])
    def test_where_all_judged_documents_count_the_pool_holds_them_all(self, name):
        assert chance("RR", 2, [1, 0, 0]) > 0
        with pytest.raises(DataError, match="3 judged documents cannot be in a pool of 2"):
            chance(name, 2, [1, 0, 0])


@pytest.mark.parametrize("name", ["AP", "RR", "nDCG", "Rprec", "Bpref", "Judged", "R@6", "Success@6"])
@pytest.mark.parametrize("grades", [(1,), (2, 1, 0, 0), (1, 1, 1, 0), (1, 0, -1)])
@pytest.mark.parametrize("depth", [1, 3, 5])
def test_hits_below_the_depth_that_is_kept_are_not_there(name, grades, depth):
    """All orders of a pool of 6, of which so many hits are kept."""
    measure = parse_measure(name)
    docs = [f"d{at}" for at in range(6)]
    qrels = {"q": {f"d{at}": grade for at, grade in enumerate(grades)}}
    values = [
        evaluate(Run(("q",), (order[:depth],), (np.arange(depth, 0, -1, dtype=np.float32),)), qrels, ["q"], [measure])[
            str(measure)
        ][0]
        for order in permutations(docs)
    ]
    assert expected(measure, 6, grades, depth) == pytest.approx(np.mean(values))
