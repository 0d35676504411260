"""Nearest vectors: by exact search, or by a graph that finds most of them and looks at few."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from bench.errors import DataError
from retrievers.neural.cosine import top_k

BLOCK = 4096
"""Documents linked between two looks at the progress."""
SAMPLE = 200
"""Documents whose neighbours are looked for to measure the recall of a graph."""
TOLERANCE = 1e-5
"""Two inner products that differ by less are one, added up in another order."""


class Neighbours(Protocol):
    """Something that holds vectors ``[N, D]`` and finds those nearest to others."""

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Positions int64 and inner products float32, both ``[Q, min(k, N)]``, best first; queries float32 ``[Q, D]``.

        Equal scores keep the lower position; position -1 and score 0 pad a row for which fewer were found.
        """


class Exact:
    """Compares with every vector, where they lie."""

    def __init__(self, vectors: Tensor) -> None:
        self._vectors = vectors

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The nearest; nothing is missed."""
        return top_k(queries, self._vectors, k)


class HNSW:
    """A hierarchical navigable small world (Malkov & Yashunin 2018, arXiv:1603.09320), by the library faiss, on the CPU.

    vectors: unit vectors ``[N, D]``, brought to the host. links: the paper's M; a vector has up to twice as many on the
    lowest level. build_width: the paper's efConstruction, how many candidates are kept while links are chosen. search_width:
    its ef, how many are kept in a search; k where that is more. threads: of a search. The graph is built on one thread: with
    more, its links would depend on which is first.
    """

    def __init__(
        self,
        vectors: Tensor,
        *,
        links: int,
        build_width: int,
        search_width: int,
        threads: int,
        progress: Callable[[float, str], None] = lambda *_: None,
    ) -> None:
        faiss = import_module("faiss")
        rows = np.ascontiguousarray(vectors.detach().cpu().numpy(), dtype=np.float32)
        self._threads = threads
        self._index = faiss.IndexHNSWFlat(rows.shape[1], links, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = build_width
        self._index.hnsw.efSearch = search_width
        with _threads(faiss, 1):
            for start in range(0, len(rows), BLOCK):
                self._index.add(rows[start : start + BLOCK])
                progress(start / len(rows), "linking documents")

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Most of the nearest, with their exact inner products; the result is on the host."""
        k = min(k, self._index.ntotal)
        if not (len(queries) and k):  # faiss asks for something
            return torch.empty((len(queries), k), dtype=torch.int64), torch.empty((len(queries), k))
        asked = np.ascontiguousarray(queries.detach().cpu().numpy(), dtype=np.float32)
        with _threads(import_module("faiss"), self._threads):
            scores, positions = self._index.search(asked, k)
        order = np.lexsort((positions, -scores))  # what was not found has the lowest score there is
        positions, scores = np.take_along_axis(positions, order, 1), np.take_along_axis(scores, order, 1)
        return torch.from_numpy(positions), torch.from_numpy(np.where(positions >= 0, scores, np.float32(0)))

    def __sizeof__(self) -> int:
        """Bytes with what lies outside Python: vectors, links, and each vector's level and place among the links."""
        graph = self._index.hnsw
        outside = 4 * self._index.ntotal * self._index.d
        outside += 4 * graph.neighbors.size() + 4 * graph.levels.size() + 8 * graph.offsets.size()
        return object.__sizeof__(self) + int(outside)


def recall(approximate: Neighbours, vectors: Tensor, rng: np.random.Generator, *, k: int = 10) -> float:
    """Part of the k nearest that the approximate search finds, with some of the vectors ``[N, D]`` themselves as queries.

    What it finds counts if it is as near as the true k-th (as in ann-benchmarks; Aumüller et al. 2020), so that of several equal
    vectors any will do. Vectors of 0, the texts without a known word, are not asked: all is equally near to them.
    """
    rows = vectors.any(dim=1).nonzero()[:, 0].cpu().numpy()
    chosen = torch.from_numpy(rng.choice(rows, min(SAMPLE, len(rows)), replace=False)).to(vectors.device)
    if not len(chosen):
        return 1.0
    nearest = top_k(vectors[chosen], vectors, k)[1].cpu()
    positions, scores = (part.cpu() for part in approximate.search(vectors[chosen], k))
    hits = (positions >= 0) & (scores >= nearest[:, -1:] - TOLERANCE)
    return hits.float().mean().item()


def require_faiss() -> None:
    """DataError where the library is missing."""
    if find_spec("faiss") is None:
        raise DataError("ann=hnsw needs faiss, which is not installed: pip install 'retrieverbench[ann]'")


@contextmanager
def _threads(faiss: Any, number: int) -> Iterator[None]:
    """Let faiss use so many; its count belongs to the process and is put back."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(number)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
