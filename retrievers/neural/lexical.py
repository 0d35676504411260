"""A small BM25 over ids, to find hard negatives with; the retriever of that name is another one."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrievers.neural.vocabulary import Sequences

K1, B = 2.0, 0.9


class Lexical:
    """BM25 (Robertson & Zaragoza 2009, equation 3.15) between questions and solutions given as ids with repeats."""

    def __init__(self, questions: Sequences, solutions: Sequences, idf: NDArray[np.float32]) -> None:
        self._questions = term_counts(questions, len(idf))
        counts = term_counts(solutions, len(idf)).tocoo()
        rows, columns = counts.coords
        lengths = (
            solutions.lengths / max(float(solutions.lengths.mean()), 1.0) if len(solutions.lengths) else np.ones(0)
        )
        weights = idf[columns] * counts.data / (counts.data + K1 * (1 - B + B * lengths[rows]))
        self._solutions = sp.csr_array((weights.astype(np.float32), (rows, columns)), shape=counts.shape)

    def scores(self, questions: NDArray[np.int64], solutions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Every chosen question against every chosen solution, ``[len(questions), len(solutions)]``."""
        product = self._questions[questions] @ self._solutions[solutions].T
        return np.asarray(product.toarray(), dtype=np.float32)


def term_counts(texts: Sequences, size: int) -> sp.csr_array:
    """How often each id stands in each text, ``[texts, size]``."""
    ones = np.ones(len(texts.flat), dtype=np.float32)
    matrix = sp.csr_array((ones, texts.flat, texts.starts), shape=(len(texts.lengths), size), copy=True)
    matrix.sum_duplicates()
    return matrix
