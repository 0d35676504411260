"""Measures by name, small runs by hand and many by chance, and one way to have them judged."""

import numpy as np

from bench.api import Hits
from bench.measure.quality import evaluate, parse_measure
from bench.measure.ranking import Run, canonical

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
