"""The best k of a row of scores, found without sorting the row."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits
from retrievers.lexical import scoring


def rank(rows: Iterable[NDArray[np.float32]], queries: int, documents: int, k: int) -> Hits:
    """Hits of ``queries`` rows of scores, float32 ``[documents]`` each, taken one at a time.

    Documents whose score is not above 0 share nothing with the question and are not hits; equal scores keep the order of
    the corpus.
    """
    width = min(k, documents)
    hits = Hits(np.full((queries, width), -1, dtype=np.int64), np.zeros((queries, width), dtype=np.float32))
    for at, row in enumerate(rows):
        if width:
            scoring.best_of(np.require(row, np.float32, ["C", "W"]), *hits, at)
    return hits


@cache
def prepare() -> None:
    """Compile what searching needs, or load it where it was compiled before."""
    starts, docs, ones = np.array([0, 1]), np.zeros(1, dtype=np.uint32), np.ones(1, dtype=np.float32)
    terms, hits = np.zeros(1, dtype=np.int32), Hits(np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1), np.float32))
    scoring.add_up(starts, docs, ones, terms, ones, ones.copy())
    scoring.best(starts, docs, ones, 1, terms, ones, starts, *hits)
    scoring.best_of(ones, *hits, 0)
