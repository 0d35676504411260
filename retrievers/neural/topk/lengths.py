"""Euclidean norms, and vectors of length 1, compiled: without a copy in float64, and at once for one question."""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled(fastmath={"reassoc", "contract", "nsz"})
"""Sums may be reordered into vector instructions."""


@_compiled
def norms(vectors):
    """Float64 ``[N]`` of vectors ``[N, D]``; NaN or infinite where a vector holds such a number."""
    result = np.empty(len(vectors), np.float64)
    for row in range(len(vectors)):
        vector, total = vectors[row], 0.0
        for at in range(vectors.shape[1]):
            total += np.float64(vector[at]) * np.float64(vector[at])
        result[row] = np.sqrt(total)
    return result


@_compiled
def divisors(lengths):
    """Turn norms float64 ``[N]`` into what makes vectors of length 1; 1 for those that are, as far as float32 can tell, and for 0.

    Returns the first that is no finite number, -1 if all are, and whether all divisors are 1.
    """
    wrong, none = -1, True
    for row in range(len(lengths)):
        if wrong < 0 and not lengths[row] < np.inf:
            wrong = row
        if abs(lengths[row] - 1) <= 1e-6 or lengths[row] == 0:  # noqa: PLR2004
            lengths[row] = 1
        else:
            none = False
    return wrong, none


@_compiled
def divided(vectors, lengths):
    """Float32 ``[N, D]``: each vector by its length float64 ``[N]``, rounded once."""
    result = np.empty(vectors.shape, np.float32)
    for row in range(len(vectors)):
        for at in range(vectors.shape[1]):
            result[row, at] = np.float32(np.float64(vectors[row, at]) / lengths[row])
    return result
