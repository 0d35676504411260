"""How rankings are combined: standard scores, reciprocal ranks, sums by document, weights tuned on dev."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits, Pairs
from bench.errors import HitsError

Choice = TypeVar("Choice")
Floats = NDArray[np.float32]


def given_weights(text: str, parts: int) -> list[float]:
    """Read ``0.4~0.6``: one weight for each part; ValueError otherwise."""
    weights = [float(weight) for weight in text.split("~")]
    if len(weights) != parts or min(weights) < 0:
        raise ValueError(f"weights must be dev or {parts} numbers, as in {'~'.join(['0.5'] * parts)}")
    return weights


def tuned(choices: Iterable[Choice], rank: Callable[[Choice], Hits], dev: Pairs) -> tuple[Choice, float]:
    """The choice with the best mean RR@10 over the dev questions, and that mean; the first of equals."""
    position = {doc.id: at for at, doc in enumerate(dev.corpus)}
    stride = len(dev.corpus) + 1  # one key for each (query, document), and one for a query's pads
    relevant = [
        row * stride + position[doc_id]
        for row, query in enumerate(dev.queries)
        for doc_id, grade in dev.qrels[query.id].items()
        if grade > 0
    ]
    rows = np.arange(len(dev.queries))[:, None] * stride

    def mean_rr(choice: Choice) -> float:
        top = rank(choice).positions[:, :10]
        found = np.isin(np.where(top >= 0, top, stride - 1) + rows, relevant)
        return float((found.any(axis=1) / (found.argmax(axis=1) + 1)).mean())

    return max(((choice, mean_rr(choice)) for choice in choices), key=lambda scored: scored[1])


def usable(hits: Hits, documents: int, part: str) -> Hits:
    """A part's hits, best first; HitsError names the part when they are no ranking, which fusing would hide."""
    positions, scores = np.asarray(hits.positions), np.asarray(hits.scores)
    if positions.ndim != 2 or positions.shape != scores.shape:  # noqa: PLR2004 - [Q, k]
        raise HitsError(f"{part}: positions {positions.shape} and scores {scores.shape} are not two [Q, k] arrays")
    if positions.size and not (positions.min() >= -1 and positions.max() < documents):
        raise HitsError(f"{part}: positions must lie between -1 and {documents - 1}")
    real = positions >= 0
    if not np.isfinite(scores[real]).all():
        raise HitsError(f"{part}: scores must be finite numbers")
    by_position = np.sort(positions, axis=1)
    if ((by_position[:, 1:] == by_position[:, :-1]) & (by_position[:, 1:] >= 0)).any():
        raise HitsError(f"{part}: a document is named twice for one question")
    falling = np.where(real, -scores, np.inf)
    if (falling[:, 1:] >= falling[:, :-1]).all():
        return Hits(positions, scores)
    order = np.argsort(falling, axis=1, kind="stable")
    return Hits(np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1))


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to share ``total`` among ``parts``, in lexicographic order."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def z_scores(scores: Floats, real: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard scores of the real hits of each query; 0 for pads."""
    values = np.where(real, scores, 0).astype(np.float64)
    count = np.maximum(real.sum(axis=1, keepdims=True), 1)
    centred = np.where(real, values - values.sum(axis=1, keepdims=True) / count, 0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    standard: NDArray[np.float64] = centred / np.where(spread > 0, spread, 1)
    return standard


def z_gains(hits: Hits) -> NDArray[np.float64]:
    """Standard scores, with 0 for a document that the part did not find: one deviation below its worst hit."""
    real = hits.positions >= 0
    standard = z_scores(hits.scores, real)
    lowest = np.where(real, standard, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    return np.where(real, standard - np.where(np.isfinite(lowest), lowest, 0) + 1, 0)


def reciprocal_ranks(hits: Hits, constant: int) -> NDArray[np.float64]:
    """Gains of reciprocal rank fusion: 1 / (constant + rank), 0 for pads (Cormack et al., SIGIR 2009)."""
    gains = 1.0 / (constant + 1 + np.arange(hits.positions.shape[1]))
    return np.where(hits.positions >= 0, gains, 0)


def merged(hits: list[Hits], gains: list[NDArray[np.float64]], k: int) -> Hits:
    """Sum the gains of equal positions, row by row, and keep the k best; ties keep the order of the corpus."""
    positions = np.hstack([part.positions for part in hits])
    gain = np.hstack(gains)
    order = np.argsort(positions, axis=1, kind="stable")
    positions, gain = np.take_along_axis(positions, order, axis=1), np.take_along_axis(gain, order, axis=1)
    total = gain.copy()
    for shift in range(1, len(hits)):  # a part names a document once, so equal positions form runs of at most len(hits)
        same = positions[:, shift:] == positions[:, :-shift]
        total[:, :-shift] += np.where(same, gain[:, shift:], 0)
    repeated = np.zeros_like(positions, dtype=bool)
    repeated[:, 1:] = positions[:, 1:] == positions[:, :-1]
    total[repeated | (positions < 0)] = -np.inf
    best = np.argsort(-total, axis=1, kind="stable")[:, :k]
    scores = np.take_along_axis(total, best, axis=1)
    found = np.where(np.isfinite(scores), np.take_along_axis(positions, best, axis=1), -1)
    return Hits(found, np.where(found >= 0, scores, 0).astype(np.float32))
