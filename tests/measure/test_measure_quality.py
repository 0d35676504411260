"""Measures have the values worked out by hand, and one for every judged query, whatever the run answers."""

import copy
import random
from math import log2

import numpy as np
import pytest
from quality_examples import ALL, EXPONENTIAL, ranked, retrieved, tie_heavy, values

from bench.api import Hits
from bench.errors import DataError
from bench.measure.quality import first_relevant_ranks
from bench.measure.ranking import Run, canonical


class TestByHand:
    RUN = ranked(q=["w", "b", "x", "c", "y"])
    QRELS = {"q": {"a": 3, "b": 2, "c": 1, "w": 0}}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Success@1", 0.0),
            ("Success@2", 1.0),
            ("RR", 0.5),
            ("RR@1", 0.0),
            ("RR@2", 0.5),
            ("nDCG", 0.3554),  # (2/log2(3) + 1/log2(5)) / (3 + 2/log2(3) + 1/log2(4))
            ("nDCG@2", 0.2961),  # (2/log2(3)) / (3 + 2/log2(3))
            ("nDCG@1", 0.0),
            ("AP", 0.3333),  # (1/2 + 2/4) / 3
            ("AP@3", 0.1667),
            ("P@4", 0.5),
            ("P@10", 0.2),
            ("R@3", 0.3333),
            ("R@100", 0.6667),
            ("RR(rel=2)", 0.5),
            ("RR(rel=3)", 0.0),
            ("AP(rel=2)", 0.25),  # (1/2) / 2
            ("P(rel=2)@4", 0.25),
            ("R(rel=2)@100", 0.5),
            ("Success(rel=3)@5", 0.0),
            ("Rprec", 0.3333),  # one of the first three
            ("Rprec(rel=2)", 0.5),  # one of the first two
            ("Bpref", 0.0),  # the only nonrelevant one, w, stands before b and c
            ("Judged", 0.6),  # w, b, c of five
            ("Judged@2", 1.0),
            ("Judged@3", 0.6667),
            ("Judged@100", 0.6),
            ("nDCG(dcg='exp-log2')@2", 0.2128),  # (3/log2(3)) / (7 + 3/log2(3))
        ],
    )
    def test_values_to_four_places(self, name, expected):
        assert round(values(self.RUN, self.QRELS, name)[0], 4) == expected

    def test_bpref_prefers_retrieved_documents_to_nonrelevant_ones_that_were_not(self):
        # The example of trec_eval's note on its bug of 2005: (4 * 3/4 + 2 * 0) / 6.
        run = ranked(q=["n1", "r1", "r2", "r3", "r4"])
        qrels = {"q": {**{f"n{i}": 0 for i in range(1, 5)}, **{f"r{i}": 1 for i in range(1, 7)}}}
        assert values(run, qrels, "Bpref") == [0.5]

    def test_bpref_looks_at_no_more_nonrelevant_documents_than_there_are_relevant_ones(self):
        run = ranked(q=["n1", "r1", "n2", "n3", "r2"])
        assert values(run, {"q": {"r1": 1, "r2": 1, "n1": 0, "n2": 0, "n3": 0}}, "Bpref") == [0.25]  # (1/2 + 0) / 2

    def test_bpref_passes_over_what_nobody_judged(self):
        judged = {"q": {"r1": 1, "n1": 0, "pooled": -1, "skipped": -2}}
        assert values(ranked(q=["x", "pooled", "skipped", "r1", "n1"]), judged, "Bpref") == [1.0]

    def test_bpref_at_a_higher_grade_counts_lower_grades_as_nonrelevant(self):
        assert values(ranked(q=["low", "high"]), {"q": {"low": 1, "high": 2}}, "Bpref(rel=2)") == [0.0]

    def test_rr_with_a_cutoff_is_rr_of_the_truncated_run(self):
        docs, qrels, run = tie_heavy(random.Random(3), 50)
        full = retrieved(run, docs)
        for k in (1, 2, 5):
            cut = Run(full.query_ids, tuple(d[:k] for d in full.doc_ids), tuple(s[:k] for s in full.scores))
            assert values(full, qrels, f"RR(rel=2)@{k}") == values(cut, qrels, "RR(rel=2)")

    def test_many_and_few_judged_documents_are_found_alike(self):
        docs, qrels, run = tie_heavy(random.Random(4), 50)
        few = {query: dict(list(row.items())[:3]) for query, row in qrels.items()}
        for judged in (few, qrels):
            for query, row, found in zip(
                judged, judged.values(), values(retrieved(run, docs), judged, "P@1000"), strict=True
            ):
                assert found == sum(row.get(d, 0) > 0 for d in run.get(query, ())) / 1000

    def test_a_grade_too_large_for_an_exponential_gain_is_named(self):
        assert values(ranked(q=["a"]), {"q": {"a": 1000}}, EXPONENTIAL) == [1.0]
        with pytest.raises(DataError, match="grade 1001 is too large"):
            values(ranked(q=["a"]), {"q": {"a": 1001}}, EXPONENTIAL)

    def test_the_ideal_comes_from_the_judgements_not_from_the_run(self):
        assert values(ranked(q=["a"]), {"q": {"a": 1, "b": 1}}, "nDCG@10") == [1 / (1 + 1 / log2(3))]

    def test_a_reversed_list_is_not_ideal(self):
        qrels = {"q": {"a": 3, "b": 2, "c": 1}}
        assert values(ranked(q=["a", "b", "c"]), qrels, "nDCG") == [1.0]
        assert values(ranked(q=["c", "b", "a"]), qrels, "nDCG")[0] == pytest.approx(0.7900, abs=5e-5)

    def test_negative_grades_are_neither_relevant_nor_a_loss(self):
        run = ranked(q=["bad", "good"])
        with_negative, without = ({"q": {"good": 1, "bad": -2}}, {"q": {"good": 1}})
        for name in set(ALL) - {"Judged", "Judged@5"}:
            assert values(run, with_negative, name) == values(run, without, name)
        assert values(run, with_negative, "Judged") == [1.0]
        assert values(run, without, "Judged") == [0.5]

    def test_a_constant_scorer_gains_nothing_from_the_order_of_the_corpus(self):
        docs = [f"d{number}" for number in range(9)]
        hits = Hits(np.array([range(9)]), np.zeros((1, 9), dtype=np.float32))
        run = canonical(hits, ["q"], docs, 9)
        assert values(run, {"q": {"d0": 1}}, "RR") == [1 / 9]


class TestMeansOverJudgedQueries:
    QRELS = {"q1": {"a": 2}, "q2": {"b": 2}, "nothing": {"a": 0}, "empty": {}}  # noqa: RUF012

    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize(
        ("run", "answered"),
        [
            (ranked(q1=["a", "x"], q2=["b"], nothing=["a"], empty=["a"], unjudged=["a"]), [True, True]),
            (ranked(unjudged=["a"], q2=["b"]), [False, True]),
            (ranked(q2=["b"], q1=[]), [False, True]),
            (ranked(), [False, False]),
        ],
        ids=["full", "partial", "empty row", "empty"],
    )
    def test_any_run_against_any_judgements(self, run, answered, name):
        best = {"P@5": 0.2, "P@20": 0.05}.get(name, 1.0)
        expected = [best * found for found in answered]
        found = values(run, self.QRELS, name)
        if name.startswith("Judged"):
            assert [value > 0 for value in found] == [*answered, len(run.query_ids) > 3, False]
        else:
            assert found == [*expected, 0.0, 0.0]
            assert values(run, self.QRELS, name, queries=["nothing"]) == [0.0]
        assert values(run, {}, name) == []

    def test_values_stand_in_the_order_asked_for(self):
        run = ranked(q1=["a"], q2=["x", "b"])
        assert values(run, self.QRELS, "RR", queries=["q2", "nothing", "q1"]) == [0.5, 0.0, 1.0]

    def test_an_empty_judgement_leaves_later_queries_alone(self):
        run = ranked(first=["a"], q1=["a"])
        assert values(run, {"first": {}, "q1": {"a": 1}}, "nDCG@10") == [0.0, 1.0]

    def test_a_query_that_nobody_judged_is_an_error(self):
        with pytest.raises(DataError, match="query 'q9' has no judgements"):
            values(ranked(q9=["a"]), self.QRELS, "RR", queries=["q1", "q9"])

    def test_the_callers_data_are_left_alone(self):
        run, qrels = ranked(q1=["a", "b"]), copy.deepcopy(self.QRELS)
        values(run, qrels, *ALL)
        assert qrels == self.QRELS
        assert run == ranked(q1=["a", "b"])


def test_first_relevant_ranks_count_from_one_and_zero_is_none():
    run = ranked(q1=["x", "b", "a"], q2=["a"], q3=["x"])
    qrels = {"q3": {"a": 1}, "q2": {"a": 2}, "q1": {"a": 1, "b": 1, "x": 0}, "q4": {"a": 1}}
    ranks = first_relevant_ranks(run, qrels, list(qrels))
    assert ranks.tolist() == [0, 1, 2, 0]
    assert ranks.dtype == np.int64
    assert first_relevant_ranks(run, qrels, []).tolist() == []
