"""Exact top-k on a CPU: a rough product with every document, exact scores of the few that it leaves.

A rough score is within ``eps`` of the exact one. Whatever reaches the k-th best rough score less ``2 eps`` survives; the true
k best are among it, however the products were computed. ``products`` holds the ways and their bounds.
"""

import numpy as np
from numpy.typing import NDArray

from retrievers.neural.topk import kernels, lengths
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
APART = 512
"""Questions for each thread from which on it takes its own: each rounds all documents anew."""
SPARE = 1024
"""Places for survivors beyond twice k."""


def search(
    vectors: Vectors, product: Product, queries: Floats, k: int, threads: int
) -> tuple[NDArray[np.int64], Floats]:
    """Positions and scores ``[Q, min(k, N)]``, best first, equal scores by position; queries float32 ``[Q, D]``, contiguous.

    Threads share out the questions if they are many, else the documents. RuntimeError rather than results that contradict each
    other.
    """
    k = min(k, len(vectors.values))
    best = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    asked = Asked(queries, lengths.norms(queries))
    parts = 1 if product.shared or vectors.mapped or len(queries) < threads * APART else threads
    rows = max(1, min(MANY, PLACES // ((2 * k + SPARE) * threads)))

    def answer(_: int, first: int, last: int) -> None:
        for start in range(first, last if k else first, rows):
            some = slice(start, min(start + rows, last))
            _answer(vectors, product, asked.part(some), (best[0][some], best[1][some]), threads // parts)

    each(answer, 0, len(queries), parts)
    return best


def _answer(
    vectors: Vectors, product: Product, asked: Asked, best: tuple[NDArray[np.int64], Floats], threads: int
) -> None:
    """Write positions and scores ``[Q, k]``."""
    k = best[0].shape[1]
    found, eps = _survivors(vectors, product, asked, k=k, capacity=2 * k + SPARE, threads=threads)
    if vectors.mapped:
        _finish_few(vectors, asked, eps, found, best)
    else:
        kernels.finish(vectors.values, vectors.scales, asked.vectors, eps, *found[1:], *best)
    if (best[0][:, -1] < 0).any() or (best[1][:, -1] < found.limits).any():  # too few, or worse than k others
        raise RuntimeError(f"a search by {type(product).__name__} lost results; no bound allows it, so this is a bug")


def _finish_few(
    vectors: Vectors, asked: Asked, eps: Floats, found: Survivors, best: tuple[NDArray[np.int64], Floats]
) -> None:
    """``kernels.finish``, question by question, of survivors that are read from their file a few at a time.

    A system may map a megabyte where one vector is touched, and count it as this process's memory.
    """
    for row in range(len(eps)):
        one, (positions, scores) = slice(row, row + 1), (part[row : row + 1] for part in best)
        part = found.part(row, row + 1)
        kernels.drop(0, positions.shape[1], eps[row], *part[1:])
        places = part.positions[0, : part.counts[0]]
        known = np.sort(places)
        places[:] = np.searchsorted(known, places)  # in the order of the corpus, on which ties depend
        some = vectors.some(known)
        kernels.finish(some.values, some.scales, asked.vectors[one], eps[one], *part[1:], positions, scores)
        there = positions >= 0
        positions[there] = known[positions[there]]


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
