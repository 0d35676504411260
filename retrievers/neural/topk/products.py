"""Ways to multiply questions and documents on a CPU, each with a proven bound on its error (``bounds``)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.topk import bounds, kernels
from retrievers.neural.topk.store import Floats, Vectors

FEW = 64
"""Questions that a compiled product takes at once: they stay in the cache beside a block of documents."""
BLOCK = 1 << 16
"""Numbers of a block of documents that a compiled product reads again for every question: half of a small second cache."""
WIDE = 2048
"""Documents of a tile where a library multiplies."""
PART = 1 << 12
"""Documents that are rounded at a time."""
SHARED = 1 << 14
"""Scores of a tile from which on threads share it out."""


class Asked(NamedTuple):
    """Questions float32 ``[Q, D]`` and their norms ``[Q]``."""

    vectors: Floats
    norms: NDArray[np.float64]

    def part(self, some: slice) -> Self:
        """Some of them."""
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
        self._vectors, self._block = vectors, block_of(vectors)

    def begin(self, asked: Asked) -> tuple[Floats, Scan]:
        """See ``Product``."""
        values, scales = self._vectors.values, self._vectors.scales
        eps = bound(asked, self._vectors)

        def scan(k: int, found: Survivors, start: int, stop: int) -> None:
            for at in range(0, len(eps), FEW):
                some = slice(at, at + FEW)
                part = found.part(at, at + FEW)
                kernels.scan(values, scales, asked.vectors[some], self._block, k, eps[some], *part, start, stop)

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

                each(select, 0, len(eps), self._threads if tile.size >= SHARED else 1)

        return eps, scan

    def _prepare(self, asked: Asked) -> tuple[Floats, Callable[[int, int], Floats]]:
        """The bounds, and what gives the scores ``[Q, n]``, contiguous, of documents from a start to a stop."""
        memory = np.empty(len(asked.norms) * WIDE, np.float32)

        def multiply(start: int, stop: int) -> Floats:
            tile = memory[: len(asked.norms) * (stop - start)].reshape(-1, stop - start)
            self._multiply(asked.vectors, self._vectors.floats(start, stop), tile)
            return tile

        return bound(asked, self._vectors), multiply

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

        return bound(asked, self._vectors), multiply

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
        eps = bound(asked, self._vectors, off, self._residual, product=2.0**-8, sums=2)
        return eps, lambda start, stop: np.asarray(torch.mm(questions, self._documents[start:stop].T).float())


def bound(
    asked: Asked,
    vectors: Vectors,
    off: NDArray[np.float64] | None = None,
    residual: float = 0.0,
    *,
    product: float = 0.0,
    sums: int = 1,
) -> Floats:
    """The bounds on the error of scores ``[Q]``: those of float32, or what ``bounds.bounds`` makes of more."""
    off = np.zeros(len(asked.norms)) if off is None else off
    found: Floats = bounds.bounds(asked.norms, off, vectors.values.shape[1], vectors.norm, residual, product, sums)
    return found


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


def block_of(vectors: Vectors) -> int:
    """Documents of a block, in whole groups."""
    group, fitting = int(kernels.GROUP), BLOCK // max(1, int(vectors.values.shape[1]))
    return min(1024, max(group, fitting // group * group))
