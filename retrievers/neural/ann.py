"""Nearest vectors by an index that finds most of them and looks at few.

The indexes are those of the library faiss, on the CPU: a graph (``hnsw.py``) and inverted lists (``ivf.py``). hnswlib, the
library of the graph's authors, offers no wheels for the Pythons that this package supports; faiss builds the same graph.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import DataError
from retrievers.neural.topk.store import checked_norms

BLOCK = 4096
"""Documents added between two looks at the progress."""
TOGETHER = 16
"""Questions given to faiss in one call. From 20 on it multiplies in another way, whose rounding is another: an answer must not
depend on the questions beside it."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


class Neighbours(Protocol):
    """Something that holds vectors ``[N, D]`` and finds those nearest to others."""

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Positions int64 and inner products float32, both ``[Q, min(k, N)]``, best first; queries float32 ``[Q, D]``.

        Equal scores keep the lower position; position -1 and score 0 pad a row for which fewer were found.
        """


class Approximate(ABC):
    """What the indexes of faiss have in common: candidates come from the index, their order from exact scores.

    What was decided when the index was built stays; a parameter of the search is an attribute that can be set at any time and
    counts from the next search on. threads: of a search.
    """

    _index: Any

    def __init__(self, size: int, threads: int) -> None:
        self._size = size
        self._threads = threads

    @property
    def facts(self) -> dict[str, Any]:
        """What the index chose by itself, by name."""
        return {}

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Most of the nearest, on the host.

        A score is the inner product of both float32 vectors, summed in float64 and rounded once. DataError for a question that
        holds NaN or infinity.
        """
        k = min(k, self._size)
        positions = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        asked = rows_of(queries)
        with threads_of(import_module("faiss"), self._threads):
            for start in range(0, len(asked) if k else 0, TOGETHER):
                rows = slice(start, start + TOGETHER)
                found = ranked(asked[rows], *self._candidates(asked[rows], k), k)
                positions[rows], scores[rows] = found
        return torch.from_numpy(positions), torch.from_numpy(scores)

    def _add(self, rows: Floats, progress: Callable[[float, str], None], doing: str) -> None:
        """Add vectors ``[N, D]`` to the index, telling how far it is."""
        for start in range(0, len(rows), BLOCK):
            self._index.add(rows[start : start + BLOCK])
            progress(min(start + BLOCK, len(rows)) / len(rows), doing)

    @abstractmethod
    def _candidates(self, asked: Floats, k: int) -> tuple[Positions, Floats]:
        """For questions ``[Q, D]`` positions ``[Q, C]``, C at least k, -1 where there are fewer, and their vectors ``[Q, C, D]``."""


def ranked(asked: Floats, found: Positions, vectors: Floats, k: int) -> tuple[Positions, Floats]:
    """The k best candidates of each question and their scores, both ``[Q, k]``; see ``Approximate`` for the shapes."""
    missing = found < 0
    vectors[missing] = 0  # whatever stands there
    products = vectors.astype(np.float64) @ asked.astype(np.float64)[:, :, None]
    scores = np.where(missing, -np.inf, products[..., 0]).astype(np.float32)
    order = np.lexsort((found, -scores))[:, :k]
    found, scores = np.take_along_axis(found, order, 1), np.take_along_axis(scores, order, 1)
    return found, np.where(found >= 0, scores, np.float32(0))


def rows_of(vectors: Tensor) -> Floats:
    """Vectors ``[N, D]`` as faiss takes them, on the host; a copy only where they lie elsewhere. DataError for NaN or infinity."""
    rows = np.ascontiguousarray(vectors.detach().cpu().numpy(), dtype=np.float32)
    checked_norms(rows)
    return rows


def require_faiss(ann: str) -> None:
    """DataError where the library is missing."""
    if find_spec("faiss") is None:
        raise DataError(f"ann={ann} needs faiss, which is not installed: pip install 'retrieverbench[ann]'")


@contextmanager
def threads_of(faiss: Any, number: int) -> Iterator[None]:
    """Let faiss use so many; its count belongs to the process and is put back."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
