"""Initial word vectors from counts: positive pointwise mutual information, reduced by a randomised SVD."""

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from retrievers.neural.lexical import term_counts
from retrievers.neural.vocabulary import PAD, Sequences

WINDOW = 5
"""Words at most this far apart in a text count as neighbours."""

OVERSAMPLING = 8
POWER_ITERATIONS = 2
"""The spectrum of PPMI decays slowly; without power iterations the small directions are noise."""


def word_vectors(
    questions: Sequences,
    solutions: Sequences,
    pairs: NDArray[np.int64],
    *,
    size: int,
    dimensions: int,
    rng: np.random.Generator,
    scale: float = 0.1,
) -> NDArray[np.float32]:
    """Vectors ``[size, dimensions]`` whose standard deviation over the words that occur is ``scale``; padding is 0.

    A word co-occurs with its neighbours in a text, and with the words on the other side of its question/solution pairs;
    the second makes a question's words resemble the words of its solutions (``pairs``: ``[P, 2]`` rows of the two).
    A row that never occurs, such as a hash bucket, is drawn at random.
    """
    information = ppmi(window_counts([questions, solutions], size) + pair_counts(questions, solutions, pairs, size))
    informed = np.diff(information.indptr) > 0
    vectors = random_vectors(size, dimensions, rng, scale=scale)
    if informed.any():
        learned = _factor(information, dimensions, rng)[informed]
        vectors[informed] = learned * (scale / learned.std())
    return vectors


def random_vectors(size: int, dimensions: int, rng: np.random.Generator, *, scale: float = 0.1) -> NDArray[np.float32]:
    """Vectors ``[size, dimensions]`` of standard deviation ``scale``; padding is 0."""
    vectors = scale * rng.standard_normal((size, dimensions), dtype=np.float32)
    vectors[PAD] = 0.0
    return vectors


def window_counts(texts: list[Sequences], size: int, window: int = WINDOW) -> sp.csr_array:
    """How often two words stand at most ``window`` apart in a text; symmetric ``[size, size]``."""
    total = sp.csr_array((size, size), dtype=np.float32)
    for text in texts:
        owner = np.repeat(np.arange(len(text.lengths)), text.lengths)
        for distance in range(1, window + 1):
            same = owner[:-distance] == owner[distance:]
            ones = np.ones(int(same.sum()), dtype=np.float32)
            places = text.flat[:-distance][same], text.flat[distance:][same]
            total = total + sp.csr_array((ones, places), shape=(size, size))
    return sp.csr_array(total + total.T)


def pair_counts(questions: Sequences, solutions: Sequences, pairs: NDArray[np.int64], size: int) -> sp.csr_array:
    """In how many pairs the one word stands in the question and the other in the solution; symmetric ``[size, size]``."""
    left, right = (_incidence(part, size)[pairs[:, side]] for side, part in enumerate((questions, solutions)))
    crossed = left.T @ right
    return sp.csr_array(crossed + crossed.T)


def ppmi(counts: sp.csr_array) -> sp.csr_array:
    """Positive pointwise mutual information ``max(0, log(p(i, j) / (p(i) p(j))))`` (Church & Hanks 1990; Bullinaria & Levy 2007)."""
    entries = counts.tocoo()
    rows, columns = entries.coords
    marginal = np.asarray(counts.sum(axis=1)).ravel()
    total = marginal.sum()
    with np.errstate(divide="ignore"):
        log_marginal = np.log(marginal)
        values = np.log(entries.data) + np.log(total) - log_marginal[rows] - log_marginal[columns]
    kept = values > 0
    return sp.csr_array((values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=counts.shape)


def _incidence(texts: Sequences, size: int) -> sp.csr_array:
    matrix = term_counts(texts, size)
    matrix.data[:] = 1.0
    return matrix


def _factor(matrix: sp.csr_array, dimensions: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """``U sqrt(S)`` of a symmetric matrix by the randomised SVD of Halko, Martinsson & Tropp (2011), algorithms 4.4 and 5.1."""
    size = matrix.shape[0]
    width = min(dimensions + OVERSAMPLING, size)
    basis = rng.standard_normal((size, width), dtype=np.float32)
    for _ in range(1 + POWER_ITERATIONS):
        basis = torch.linalg.qr(torch.from_numpy(matrix @ basis))[0].numpy()
    left, values, _ = torch.linalg.svd(torch.from_numpy(matrix @ basis), full_matrices=False)
    kept = min(dimensions, width)
    vectors = np.zeros((size, dimensions), dtype=np.float32)
    vectors[:, :kept] = (left * values.sqrt())[:, :kept].numpy()
    return vectors
