"""An inverted file of ready-made scores: all that does not depend on the question is worked out when indexing."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits
from retrievers.lexical.selection import rank

_COMMON = 8
"""A term in more than one of so many documents is stored as a row of scores. Adding a row costs less than adding that many
postings: short questions gain a third, questions of 30 terms half of the time. Above 8 the rows cost memory and gain nothing;
at 8 a row takes at most four times the memory of its postings."""


class Impacts:
    """Postings that hold what a term adds to a document's score, its impact (Anh & Moffat 2006; eager scoring, Lù 2024).

    starts: ``[V + 1]``, term ``t`` owns the postings ``starts[t]`` to ``starts[t + 1]``. docs: int32 ``[P]``, for each term
    distinct positions of documents. weights: float32 ``[P]``. documents: how many there are.
    """

    def __init__(
        self, starts: NDArray[np.integer], docs: NDArray[np.int32], weights: NDArray[np.float32], documents: int
    ) -> None:
        frequencies = np.diff(starts)
        common = frequencies * _COMMON > documents
        self._documents = documents
        self._rows: dict[int, NDArray[np.float32]] = {}
        for term in np.flatnonzero(common).tolist():
            part = slice(starts[term], starts[term + 1])
            self._rows[term] = np.zeros(documents, dtype=np.float32)
            self._rows[term][docs[part]] = weights[part]
        kept = np.repeat(~common, frequencies)
        self._docs, self._weights = docs[kept], weights[kept]
        self._starts = array("q", [0, *np.cumsum(np.where(common, 0, frequencies)).tolist()])

    def search(self, bags: Sequence[Mapping[int, float]], k: int) -> Hits:
        """The k best documents of each bag, a question as term -> weight; one row of scores is held at a time."""
        return rank(map(self.scores, bags), len(bags), self._documents, k)

    def scores(self, bag: Mapping[int, float]) -> NDArray[np.float32]:
        """Weighted sum of the impacts of a bag's terms for every document, float32 ``[N]``.

        Terms are added in the order of their numbers: neither the order of the words nor the other questions of a batch
        change a bit of the sum.
        """
        total = np.zeros(self._documents, dtype=np.float32)
        for term in sorted(bag):
            weight = bag[term]
            row = self._rows.get(term)
            if row is not None:
                total += row if weight == 1 else row * weight
            else:
                start, end = self._starts[term], self._starts[term + 1]
                added = self._weights[start:end]
                np.add.at(total, self._docs[start:end], added if weight == 1 else added * weight)
        return total
