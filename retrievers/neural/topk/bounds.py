"""How far a rough score may be from the exact one, and the rounding of questions, compiled: many small steps for one question.

With ``u`` = 2^-24, the unit roundoff of float32, and sums of ``D`` products in any order (Higham 2002, section 3.1), the score
of question ``q`` and document ``d`` is wrong by at most:

- float32: ``(D + 4) u |q| |d|``, the roundings of a scale and of the exact score included;
- rounded operands ``p`` and ``e``: ``|q.d - p.e| <= |q| |d - e| + |q - p| |e|``, the residuals measured, or half a unit in each
  dimension at most, and the error of the product of ``p`` and ``e`` itself: that of float32, for integers that of turning an
  exact sum into float32 and of the units, for bfloat16 another ``2^-8 |p| |e|``, for its result is rounded to bfloat16 too.

Below the normal range, 2^-126, numbers lose bits, or become 0 where a library has that set: ``D`` products and as many sums by
2^-126 each at most, times the scale of an int8 vector, which has a component of 1 at least and so a scale of at most ``|d|``;
the score by 2^-126; and operands, by 2^-126 in each of ``D`` components that meet the other vector, ``2^-126 sqrt(D) |q|`` and
``|d|``. ``bounds`` counts ``D 2^-125 max(1, |d|) + 2^-126 (1 + sqrt(D) (|q| + |d|))`` for them.
"""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled(fastmath={"reassoc", "contract", "nsz"})
"""Sums may be reordered into vector instructions."""

UNIT, TINY = 2.0**-24, 2.0**-126
HALF = 0.51
"""Of a unit, at most, is lost where a number is rounded to it: half, and what two roundings of a quotient add."""


@_compiled
def bounds(lengths, off, size, norm, residual, product, sums):
    """Float32 ``[Q]``, rounded up, for questions of lengths ``[Q]`` that are off by ``[Q]`` and documents that are by ``residual``.

    norm: the largest of a document; size: ``D``. product: the error of a product of rounded vectors, as a part of their lengths;
    sums: how many sums in float32 are made.
    """
    result = np.empty(len(lengths), np.float32)
    longest = norm + residual
    for row in range(len(lengths)):
        tiny = 2 * size * max(1.0, norm) + 1 + np.sqrt(size) * (lengths[row] + norm)
        summed = (size + 4) * UNIT * lengths[row] * norm + TINY * tiny
        rounded = lengths[row] * residual + off[row] * longest + product * (lengths[row] + off[row]) * longest
        result[row] = np.nextafter(np.float32(rounded + sums * summed), np.float32(np.inf))
    return result


@_compiled
def farthest(vectors, steps, units):
    """The largest distance of a vector float32 ``[N, D]`` from its rounding: steps int8 times a unit float32 ``[N]``."""
    found = 0.0
    for row in range(len(vectors)):
        total = 0.0
        for at in range(vectors.shape[1]):
            off = np.float64(vectors[row, at]) - np.float64(steps[row, at]) * np.float64(units[row])
            total += off * off
        found = max(found, total)
    return np.sqrt(found)


@_compiled
def largest(vectors):
    """The largest magnitude float64 ``[N]`` of a number in each vector float32 ``[N, D]``."""
    result = np.zeros(len(vectors), np.float64)
    for row in range(len(vectors)):
        for at in range(vectors.shape[1]):
            result[row] = max(result[row], abs(np.float64(vectors[row, at])))
    return result


@_compiled
def rounded(vectors, sizes, most):
    """Vectors as int16 ``[Q, D]``, and their units float32 ``[Q]``: ``sizes`` float64 ``[Q]`` are ``most`` units, or fewer than units can be small."""
    steps, units = np.empty(vectors.shape, np.int16), np.empty(len(vectors), np.float32)
    for row in range(len(vectors)):
        unit = units[row] = np.float32(max(sizes[row] / most, TINY))
        for at in range(vectors.shape[1]):
            steps[row, at] = np.int16(np.int32(np.rint(vectors[row, at] / unit)))
    return steps, units
