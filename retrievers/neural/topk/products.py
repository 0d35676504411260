"""Ways to multiply questions and documents on a CPU, each with a proven bound on its error.

With ``u`` = 2^-24, the unit roundoff of float32, and sums of ``D`` products in any order (Higham 2002, section 3.1), the score
of question ``q`` and document ``d`` is wrong by at most:

- float32: ``(D + 4) u |q| |d|``, the roundings of a scale and of the exact score included;
- rounded operands ``p`` and ``e``: ``|q.d - p.e| <= |q| |d - e| + |q - p| |e|``, both residuals measured, and the error of the
  product of ``p`` and ``e`` itself: that of float32, for int8 that of turning an exact integer into float32, for bfloat16
  another ``2^-8 |p| |e|``, for its result is rounded to bfloat16 too.

Below the normal range, 2^-126, numbers lose bits, or become 0 where a library has that set: ``D`` products and as many sums by
2^-126 each at most, times the scale of an int8 vector, which has a component of 1 at least and so a scale of at most ``|d|``;
the score by 2^-126; and operands, by 2^-126 in each of ``D`` components that meet the other vector, ``2^-126 sqrt(D) |q|`` and
``|d|``. Each of these bounds counts ``D 2^-125 max(1, |d|) + 2^-126 (1 + sqrt(D) (|q| + |d|))`` for them.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.topk import kernels
from retrievers.neural.topk.store import Floats, Vectors, rounded

UNIT, TINY = 2.0**-24, 2.0**-126
FEW = 64
"""Questions that a compiled product takes at once: they stay in the cache beside a block of documents."""
BLOCK = 1 << 16
"""Numbers of a block of documents that a compiled product reads again for every question: half of a small second cache."""
WIDE = 2048
"""Documents of a tile where a library multiplies."""
PART = 1 << 14
"""Documents that are rounded at a time."""


class Asked(NamedTuple):
    """Questions float32 ``[Q, D]`` and their norms ``[Q]``."""

    vectors: Floats
    norms: NDArray[np.float64]

    def part(self, start: int, stop: int) -> Self:
        """Some of them."""
        some = slice(start, stop)
        return type(self)(self.vectors[some], self.norms[some])


class Survivors(NamedTuple):
    """What may be among the k best so far (``kernels.collect``): limits ``[Q]``, counts ``[Q]``, positions and scores ``[Q, C]``."""

    limits: Floats
    counts: NDArray[np.int64]
    positions: NDArray[np.int64]
    scores: Floats

    @classmethod
    def none(cls, questions: int, capacity: int) -> Self:
        """No survivor yet."""
        shape, limits = (questions, capacity), np.full(questions, kernels.LOWEST)
        return cls(limits, np.zeros(questions, np.int64), np.empty(shape, np.int64), np.empty(shape, np.float32))

    def part(self, start: int, stop: int) -> Self:
        """Those of some questions, as views."""
        some = slice(start, stop)
        return type(self)(self.limits[some], self.counts[some], self.positions[some], self.scores[some])


Scan = Callable[[int, Survivors, int, int], None]
"""Called with k, the survivors, and the first and last document to look at."""


class Product(Protocol):
    """A way to multiply. shared: it uses several threads itself, so that one scan goes over all documents."""

    shared: bool

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """The bound on the error of each question's scores ``[Q]``, and the scan."""


class Compiled:
    """Our own product: as fast as memory for one question, and near the processor's peak for a few."""

    shared = False

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, self._block = vectors, _block(vectors)

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        eps = float_error(asked, self._vectors)

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            for at in range(0, len(eps), FEW):
                some = slice(at, at + FEW)
                part = found.part(at, at + FEW)
                kernels.scan(values, scales, asked.vectors[some], self._block, k, eps[some], *part, start, stop)

        return eps, scan


class Integers:
    """int8 documents and int16 questions: a quarter of the memory to read, which is what one question waits for."""

    shared = False

    def __init__(self, vectors: Vectors) -> None:
        self._vectors, self._block = vectors, _block(vectors)
        count, self._residual = len(vectors.values), 0.0
        if vectors.integers:
            self._values, self._units = vectors.values, np.ascontiguousarray(np.broadcast_to(vectors.scales, count))
            return
        self._values, self._units = np.empty(vectors.values.shape, np.int8), np.empty(count, np.float32)
        for start in range(0, count, PART):
            part = vectors.floats(start, start + PART)
            self._values[start : start + PART], self._units[start : start + PART] = steps, units = rounded(part)
            off = np.linalg.norm(part - steps * units[:, None].astype(np.float64), axis=1)
            self._residual = max(self._residual, float(off.max()))

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        most = min(2**15 - 1, (2**31 - 1) // (128 * max(1, values.shape[1])))  # so that no sum overflows
        units = np.abs(asked.vectors).max(axis=1, initial=0.0).astype(np.float32) / np.float32(most)
        units[units == 0] = 1
        steps = np.rint(asked.vectors / units[:, None]).astype(np.int16)
        off = np.linalg.norm(asked.vectors - steps * units[:, None].astype(np.float64), axis=1)
        longest = self._vectors.norm + self._residual
        rounding = asked.norms * self._residual + off * longest + 4 * UNIT * (asked.norms + off) * longest
        eps = _up(rounding + float_error(asked, self._vectors))

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            for at in range(0, len(eps), FEW):
                some = slice(at, at + FEW)
                kernels.scan_integers(
                    self._values, self._units, units[some], steps[some], values, scales, asked.vectors[some],
                    self._block, k, eps[some], *found.part(at, at + FEW), start, stop,
                )  # fmt: skip

        return eps, scan


class Library:
    """Tiles of scores by a library, for many questions; the threads that it multiplies with then share out the questions."""

    shared = True

    def __init__(self, vectors: Vectors, threads: int) -> None:
        self._vectors, self._threads = vectors, threads

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        eps, multiply = self._prepare(asked)

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            for first in range(start, stop, WIDE):
                tile = multiply(first, min(first + WIDE, stop))

                def select(_: int, row: int, end: int, tile: Floats = tile, first: int = first) -> None:
                    kernels.collect(
                        tile[row:end], tile.shape[1], first, values, scales, asked.vectors[row:end], k, eps[row:end],
                        *found.part(row, end),
                    )  # fmt: skip

                each(select, 0, len(eps), self._threads if tile.size > PART else 1)

        return eps, scan

    def _prepare(self, asked: Asked) -> tuple[Floats, Callable[[int, int], Floats]]:
        """The bounds, and what gives the scores ``[Q, n]``, contiguous, of documents from a start to a stop."""
        memory = np.empty(len(asked.norms) * WIDE, np.float32)

        def multiply(start: int, stop: int) -> Floats:
            tile = memory[: len(asked.norms) * (stop - start)].reshape(-1, stop - start)
            self._multiply(asked.vectors, self._vectors.floats(start, stop), tile)
            return tile

        return float_error(asked, self._vectors), multiply

    @staticmethod
    def _multiply(questions: Floats, documents: Floats, tile: Floats) -> None:
        raise NotImplementedError


class NumPy(Library):
    """``numpy.dot``: OpenBLAS, as numpy's wheels bring it."""

    @staticmethod
    def _multiply(questions: Floats, documents: Floats, tile: Floats) -> None:
        np.dot(questions, documents.T, out=tile)


class Torch(Library):
    """``torch.mm``: MKL, as torch's wheels for x86 bring it."""

    @staticmethod
    def _multiply(questions: Floats, documents: Floats, tile: Floats) -> None:
        torch.mm(torch.from_numpy(questions), torch.from_numpy(documents).T, out=torch.from_numpy(tile))


class OneDNN(Library):
    """The same by oneDNN, of which torch holds a copy: on some processors it multiplies at twice the speed of MKL.

    Its own copy of the documents doubles their memory.
    """

    def __init__(self, vectors: Vectors, threads: int) -> None:
        super().__init__(vectors, threads)
        tiles = {
            start: torch.from_numpy(vectors.floats(start, start + WIDE)).to_mkldnn()
            for start in range(0, len(vectors.values), WIDE)
        }
        self._tile: Callable[[int], torch.Tensor] = (
            tiles.__getitem__
        )  # what is in oneDNN's format has no bytes that others could look at

    def _prepare(self, asked: Asked) -> tuple[Floats, Callable[[int, int], Floats]]:
        questions = torch.from_numpy(asked.vectors).to_mkldnn()

        def multiply(start: int, stop: int) -> Floats:  # noqa: ARG001 - a tile ends where the next begins
            return np.asarray(F.linear(questions, self._tile(start)).to_dense())

        return float_error(asked, self._vectors), multiply

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + 4 * int(self._vectors.values.size)


class BFloat16(Library):
    """The same in bfloat16, for processors that have instructions for it."""

    def __init__(self, vectors: Vectors, threads: int) -> None:
        super().__init__(vectors, threads)
        self._documents, self._residual = torch.empty(vectors.values.shape, dtype=torch.bfloat16), 0.0
        for start in range(0, len(vectors.values), PART):
            part = torch.from_numpy(vectors.floats(start, start + PART))
            self._documents[start : start + PART] = part
            off = (part - self._documents[start : start + PART].float()).double().norm(dim=1)
            self._residual = max(self._residual, float(off.max()))

    def _prepare(self, asked: Asked) -> tuple[Floats, Callable[[int, int], Floats]]:
        exact = torch.from_numpy(asked.vectors)
        questions = exact.bfloat16()
        off = (exact - questions.float()).double().norm(dim=1).numpy()
        longest = self._vectors.norm + self._residual
        rounding = asked.norms * self._residual + off * longest + 2.0**-8 * (asked.norms + off) * longest
        eps = _up(rounding + 2 * float_error(asked, self._vectors))
        return eps, lambda start, stop: np.asarray(torch.mm(questions, self._documents[start:stop].T).float())


def float_error(asked: Asked, vectors: Vectors) -> Floats:
    """The bound for products in float32 ``[Q]``."""
    size, norm = vectors.values.shape[1], vectors.norm
    tiny = 2 * size * max(1.0, norm) + 1 + size**0.5 * (asked.norms + norm)
    return _up((size + 4) * UNIT * asked.norms * norm + TINY * tiny)


def each(work: Callable[[int, int, int], None], start: int, stop: int, parts: int) -> None:
    """Call with the number, start and stop of each part of a range, on a thread for each."""
    if parts == 1:
        work(0, start, stop)
        return
    edges = np.linspace(start, stop, parts + 1).astype(int).tolist()
    waiting = [_pool(parts - 1).submit(work, part, edges[part], edges[part + 1]) for part in range(1, parts)]
    work(0, edges[0], edges[1])
    for one in waiting:
        one.result()


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "top-k")


def _block(vectors: Vectors) -> int:
    """Documents of a block, in whole groups."""
    group, fitting = int(kernels.GROUP), BLOCK // max(1, int(vectors.values.shape[1]))
    return min(1024, max(group, fitting // group * group))


def _up(values: NDArray[np.float64]) -> Floats:
    """As float32, never smaller."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))
