"""Products of rounded numbers on a CPU: fewer bytes to read, or twice as many products in an instruction.

Both round questions to int16. Their scores are sums of integers, exact in 32 bits, times the units of both sides.
"""

import numpy as np
from numpy.typing import NDArray

from retrievers.neural.topk import bounds, kernels
from retrievers.neural.topk.bounds import HALF, TINY, UNIT
from retrievers.neural.topk.integer_kernels import ROWS, multiply_dots, multiply_panels
from retrievers.neural.topk.products import PART, Asked, Scan, Survivors, block_of, bound
from retrievers.neural.topk.store import Floats, Vectors, rounded

LARGEST, SUM = 2**15 - 1, 2**31 - 1
"""Of an int16, and of a sum."""
GROUP = int(kernels.GROUP)  # of which panels are a part
SCORES = 1 << 15
"""Scores of a tile of few questions: limits rise from one to the next."""
CACHED, TILE = 1 << 17, 1 << 18
"""Of many: numbers of documents that are packed together, 256 KB: half of a small second cache; and scores of a tile, a MB."""


class Integers:
    """int8 documents and int16 questions: a quarter of the memory to read, which is what one question waits for."""

    shared = False

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, self._block = vectors, block_of(vectors)
        count, self._residual = len(vectors.values), 0.0
        if vectors.integers:
            self._values, self._units = vectors.values, np.ascontiguousarray(np.broadcast_to(vectors.scales, count))
            return
        self._values, self._units = np.empty(vectors.values.shape, np.int8), np.empty(count, np.float32)
        for start in range(0, count, PART):
            part = vectors.floats(start, start + PART)
            self._values[start : start + PART], self._units[start : start + PART] = steps, units = rounded(part)
            self._residual = max(self._residual, bounds.farthest(part, steps, units))

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        most = min(LARGEST, SUM // (128 * max(1, values.shape[1])))
        steps, units = bounds.rounded(asked.vectors, bounds.largest(asked.vectors), most)
        factors, eps = _factors(units), _error(asked, self._vectors, units, self._residual)
        wide = max(self._block, _groups(SCORES // max(1, len(eps))))

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            tile = np.empty((len(eps), min(wide, stop - start)), np.float32)
            for first in range(start, stop, wide):
                some = slice(first, min(first + wide, stop))
                part = self._values[some]
                multiply_dots(part, self._units[some], steps, factors, self._block, tile)
                kernels.collect(tile, len(part), first, values, scales, asked.vectors, k, eps, *found)

        return eps, scan


class Shorts:
    """int16 on both sides, for many questions: documents are rounded as they are read, no copy is kept.

    All documents have one unit, a part of the largest norm: what counts is the error of a score, not of a document.
    """

    shared = False

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, size = vectors, vectors.values.shape[1]
        self._unit, self._residual, self._longest = np.float32(1), 0.0, 128 * size**0.5
        if not vectors.integers:
            self._unit = np.float32(max(vectors.norm / LARGEST, TINY))
            self._residual = HALF * float(self._unit) * size**0.5
            self._longest = LARGEST + size**0.5
        self._block = _groups(min(1024, CACHED // max(1, size)))

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        count, size = asked.vectors.shape
        most = min(LARGEST, int(SUM / self._longest - size**0.5))
        steps, units = bounds.rounded(asked.vectors, asked.norms, most)
        strips, factors = _strips(steps, units)
        eps = _error(asked, self._vectors, units, self._residual)
        wide = max(self._block, _groups(TILE // max(1, count)))

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            tile = np.empty((len(strips) * ROWS, min(wide, _groups(stop - start + GROUP))), np.float32)
            for first in range(start, stop, wide):
                some = slice(first, min(first + wide, stop))
                part = values[some]
                own = scales[some] if len(scales) > 1 else np.broadcast_to(scales * self._unit, len(part))
                multiply_panels(part, own, 1 / self._unit, strips, factors, self._block, tile)
                kernels.collect(tile[:count], len(part), first, values, scales, asked.vectors, k, eps, *found)

        return eps, scan


def _groups(documents: int) -> int:
    """So many or fewer in whole groups, one at least."""
    return max(GROUP, documents // GROUP * GROUP)


def _error(asked: Asked, vectors: Vectors, units: Floats, residual: float) -> Floats:
    """The bound for questions rounded to units and documents that are off by ``residual``; 4 roundings from a sum to a score."""
    off = HALF * vectors.values.shape[1] ** 0.5 * units.astype(np.float64)
    return bound(asked, vectors, off, residual, product=4 * UNIT)


def _factors(units: Floats) -> Floats:
    """Two factors for each unit, ``[Q, 2]``: one at most 1 and one at least 1."""
    return np.stack([np.minimum(units, 1), np.maximum(units, 1)], 1)


def _strips(steps: NDArray[np.int16], units: Floats) -> tuple[NDArray[np.int16], Floats]:
    """Strips ``[S, P, ROWS, 2]`` and factors ``[S, ROWS, 2]``, filled up with zeros; a pair of dimensions at least."""
    count, size = steps.shape
    strips, pairs = -(-count // ROWS), max(1, -(-size // 2))
    whole, factors = np.zeros((strips * ROWS, 2 * pairs), np.int16), np.zeros((strips * ROWS, 2), np.float32)
    whole[:count, :size], factors[:count] = steps, _factors(units)
    ordered = whole.reshape(strips, ROWS, pairs, 2).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(ordered), factors.reshape(strips, ROWS, 2)
