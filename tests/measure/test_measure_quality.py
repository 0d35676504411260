"""Measures equal trec_eval's, per query and to the last digit, and behave as the definitions say."""

import copy
import json
import random
import re
import shutil
from math import log2
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.api import Hits
from bench.errors import DataError
from bench.measure.quality import evaluate, first_relevant_ranks, parse_measure
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
    "Rprec": "Rprec",
    "Bpref": "bpref",
}
EXPONENTIAL = "nDCG(dcg='exp-log2')@10"
NOT_IN_TREC_EVAL = ["RR@3", "RR(rel=2)@3", "Judged", "Judged@5", EXPONENTIAL]
ALL = [*TREC_NAMES, "AP(rel=2)", "Bpref(rel=2)", *NOT_IN_TREC_EVAL]


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


def at_level(name, rel):
    """The name with another lowest relevant grade; nDCG knows none."""
    return name if name.startswith("nDCG") else re.sub(r"^[A-Za-z]+", rf"\g<0>(rel={rel})", name)


def tie_heavy(rng, queries):
    """Judgements with negative, few and many grades, and a run of few levels, some only apart in float64."""
    docs = [f"d{number}" for number in range(60)]
    rng.shuffle(docs)
    levels = [0.1, 0.1 + 1e-9, 0.3, -0.2, 0.0, -0.0, 1e-46, 2.5]
    qrels, run = {}, {}
    for index in range(queries):
        pool = docs[: rng.randint(1, 60)]
        grades = rng.choice([[0], [0, 1], [1, 2], [-1, 0, 1, 2, 3], [-2, -1, 0, 0, 0, 1], [-2, 0, 5]])
        # trec_eval itself hangs on a query all of whose grades are negative, hence the one zero.
        qrels[f"q{index}"] = {d: rng.choice(grades) for d in rng.sample(pool, len(pool) // 2)} | {docs[0]: 0}
        if rng.random() < 0.95:
            run[f"q{index}"] = {d: rng.choice(levels) for d in rng.sample(pool, rng.randint(1, len(pool)))}
    return docs, qrels, run


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

    @pytest.mark.parametrize("rel", [1, 2, 3])
    def test_4000_rankings_full_of_ties_agree_to_the_last_digit(self, rel):
        names = {at_level(name, rel) if rel > 1 else name: key for name, key in TREC_NAMES.items()}
        for seed in range(40):
            docs, qrels, run = tie_heavy(random.Random(seed), 100)
            evaluator = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values()), relevance_level=rel)
            theirs = evaluator.evaluate(run)
            ours = values(retrieved(run, docs), qrels, *names)
            for name, key in names.items():
                expected = [theirs[query][key] if query in theirs else 0.0 for query in qrels]
                assert ours[name].tolist() == expected, (seed, name)

    def test_a_deep_ranking_agrees_to_the_last_digit(self):
        rng = random.Random(0)
        docs = [f"d{number:04d}" for number in range(3000)]
        qrels = {"q": {doc: rng.randint(0, 4) for doc in rng.sample(docs, 1500)}}
        run = {"q": {doc: rng.random() for doc in docs}}
        theirs = pytrec_eval.RelevanceEvaluator(qrels, set(TREC_NAMES.values())).evaluate(run)["q"]
        ours = values(retrieved(run, docs), qrels, *TREC_NAMES)
        assert {name: found.item() for name, found in ours.items()} == {n: theirs[k] for n, k in TREC_NAMES.items()}

    def test_ir_measures_reads_the_same_names_and_gives_the_same_values(self):
        # Without ties: where documents tie, the providers that ir-measures has for RR@k and Judged do not follow trec_eval.
        rng = random.Random(0)
        docs = [f"d{number}" for number in range(30)]
        qrels = {f"{i}": {d: rng.choice([0, 1, 1, 2]) for d in rng.sample(docs, 8)} for i in range(20)}
        run = {f"{i}": {d: float(score) for score, d in enumerate(rng.sample(docs, 12))} for i in range(2, 22)}
        theirs = {name: dict.fromkeys(qrels, 0.0) for name in ALL}
        for found in ir_measures.iter_calc(map(ir_measures.parse_measure, set(ALL) - {EXPONENTIAL}), qrels, run):
            theirs[str(found.measure)][found.query_id] = found.value
        ours = values(retrieved(run, docs), qrels, *ALL)
        for name in set(ALL) - {EXPONENTIAL}:
            assert ours[name].tolist() == list(theirs[name].values()), name

    @pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl script")
    def test_exponential_gains_are_those_of_gdeval(self):
        docs, qrels, run = tie_heavy(random.Random(0), 60)
        numbered = [{query[1:]: row for query, row in rows.items()} for rows in (qrels, run)]
        # gdeval refuses grades above 4 and compares scores as float64.
        numbered[0] = {q: {d: min(grade, 4) for d, grade in row.items()} for q, row in numbered[0].items()}
        numbered[1] = {q: {d: round(score, 1) for d, score in row.items()} for q, row in numbered[1].items()}
        theirs = dict.fromkeys(numbered[0], 0.0)
        for found in ir_measures.iter_calc([ir_measures.parse_measure(EXPONENTIAL)], *numbered):
            theirs[found.query_id] = found.value
        ours = values(retrieved(numbered[1], docs), numbered[0], EXPONENTIAL)
        assert ours == pytest.approx(list(theirs.values()), abs=6e-6)  # it prints five decimals


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
        assume((row[place] in grades) >= (row[place - 1] in grades))  # for Judged
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
        for name in ("R", "Success", "RR", "AP", "AP(rel=2)"):
            here, deeper = (values(ranked(q=row), {"q": grades}, f"{name}@{depth}")[0] for depth in (k, k + 1))
            assert deeper >= here
