"""Checks of the harness itself in every run: what must score 1 does, chance scores chance, ids and order mean nothing."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

from bench.api import Hits, Qrels
from bench.data.dataset import Dataset
from bench.measure.chance import expected_mean
from bench.measure.quality import Measure, evaluate
from bench.measure.ranking import canonical

DEPTH = 10
RARE = 1e-6
"""A correct harness fails the chance canary this rarely."""

Verdict = tuple[bool, str]


def canaries(dataset: Dataset, pool: str) -> dict[str, Verdict]:
    """Name -> (passed, one line with what was expected and what was measured), over this dataset and pool."""
    ids = [query.id for query in dataset.test.queries]
    docs = [doc.id for doc in dataset.documents(pool)]
    qrels = dataset.test.qrels
    return {
        "oracle": _oracle(ids, docs, qrels),
        "chance": _chance(ids, docs, qrels),
        "ids": _shuffled_ids(ids, docs, qrels),
        "constant": _constant(ids, docs, qrels),
    }


def chance_verdict(successes: float, qrels: Qrels, pool: int) -> Verdict:
    """Whether a measured Success@10 over all questions is compatible with uniformly random rankings."""
    n = len(qrels)
    p = expected_mean(Measure("Success", DEPTH), pool, [list(grades.values()) for grades in qrels.values()])
    rarity = binomtest(round(successes * n), n, min(1.0, p)).pvalue
    return bool(rarity > RARE), f"Success@{DEPTH} of random rankings: expected {p:.4f}, measured {successes:.4f}"


def _oracle(ids: Sequence[str], docs: Sequence[str], qrels: Qrels) -> Verdict:
    """A system that knows the judgements ranks by grade and must reach 1 for every question."""
    position = {doc_id: at for at, doc_id in enumerate(docs)}
    best = [sorted(qrels[query].items(), key=lambda item: -item[1])[:DEPTH] for query in ids]
    positions = np.full((len(ids), DEPTH), -1, dtype=np.int64)
    scores = np.zeros((len(ids), DEPTH), dtype=np.float32)
    for row, ranked in enumerate(best):
        for column, (doc_id, grade) in enumerate(ranked):
            positions[row, column], scores[row, column] = position[doc_id], grade
    values = _evaluated(positions, scores, ids, docs, qrels)
    lowest = min(float(value.min()) for value in values.values())
    return lowest == 1.0, f"a system that knows the answers: expected 1 for every question, lowest {lowest:.4f}"


def _chance(ids: Sequence[str], docs: Sequence[str], qrels: Qrels) -> Verdict:
    positions, scores = _random(len(ids), len(docs))
    success = _evaluated(positions, scores, ids, docs, qrels)[f"Success@{DEPTH}"].mean()
    return chance_verdict(float(success), qrels, len(docs))


def _shuffled_ids(ids: Sequence[str], docs: Sequence[str], qrels: Qrels) -> Verdict:
    """Renaming all documents must change no value of a ranking without ties."""
    positions, scores = _random(len(ids), len(docs))
    names = [f"{at:09d}" for at in np.random.default_rng(1).permutation(len(docs))]
    renamed = dict(zip(docs, names, strict=True))
    new_qrels = {query: {renamed[doc_id]: grade for doc_id, grade in qrels[query].items()} for query in ids}
    before = _evaluated(positions, scores, ids, docs, qrels)
    after = _evaluated(positions, scores, ids, names, new_qrels)
    changed = sum(int((before[name] != after[name]).sum()) for name in before)
    return changed == 0, f"all documents renamed: expected 0 changed values, measured {changed}"


def _constant(ids: Sequence[str], docs: Sequence[str], qrels: Qrels) -> Verdict:
    """Equal scores for ten documents, a right one among them, must score alike whether that one comes first or last."""
    position = {doc_id: at for at, doc_id in enumerate(docs)}
    positions, _ = _random(len(ids), len(docs))
    for row, query in enumerate(ids):
        right = position[max(qrels[query], key=lambda doc_id: qrels[query][doc_id])]
        others = [at for at in positions[row].tolist() if at != right]
        positions[row] = [right, *others][: positions.shape[1]]
    scores = np.zeros(positions.shape, dtype=np.float32)
    first = _evaluated(positions, scores, ids, docs, qrels)
    last = _evaluated(positions[:, ::-1], scores, ids, docs, qrels)
    changed = sum(int((first[name] != last[name]).sum()) for name in first)
    return (
        changed == 0,
        f"equal scores, the right document given first or last: expected 0 changed values, measured {changed}",
    )


def _random(rows: int, pool: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    depth = min(DEPTH, pool)
    positions = np.array([rng.choice(pool, depth, replace=False) for _ in range(rows)], dtype=np.int64)
    return positions, np.tile(np.arange(depth, 0, -1, dtype=np.float32), (rows, 1))


def _evaluated(
    positions: np.ndarray, scores: np.ndarray, ids: Sequence[str], docs: Sequence[str], qrels: Qrels
) -> dict[str, np.ndarray]:
    run = canonical(Hits(positions, scores), ids, docs, DEPTH)
    return evaluate(run, qrels, ids, [Measure("Success", DEPTH), Measure("RR", DEPTH), Measure("nDCG", DEPTH)])
