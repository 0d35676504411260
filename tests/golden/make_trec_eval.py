"""Writes trec_eval.json: a run with every awkward case and what trec_eval (through pytrec_eval) scores it."""

import json
import random
from pathlib import Path

import pytrec_eval

NAMES = {
    "Success@1": "success_1",
    "Success@5": "success_5",
    "RR": "recip_rank",
    "nDCG": "ndcg",
    "nDCG@3": "ndcg_cut_3",
    "nDCG@10": "ndcg_cut_10",
    "AP": "map",
    "AP@5": "map_cut_5",
    "P@3": "P_3",
    "P@50": "P_50",
    "R@3": "recall_3",
    "R@50": "recall_50",
    "Rprec": "Rprec",
    "Bpref": "bpref",
}
GRADED_NAMES = {
    "Success(rel=2)@5": "success_5",
    "RR(rel=2)": "recip_rank",
    "AP(rel=2)": "map",
    "AP(rel=2)@5": "map_cut_5",
    "P(rel=2)@3": "P_3",
    "R(rel=2)@3": "recall_3",
    "Rprec(rel=2)": "Rprec",
    "Bpref(rel=2)": "bpref",
}


def collection(rng: random.Random) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Judgements and a run: ties, float64 differences, graded and negative judgements, missing and extra queries."""
    docs = [f"doc{number}" for number in range(40)]
    qrels = {f"q{i}": {doc: rng.choice([-1, 0, 0, 1, 1, 2, 3]) for doc in rng.sample(docs, 12)} for i in range(10)}
    qrels["one-answer"] = {"doc7": 1}
    qrels["nothing-relevant"] = {"doc1": 0, "doc2": 0}
    qrels["unanswered"] = {"doc3": 1}
    run = {
        query: {doc: rng.choice([0.1, 0.1 + 1e-9, 0.5, -2.0, -0.0, 0.0, 3.25]) for doc in rng.sample(docs, 5 + 3 * i)}
        for i, query in enumerate([*qrels][:11])
    }
    run["one-answer"] |= {"doc7": 0.1}
    run["nothing-relevant"] = {"doc1": 2.0, "doc4": 1.0}
    run["unjudged"] = {"doc1": 1.0}
    return qrels, run


def main() -> None:
    """Write the file beside this script."""
    qrels, run = collection(random.Random(1))
    scores = {}
    for level, names in ((1, NAMES), (2, GRADED_NAMES)):
        found = pytrec_eval.RelevanceEvaluator(qrels, set(names.values()), relevance_level=level).evaluate(run)
        for name, key in names.items():
            scores[name] = {query: found[query][key] if query in found else 0.0 for query in qrels}
    text = json.dumps({"qrels": qrels, "run": run, "scores": scores}, indent=1)
    Path(__file__).with_name("trec_eval.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
