"""What the neural retrievers learn from: tokenised questions and solutions, and which of them belong together."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.api import Pairs
from bench.errors import DataError
from retrievers.neural.tokens import analysed


class Examples(NamedTuple):
    """Tokenised texts; ``pairs`` ``[P, 2]`` names a question and a solution of it by their rows."""

    questions: list[list[str]]
    solutions: list[list[str]]
    pairs: NDArray[np.int64]

    @classmethod
    def of(cls, data: Pairs, analyze: Callable[[str], list[str]], cache: Path | None = None) -> Self:
        """Tokenise; every relevant document of a question makes a pair. DataError where one is not in the corpus.

        cache: a folder (that of ``Env``) in which an ``Analyzer``'s tokens are kept for the next fit.
        """
        rows = {doc.id: row for row, doc in enumerate(data.corpus)}
        pairs: list[tuple[int, int]] = []
        for row, query in enumerate(data.queries):
            for doc_id, grade in data.qrels.get(query.id, {}).items():
                if grade > 0 and doc_id not in rows:
                    raise DataError(f"query {query.id!r} is judged for document {doc_id!r}, which is not in the corpus")
                if grade > 0:
                    pairs.append((row, rows[doc_id]))
        return cls(
            analysed([query.text for query in data.queries], analyze, cache),
            analysed([doc.content for doc in data.corpus], analyze, cache),
            np.array(pairs, dtype=np.int64).reshape(-1, 2),
        )

    def sample(self, questions: int) -> "Examples":
        """At most so many questions, evenly spaced, with all solutions."""
        rows = np.linspace(0, len(self.questions), min(questions, len(self.questions)), endpoint=False).astype(np.int64)
        place = np.full(len(self.questions), -1)
        place[rows] = np.arange(len(rows))
        kept = self.pairs[place[self.pairs[:, 0]] >= 0]
        renumbered = np.column_stack([place[kept[:, 0]], kept[:, 1]])
        return Examples([self.questions[row] for row in rows.tolist()], self.solutions, renumbered)

    def relevance(self) -> sp.csr_array:
        """Matrix ``[questions, solutions]`` of booleans."""
        shape = (len(self.questions), len(self.solutions))
        return sp.csr_array((np.ones(len(self.pairs), dtype=np.bool_), tuple(self.pairs.T)), shape=shape)

    def mean_rr(self, positions: NDArray[np.int64]) -> float:
        """Mean reciprocal rank of the first relevant document over the questions; positions ``[Q, k]``, -1 pads."""
        stride = len(self.solutions) + 1
        wanted = self.pairs @ np.array([stride, 1])
        rows = np.arange(len(positions))[:, None] * stride
        found = np.isin(np.where(positions >= 0, positions, stride - 1) + rows, wanted)
        return float(np.mean(found.any(1) / (found.argmax(1) + 1)))
