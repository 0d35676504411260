"""The best k of a row of scores, found without sorting the row."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits

_GROUP = 32


def rank(rows: Iterable[NDArray[np.float32]], queries: int, documents: int, k: int) -> Hits:
    """Hits of ``queries`` rows of scores, float32 ``[documents]`` each, taken one at a time.

    Documents whose score is not above 0 share nothing with the question and are not hits; equal scores keep the order of
    the corpus.
    """
    width = min(k, documents)
    positions = np.full((queries, width), -1, dtype=np.int64)
    scores = np.zeros((queries, width), dtype=np.float32)
    for row, (best, values) in enumerate(_best(row, width) for row in rows):
        positions[row, : len(best)] = best
        scores[row, : len(best)] = values
    return Hits(positions, scores)


def _best(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    floor = _floor(scores, k)
    found = np.flatnonzero(scores >= floor) if floor > 0 else np.flatnonzero(scores > 0)
    values = scores[found]
    order = np.argsort(-values, kind="stable")[:k]
    return found[order], values[order]


def _floor(scores: NDArray[np.float32], k: int) -> float:
    """A bound that at least k scores reach and few others do.

    The k-th largest of the maxima of disjoint groups is one: k groups have a score as high. Groups are interleaved, so that
    their maxima are element-wise maxima of long rows, and partitioning the maxima costs a thirtieth of partitioning all.
    """
    groups = len(scores) // _GROUP
    if groups > k:
        scores = scores[: groups * _GROUP].reshape(_GROUP, groups).max(axis=0)
    place = len(scores) - k
    return float(np.partition(scores, place)[place]) if 0 < place < len(scores) else 0.0
