"""How a dual encoder finds the documents nearest to a question: parameters, checks, and what they lead to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from torch import Tensor

from bench.api import Env, Phase, Retriever
from retrievers.neural.ann import Approximate, Neighbours, require_faiss
from retrievers.neural.ann_recall import RecallSample
from retrievers.neural.hnsw import HNSW
from retrievers.neural.int8 import Int8
from retrievers.neural.ivf import IVF, PQ
from retrievers.neural.topk.index import CosineIndex

OF: Mapping[str, tuple[str, ...]] = {
    "links": ("hnsw",),
    "build_width": ("hnsw",),
    "search_width": ("hnsw",),
    "lists": ("ivf", "pq"),
    "probes": ("ivf", "pq"),
    "subquantisers": ("pq",),
    "bits": ("pq",),
    "refine": ("pq",),
}
"""The values of ``ann`` to which a parameter belongs."""
KINDS = ("exact", "int8", "hnsw", "ivf", "pq")
LEAST = {"links": 2, "build_width": 1, "search_width": 1, "bits": 1, "refine": 1}
MOST_BITS = 12
"""4,096 centroids for each subquantiser; more would rarely have enough documents to learn from."""


@dataclass
class VectorSearch(Retriever):
    """Finds the nearest of its documents' vectors, exactly or not; a fit does not depend on how."""

    ann: Literal["exact", "int8", "hnsw", "ivf", "pq"] = "exact"
    """Search: ``exact`` compares with every document. The others find most of the nearest, on the CPU: ``int8`` compares with
    every document in a quarter of the memory, ``hnsw`` goes through a graph, ``ivf`` looks into clusters, ``pq`` into clusters of
    short codes, with exact scores for the best."""
    links: int = 32
    """hnsw: of a document in the graph (M); the lowest level has twice as many."""
    build_width: int = 200
    """hnsw: candidates kept while a document is linked (efConstruction)."""
    search_width: int = 128
    """hnsw: candidates kept in a search (efSearch), or as many as hits are asked for; more of them miss less and take longer."""
    lists: int = 0
    """ivf, pq: clusters; 0 for 4 sqrt(N) of N documents."""
    probes: int = 0
    """ivf, pq: clusters looked into in a search; more of them miss less and take longer; 0 for four times the root of ``lists``."""
    subquantisers: int = 0
    """pq: parts of a vector that get a code each; 0 for a quarter of the dimensions, or the next smaller number that divides them."""
    bits: int = 8
    """pq: of a code."""
    refine: int = 4
    """pq: candidates that get an exact score, for each hit asked for."""

    phases: ClassVar[Mapping[str, Phase]] = {
        "ann": "index",
        "links": "index",
        "build_width": "index",
        "search_width": "search",
        "lists": "index",
        "probes": "search",
        "subquantisers": "index",
        "bits": "index",
        "refine": "search",
    }

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        self.learned: dict[str, Any] = {}
        if self.ann not in KINDS:
            raise ValueError(f"ann={self.ann} is not {' or '.join(KINDS)}")
        for item in fields(self):
            if self.ann not in OF.get(item.name, (self.ann,)) and getattr(self, item.name) != item.default:
                owners = " and ".join(f"ann={name}" for name in OF[item.name])
                raise ValueError(f"{item.name} is a parameter of {owners}, not of ann={self.ann}")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}")
        if min(self.lists, self.probes, self.subquantisers) < 0:
            raise ValueError("lists, probes and subquantisers cannot be negative; 0 lets the index choose")
        if self.bits > MOST_BITS:
            raise ValueError(f"bits must be at most {MOST_BITS}")
        if self.ann not in {"exact", "int8"}:
            require_faiss(self.ann)

    def retune(self, **values: Any) -> None:
        """Search with these parameters from now on; the recall is told anew, and measured once for each setting."""
        super().retune(**values)
        index = getattr(self, "_neighbours", None)  # a search of another kind has none
        if isinstance(index, Approximate):
            self._set(index)

    def _hold(self, vectors: Tensor, asked: Callable[[], Tensor], env: Env) -> None:
        """Make ready to find the nearest of the documents' vectors ``[N, D]``.

        asked: gives questions ``[Q, D]``, where there is something to tell: how many of their nearest are missed.
        """
        self._recalls: dict[tuple[int, ...], float] = {}
        self.learned = {name: value for name, value in self.learned.items() if not name.startswith(("ann ", "exact "))}
        if self.ann == "exact":
            exact = CosineIndex(vectors, env.device, similarity="dot", threads=env.threads, cache=env.cache)
            self._neighbours: Neighbours = exact
            self.learned = {**self.learned, "exact search": exact.about}
            return
        if self.ann == "int8":
            rounded = self._neighbours = Int8(vectors, threads=env.threads, cache=env.cache)
            recall = RecallSample(vectors, asked()).recall(rounded, vectors)
            self.learned = {**self.learned, "ann search": rounded.about, "ann recall@10": recall}
            return
        index = self._neighbours = self._built(vectors, env)
        self._sample = RecallSample(vectors, asked())
        self._set(index)

    def _built(self, vectors: Tensor, env: Env) -> Approximate:
        about: dict[str, Any] = {"threads": env.threads, "seed": env.seed, "progress": env.progress}
        if self.ann == "hnsw":
            about |= {"links": self.links, "build_width": self.build_width, "search_width": self.search_width}
            return HNSW(vectors, **about)
        about |= {"lists": self.lists, "probes": self.probes}
        if self.ann == "ivf":
            return IVF(vectors, **about)
        return PQ(vectors, subquantisers=self.subquantisers, bits=self.bits, refine=self.refine, **about)

    def _set(self, index: Approximate) -> None:
        """Give the index its parameters of the search, and tell how much it finds with them."""
        mine = [name for name, kinds in OF.items() if self.ann in kinds and self.phases[name] == "search"]
        for name in mine:
            setattr(index, name, getattr(self, name))
        setting = tuple(getattr(self, name) for name in mine)
        if setting not in self._recalls:
            self._recalls[setting] = self._sample.recall(index)
        self.learned = {**self.learned, **index.facts, "ann recall@10": self._recalls[setting]}
