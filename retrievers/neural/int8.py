"""Vectors rounded to int8: every one of them is compared with a question, from a quarter of the memory."""

from pathlib import Path

from torch import Tensor

from retrievers.neural.ann import rows_of
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.store import Vectors


class Int8:
    """Exact search, on the CPU, of what vectors ``[N, D]`` become when each is rounded to 127 steps on each side of 0.

    A score is the inner product with the rounded vector. about: how it is computed.
    """

    def __init__(self, vectors: Tensor, *, threads: int, cache: Path | None = None) -> None:
        held = Vectors.int8(rows_of(vectors))
        self._index = CosineIndex(held, similarity="dot", threads=threads, cache=cache)
        self.about = self._index.about

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See ``Neighbours``."""
        return self._index.search(queries.cpu(), k)
