"""A graph in which a search walks from neighbour to neighbour towards the question."""

from collections.abc import Callable
from importlib import import_module

from torch import Tensor

from retrievers.neural.ann import Approximate, Floats, Positions, rows_of, threads_of


class HNSW(Approximate):
    """A hierarchical navigable small world (Malkov & Yashunin 2018, arXiv:1603.09320).

    vectors: unit vectors ``[N, D]``, of which faiss keeps a copy. Built with links: the paper's M, a vector has up to twice as
    many on the lowest level; build_width: the paper's efConstruction, how many candidates are kept while links are chosen;
    seed: of the levels. It is built on one thread: with more, its links would depend on which is first.
    """

    def __init__(
        self,
        vectors: Tensor,
        *,
        links: int,
        build_width: int,
        search_width: int,
        threads: int,
        seed: int = 0,
        progress: Callable[[float, str], None] = lambda *_: None,
    ) -> None:
        super().__init__(len(vectors), threads)
        faiss = import_module("faiss")
        rows = rows_of(vectors)
        self._index = faiss.IndexHNSWFlat(rows.shape[1], links, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.rng = faiss.RandomGenerator(seed)
        self._index.hnsw.efConstruction = build_width
        self.search_width = search_width
        with threads_of(faiss, 1):
            self._add(rows, progress, "linking documents")

    @property
    def search_width(self) -> int:
        """The paper's ef: how many candidates are kept in a search; k where that is more."""
        return int(self._index.hnsw.efSearch)

    @search_width.setter
    def search_width(self, width: int) -> None:
        self._index.hnsw.efSearch = width

    def _candidates(self, asked: Floats, k: int) -> tuple[Positions, Floats]:
        positions: Positions = self._index.search(asked, k)[1]
        return positions, self._vectors()[positions]

    def _vectors(self) -> Floats:
        """The vectors ``[N, D]`` as faiss holds them; a view, good for as long as the index."""
        faiss = import_module("faiss")
        pointer = faiss.downcast_index(self._index.storage).get_xb()
        view: Floats = faiss.rev_swig_ptr(pointer, self._size * self._index.d).reshape(self._size, self._index.d)
        return view

    def __sizeof__(self) -> int:
        """Bytes with what lies outside Python: vectors, links, and each vector's level and place among the links."""
        graph = self._index.hnsw
        outside = 4 * self._index.ntotal * self._index.d
        outside += 4 * graph.neighbors.size() + 4 * graph.levels.size() + 8 * graph.offsets.size()
        return object.__sizeof__(self) + int(outside)
