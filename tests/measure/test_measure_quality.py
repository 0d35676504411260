"""Measures equal trec_eval's, per query and to the last digit, and behave as the definitions say."""

import copy
import json
import random
from math import log2
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.api import Hits
from bench.errors import DataError, OptionError
from bench.measure.quality import Measure, evaluate, first_relevant_ranks, parse_measure
from bench.measure.ranking import Run, canonical

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "trec_eval.json").read_text(encoding="utf-8"))
TREC_NAMES = {
    "Success@1": "success_1",
    "Success@5": "success_5",
    "RR": "recip_rank",
    "nDCG": "ndcg",
    "nDCG@3": "ndcg_cut_3",
    "nDCG@10": "ndcg_cut_10",
    "AP": "map",
    "AP@5": "map_cut_5",
    "P@5": "P_5",
    "P@20": "P_20",
    "R@5": "recall_5",
    "R@20": "recall_20",
}
ALL = [*TREC_NAMES, "RR@3"]


def ranked(**rows):
    """A run in which each query has these documents, best first."""
    scores = tuple(np.arange(len(row), 0, -1, dtype=np.float32) for row in rows.values())
    return Run(tuple(rows), tuple(tuple(row) for row in rows.values()), scores)


def retrieved(run, docs):
    """Query -> document -> score, as trec_eval takes it, through what a retriever returns."""
    width = max(1, *(len(row) for row in run.values()))
    positions = np.full((len(run), width), -1)
    scores = np.zeros((len(run), width))
    place = {doc_id: position for position, doc_id in enumerate(docs)}
    for index, row in enumerate(run.values()):
        positions[index, : len(row)] = [place[doc_id] for doc_id in row]
        scores[index, : len(row)] = list(row.values())
    return canonical(Hits(positions, scores), list(run), docs, width)


def values(run, qrels, *names, queries=None):
    found = evaluate(run, qrels, list(qrels) if queries is None else queries, map(parse_measure, names))
    return found if len(names) != 1 else found[names[0]].tolist()


class TestAgainstTrecEval:
    @pytest.mark.parametrize("name", list(GOLDEN["scores"]))
    def test_golden_numbers_are_met_exactly(self, name):
        docs = sorted({doc_id for row in GOLDEN["run"].values() for doc_id in row})
        expected = GOLDEN["scores"][name]
        run = retrieved(GOLDEN["run"], docs)
        assert values(run, GOLDEN["qrels"], name, queries=list(expected)) == list(expected.values())

    def test_400_runs_full_of_ties_agree_to_the_last_digit(self):
        for seed in range(400):
            rng = random.Random(seed)
            docs = [f"d{number}" for number in range(rng.randint(1, 60))]
            rng.shuffle(docs)
            # trec_eval itself hangs on a query all of whose grades are negative, hence the one zero.
            qrels = {
                f"q{i}": {d: rng.choice([-1, 0, 1, 2, 3]) for d in rng.sample(docs, len(docs) // 2)} | {docs[0]: 0}
                for i in range(4)
            }
            levels = [0.1, 0.1 + 1e-9, 0.3, -0.2, 0.0, -0.0, 1e-46, 2.5]
            run = {q: {d: rng.choice(levels) for d in rng.sample(docs, rng.randint(1, len(docs)))} for q in qrels}
            theirs = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values())).evaluate(run)
            ours = values(retrieved(run, docs), qrels, *TREC_NAMES)
            for name, key in TREC_NAMES.items():
                assert ours[name].tolist() == [theirs[query][key] for query in qrels], (seed, name)

    def test_a_deep_ranking_agrees_to_the_last_digit(self):
        rng = random.Random(0)
        docs = [f"d{number:04d}" for number in range(3000)]
        qrels = {"q": {doc: rng.randint(0, 4) for doc in rng.sample(docs, 1500)}}
        run = {"q": {doc: rng.random() for doc in docs}}
        theirs = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values())).evaluate(run)["q"]
        ours = values(retrieved(run, docs), qrels, *TREC_NAMES)
        assert {name: found.item() for name, found in ours.items()} == {n: theirs[k] for n, k in TREC_NAMES.items()}

    def test_ir_measures_reads_the_same_names_and_gives_the_same_values(self):
        # Without ties: where documents tie, the provider that ir-measures uses for RR@k does not follow trec_eval.
        rng = random.Random(0)
        docs = [f"d{number}" for number in range(30)]
        qrels = {f"q{i}": {d: rng.choice([0, 1, 1, 2]) for d in rng.sample(docs, 8)} for i in range(20)}
        run = {f"q{i}": {d: score for score, d in enumerate(rng.sample(docs, 12))} for i in range(2, 22)}
        theirs = {name: dict.fromkeys(qrels, 0.0) for name in ALL}
        for found in ir_measures.iter_calc(map(ir_measures.parse_measure, ALL), qrels, run):
            theirs[str(found.measure)][found.query_id] = found.value
        ours = values(retrieved(run, docs), qrels, *ALL)
        for name in ALL:
            assert ours[name].tolist() == list(theirs[name].values()), name


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
        ],
    )
    def test_values_to_four_places(self, name, expected):
        assert round(values(self.RUN, self.QRELS, name)[0], 4) == expected

    def test_the_ideal_comes_from_the_judgements_not_from_the_run(self):
        assert values(ranked(q=["a"]), {"q": {"a": 1, "b": 1}}, "nDCG@10") == [1 / (1 + 1 / log2(3))]

    def test_a_reversed_list_is_not_ideal(self):
        qrels = {"q": {"a": 3, "b": 2, "c": 1}}
        assert values(ranked(q=["a", "b", "c"]), qrels, "nDCG") == [1.0]
        assert values(ranked(q=["c", "b", "a"]), qrels, "nDCG")[0] == pytest.approx(0.7900, abs=5e-5)

    def test_negative_grades_are_neither_relevant_nor_a_loss(self):
        run = ranked(q=["bad", "good"])
        with_negative, without = ({"q": {"good": 1, "bad": -2}}, {"q": {"good": 1}})
        for name in ALL:
            assert values(run, with_negative, name) == values(run, without, name)

    def test_a_constant_scorer_gains_nothing_from_the_order_of_the_corpus(self):
        docs = [f"d{number}" for number in range(9)]
        hits = Hits(np.array([range(9)]), np.zeros((1, 9), dtype=np.float32))
        run = canonical(hits, ["q"], docs, 9)
        assert values(run, {"q": {"d0": 1}}, "RR") == [1 / 9]


class TestMeansOverJudgedQueries:
    QRELS = {"q1": {"a": 1}, "q2": {"b": 1}, "nothing": {"a": 0}, "empty": {}}  # noqa: RUF012

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
        assert values(run, self.QRELS, name) == [*expected, 0.0, 0.0]
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


class TestProperties:
    DOCS = tuple("abcdefgh")
    GRADES = st.dictionaries(st.sampled_from(DOCS), st.integers(-1, 3))
    ROWS = st.permutations(DOCS).flatmap(lambda row: st.integers(0, len(row)).map(lambda n: row[:n]))

    @given(ROWS, GRADES)
    def test_every_measure_lies_between_0_and_1(self, row, grades):
        found = values(ranked(q=row), {"q": grades}, *ALL)
        assert all(0 <= value.item() <= 1 for value in found.values())

    @given(st.permutations(DOCS), GRADES, st.integers(1, 7))
    def test_moving_a_better_document_up_never_lowers_a_measure(self, row, grades, place):
        up, down = grades.get(row[place], 0), grades.get(row[place - 1], 0)
        assume(max(up, 0) >= max(down, 0))
        swapped = [*row[: place - 1], row[place], row[place - 1], *row[place + 1 :]]
        before = values(ranked(q=row), {"q": grades}, *ALL)
        after = values(ranked(q=swapped), {"q": grades}, *ALL)
        assert all(after[name].item() >= before[name].item() - 1e-15 for name in ALL)

    @given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), unique=True, min_size=8, max_size=8))
    def test_renaming_documents_changes_nothing_where_nothing_ties(self, scores):
        hits = Hits(np.array([range(8)]), np.array([scores], dtype=np.float32))
        grades = {"a": 1, "c": 3, "h": 2}
        renamed = dict(zip(self.DOCS, "hgbdafce", strict=True))
        plain = values(canonical(hits, ["q"], self.DOCS, 8), {"q": grades}, *ALL)
        other = values(
            canonical(hits, ["q"], list(renamed.values()), 8), {"q": {renamed[d]: g for d, g in grades.items()}}, *ALL
        )
        assert plain == other

    @given(ROWS, GRADES, st.integers(1, 9))
    def test_recall_and_success_never_fall_with_depth(self, row, grades, k):
        for name in ("R", "Success", "RR", "AP"):
            here, deeper = (values(ranked(q=row), {"q": grades}, f"{name}@{depth}")[0] for depth in (k, k + 1))
            assert deeper >= here


class TestNames:
    @pytest.mark.parametrize("text", ALL)
    def test_text_round_trips_here_and_in_ir_measures(self, text):
        assert str(parse_measure(text)) == text
        assert parse_measure(text) == parse_measure(text)
        assert str(ir_measures.parse_measure(text)) == text

    @given(st.sampled_from(["Success", "RR", "nDCG", "AP", "P", "R"]), st.integers(1, 10**9 - 1))
    def test_any_cutoff_round_trips(self, name, cutoff):
        assert parse_measure(f"{name}@{cutoff}") == Measure(name, cutoff)
        assert str(Measure(name, cutoff)) == f"{name}@{cutoff}"

    @pytest.mark.parametrize(
        "text",
        [
            *("", "MRR@10", "ndcg@10", " RR", "RR\n", "nDCG@10@10", "nDCG(gains)@10"),
            *("P", "R", "Success", "nDCG@", "nDCG@0", "nDCG@-1", "nDCG@010", "nDCG@1.5", "nDCG@\u0661"),
            pytest.param("P@1" + "0" * 5000, id="huge"),
        ],
    )
    def test_anything_else_is_answered_with_what_exists(self, text):
        with pytest.raises(OptionError, match=r"does not exist; choose from RR, nDCG, AP, Success@k, .* with k"):
            parse_measure(text)

    @pytest.mark.parametrize(("name", "cutoff"), [("P", None), ("nDCG", 0), ("Recall", 10)])
    def test_a_measure_that_does_not_exist_cannot_be_made(self, name, cutoff):
        with pytest.raises(OptionError, match="does not exist"):
            Measure(name, cutoff)
