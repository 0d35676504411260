"""Exact top-k on a CPU: a rough product with every document, exact scores of the few that it leaves.

A rough score is within ``eps`` of the exact one. Whatever reaches the k-th best rough score less ``2 eps`` survives; the true
k best are among it, however the products were computed. ``products`` holds the ways and their bounds.
"""

import numpy as np
from numpy.typing import NDArray

from retrievers.neural.topk import kernels
from retrievers.neural.topk.products import Asked, Product, Survivors, each
from retrievers.neural.topk.store import Floats, Vectors

MANY = 1024
"""Questions that are answered together: the larger the tiles, the better the products."""
MAPPED = 1 << 26
"""Bytes of a file that are read before their pages are given back."""
SMALL = 1 << 22
"""Products below which a second thread costs more than it gains."""
PLACES = 1 << 23
"""Survivors of all questions together for which there is memory."""


def search(
    vectors: Vectors, product: Product, queries: Floats, k: int, threads: int
) -> tuple[NDArray[np.int64], Floats]:
    """Positions and scores ``[Q, min(k, N)]``, best first, equal scores by position; queries float32 ``[Q, D]``, contiguous.

    RuntimeError rather than results that contradict each other.
    """
    k = min(k, len(vectors.values))
    positions, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    capacity = 2 * k + 1024
    rows = max(1, min(MANY, PLACES // capacity))
    asked = Asked(queries, np.linalg.norm(queries.astype(np.float64), axis=1))
    for start in range(0, len(queries) if k else 0, rows):
        part, some = asked.part(start, start + rows), slice(start, start + rows)
        found, eps = _survivors(vectors, product, part, k=k, capacity=capacity, threads=threads)
        kernels.finish(vectors.values, vectors.scales, part.vectors, eps, *found[1:], positions[some], scores[some])
        vectors.release()
        if (positions[some, -1] < 0).any() or (
            scores[some, -1] < found.limits
        ).any():  # too few, or worse than k others
            raise RuntimeError(
                f"a search by {type(product).__name__} lost results; no bound allows it, so this is a bug"
            )
    return positions, scores


def _survivors(
    vectors: Vectors, product: Product, asked: Asked, *, k: int, capacity: int, threads: int
) -> tuple[Survivors, Floats]:
    """Those of all documents, in as many parts as there were threads, put together; and the bounds on the error ``[Q]``."""
    questions, count = len(asked.vectors), len(vectors.values)
    parts = 1 if product.shared or questions * vectors.values.size < SMALL else threads
    found = [Survivors.none(questions, capacity) for _ in range(parts)]
    eps, scan = product.begin(asked)
    step = max(1, MAPPED // max(1, vectors.values[:1].nbytes)) if vectors.mapped else count
    for start in range(0, count, step):
        each(lambda part, first, last: scan(k, found[part], first, last), start, min(start + step, count), parts)
        vectors.release()
    if parts == 1:
        return found[0], eps
    whole = Survivors.none(questions, capacity * parts)
    for part in found:
        kernels.merge(*whole[1:], *part[1:])
        np.maximum(whole.limits, part.limits, out=whole.limits)
    return whole, eps
