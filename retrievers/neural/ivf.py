"""Inverted lists: documents lie in clusters, and a search looks into those nearest to the question."""

from abc import abstractmethod
from collections.abc import Callable
from importlib import import_module
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.errors import DataError
from retrievers.neural.ann import Approximate, Floats, Positions, rows_of, threads_of


class InvertedLists(Approximate):
    """An inverted file (Jegou, Douze & Schmid 2011, IEEE TPAMI 33(1)): k-means on the vectors, spherical, one list a centroid.

    vectors: unit vectors ``[N, D]``. Built with lists: how many; 0 for 4 sqrt(N), never more than N; seed: of the clustering.
    """

    def __init__(
        self,
        vectors: Tensor,
        *,
        lists: int,
        probes: int,
        threads: int,
        seed: int = 0,
        progress: Callable[[float, str], None] = lambda *_: None,
    ) -> None:
        super().__init__(len(vectors), threads)
        faiss = import_module("faiss")
        rows = rows_of(vectors)
        lists = max(1, min(lists or round(4 * sqrt(len(rows))), len(rows)))
        self._index = self._empty(faiss, faiss.IndexFlatIP(rows.shape[1]), rows, lists)
        self._index.cp.seed = seed
        self._index.cp.min_points_per_centroid = 1  # few are clustered without a warning on standard error
        self.probes = probes
        with threads_of(faiss, threads):
            if len(rows):
                progress(0.0, "clustering documents")
                self._train(rows, seed)
            self._add(rows, progress, "assigning documents")

    @property
    def probes(self) -> int:
        """How many lists are looked into, all of them where there are not more; set to 0 four times the root of their number.

        Questions do not lie where documents lie: their nearest are spread over more lists than those of a document.
        """
        return int(self._index.nprobe)

    @probes.setter
    def probes(self, number: int) -> None:
        lists = self._index.nlist
        self._index.nprobe = min(number or round(4 * sqrt(lists)), lists)

    @property
    def facts(self) -> dict[str, Any]:
        """How many lists there are, and how many are looked into."""
        return {"ann lists": int(self._index.nlist), "ann probes": self.probes}

    def __sizeof__(self) -> int:
        """Bytes with what lies outside Python: what each document's entry and each list's centroid takes."""
        index = self._index
        outside = index.ntotal * (index.code_size + 8) + 4 * index.nlist * index.d
        return object.__sizeof__(self) + int(outside) + self._tables()

    @abstractmethod
    def _empty(self, faiss: Any, quantiser: Any, rows: Floats, lists: int) -> Any:
        """An index of this kind for such rows, with nothing in it."""

    def _train(self, rows: Floats, seed: int) -> None:  # noqa: ARG002 - the seed of the lists is set
        self._index.train(rows)

    def _tables(self) -> int:
        """Bytes of what decodes the entries."""
        return 0


class IVF(InvertedLists):
    """Inverted lists of whole vectors: exact among the documents that are looked at."""

    def _empty(self, faiss: Any, quantiser: Any, rows: Floats, lists: int) -> Any:
        return faiss.IndexIVFFlat(quantiser, rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT)

    def _candidates(self, asked: Floats, k: int) -> tuple[Positions, Floats]:
        _, positions, vectors = self._index.search_and_reconstruct(asked, k)
        return positions, vectors


class PQ(InvertedLists):
    """Inverted lists of short codes: product quantisation of what a centroid leaves of a vector (the same paper).

    Scores from codes are rough. So ``refine`` times as many candidates are taken as hits are asked for, and those get exact
    scores from the vectors themselves, which therefore stay in memory: what shrinks is what a search reads, not what is held.

    Built with subquantisers: bytes, or codes of other ``bits``, of a document; they must divide D; 0 for the largest number
    that does, up to D / 4. bits: of a code, 8 for 256 centroids a subquantiser. Fewer documents than centroids are learned from
    several times.
    """

    def __init__(self, vectors: Tensor, *, subquantisers: int, bits: int, refine: int, **given: Any) -> None:
        size = vectors.shape[1]
        self._subquantisers = subquantisers or max(m for m in range(1, max(1, size // 4) + 1) if size % m == 0)
        if size % self._subquantisers:
            raise DataError(f"subquantisers={subquantisers} does not divide the {size} dimensions of the vectors")
        self._bits = bits
        self._rows = rows_of(vectors)
        self.refine = refine
        """Candidates that get an exact score, for each hit asked for."""
        super().__init__(torch.from_numpy(self._rows), **given)

    @property
    def facts(self) -> dict[str, Any]:
        """Lists, probes and subquantisers."""
        return {**super().facts, "ann subquantisers": self._subquantisers}

    def _empty(self, faiss: Any, quantiser: Any, rows: Floats, lists: int) -> Any:
        metric = faiss.METRIC_INNER_PRODUCT
        return faiss.IndexIVFPQ(quantiser, rows.shape[1], lists, self._subquantisers, self._bits, metric)

    def _train(self, rows: Floats, seed: int) -> None:
        self._index.pq.cp.seed = seed
        self._index.pq.cp.niter = self._index.cp.niter  # rounds as for the lists; more take long and gain little
        self._index.pq.cp.min_points_per_centroid = 1
        enough = max(len(rows), 1 << self._bits)
        self._index.train(rows if len(rows) == enough else np.resize(rows, (enough, rows.shape[1])))

    def _candidates(self, asked: Floats, k: int) -> tuple[Positions, Floats]:
        positions: Positions = self._index.search(asked, min(self._size, self.refine * k))[1]
        return positions, self._rows[positions]

    def _tables(self) -> int:
        return int(4 * self._index.pq.centroids.size())
