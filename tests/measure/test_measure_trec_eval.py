"""Measures equal trec_eval's, gdeval's and those of ir-measures, per query and to the last digit."""

import json
import random
import re
import shutil
from pathlib import Path

import ir_measures
import pytest
import pytrec_eval
from quality_examples import ALL, EXPONENTIAL, TREC_NAMES, retrieved, tie_heavy, values

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "trec_eval.json").read_text(encoding="utf-8"))


def at_level(name, rel):
    """The name with another lowest relevant grade; nDCG knows none."""
    return name if name.startswith("nDCG") else re.sub(r"^[A-Za-z]+", rf"\g<0>(rel={rel})", name)


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
