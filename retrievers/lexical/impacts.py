"""An inverted file of ready-made scores: all that does not depend on the question is worked out when indexing."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits
from bench.errors import StoreError
from retrievers.lexical import scoring, storage
from retrievers.lexical.selection import prepare

_ARRAYS: dict[str, np.dtype[Any]] = {"starts": np.dtype("<i8"), "docs": np.dtype("<u4"), "weights": np.dtype("<f4")}
_LEAST = 64
"""Questions for each thread: fewer are answered before a second thread has started."""


class Impacts:
    """Postings that hold what a term adds to a document's score, its impact (Anh & Moffat 2006; eager scoring, Lù 2024).

    starts: ``[V + 1]``, term ``t`` owns the postings ``starts[t]`` to ``starts[t + 1]``. docs: int32 ``[P]``, for each term
    rising positions of documents. weights: float32 ``[P]``. documents: how many there are.

    A question's terms are added in the order of their numbers: neither the order of the words nor the other questions of a
    batch, nor threads, change a bit of a sum.
    """

    def __init__(
        self, starts: NDArray[np.integer], docs: NDArray[np.integer], weights: NDArray[np.float32], documents: int
    ) -> None:
        self._starts = np.require(starts, np.int64, ["C", "W"])
        self._docs = np.require(docs, docs.dtype if docs.dtype == np.uint32 else np.int32, ["C", "W"]).view(np.uint32)
        self._weights = np.require(weights, np.float32, ["C", "W"])
        self._documents = documents
        prepare()

    def search(self, bags: Sequence[Mapping[int, float]], k: int, threads: int = 1) -> Hits:
        """The k best documents of each bag, a question as term -> weight."""
        width = min(k, self._documents)
        hits = Hits(np.full((len(bags), width), -1, dtype=np.int64), np.zeros((len(bags), width), dtype=np.float32))
        ends = np.fromiter(accumulate(map(len, bags), initial=0), np.int64, len(bags) + 1)
        terms, factors = _flat(bags, int(ends[-1]))

        def answer(part: tuple[int, int]) -> None:
            start, end = part
            scoring.best(
                self._starts, self._docs, self._weights, self._documents,
                terms, factors, ends[start : end + 1], hits.positions[start:end], hits.scores[start:end],
            )  # fmt: skip

        if not width:
            return hits
        if threads == 1 or len(bags) < 2 * _LEAST:
            answer((0, len(bags)))
            return hits
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(answer, pairwise([*range(0, len(bags), _LEAST), len(bags)])))
        return hits

    def scores(self, bag: Mapping[int, float]) -> NDArray[np.float32]:
        """Weighted sum of the impacts of a bag's terms for every document, float32 ``[N]``."""
        total = np.zeros(self._documents, dtype=np.float32)
        scoring.add_up(self._starts, self._docs, self._weights, *_flat([bag], len(bag)), total)
        return total

    def save(self, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
        """Write the index into a folder, with ``facts`` that JSON can hold, such as the numbers of the terms.

        StoreError where that cannot be done.
        """
        arrays = {"starts": self._starts, "docs": self._docs, "weights": self._weights}
        storage.write(folder, arrays, {"documents": self._documents, "facts": dict(facts or {})})

    @classmethod
    def load(cls, folder: Path, *, verify: bool = True) -> tuple[Self, dict[str, Any]]:
        """Map what ``save`` wrote into memory, where only the postings of terms that are asked for take room; and the facts.

        verify: read all of it once and compare checksums; without it a damaged posting is not told, and may end the
        process. StoreError if anything is missing or damaged.
        """
        arrays, header = storage.read(folder, _ARRAYS, verify=verify)
        starts, docs, weights = (arrays[name] for name in _ARRAYS)
        postings = len(docs)
        if (
            not len(starts)
            or starts[0] != 0
            or starts[-1] != postings
            or len(weights) != postings
            or (np.diff(starts) < 0).any()
        ):
            raise StoreError(f"the index in {folder} is damaged: its parts do not belong together; index again")
        return cls(starts, docs, weights, header["documents"]), header["facts"]


def _flat(bags: Sequence[Mapping[int, float]], size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Terms and factors of one bag after the other."""
    terms = np.fromiter(chain.from_iterable(bags), np.int32, size)
    return terms, np.fromiter(chain.from_iterable(bag.values() for bag in bags), np.float32, size)
