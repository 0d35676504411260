"""Whether a library multiplies float32 as float32: some round operands to bfloat16 or tf32 where a setting allows it."""

from collections.abc import Callable

import numpy as np
import torch

from retrievers.neural.topk.bounds import UNIT
from retrievers.neural.topk.products import Asked, Product, Survivors
from retrievers.neural.topk.store import Vectors

VALUE = np.float32(1 + 2**-12 + 2**-23)
"""All 24 bits of it count: bfloat16 has 8, tf32 and float16 have 11."""
QUESTIONS, DOCUMENTS, LEAST = 32, 256, 64
"""Sizes of the product, of so many columns at least: libraries do not round small ones."""


def full_precision() -> bool:
    """Whether torch, and oneDNN in it, are told not to round operands of float32 products."""
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # set once by the old and once by the new interface: torch does not tell
        return False


def multiplies_in_float32(product: Callable[[Vectors, int], Product], size: int, threads: int) -> bool:
    """Whether vectors of so many dimensions are multiplied without rounding them, by a product made in this process.

    Each vector has one component that is not 0: the order of the sums cannot matter, one rounding is all that may be seen.
    """
    size = max(size, LEAST)
    documents, questions = (_one_component(count, size) for count in (DOCUMENTS, QUESTIONS))
    scan = product(Vectors.of(documents), threads).begin(Asked(questions, np.full(QUESTIONS, float(VALUE))))[1]
    found = Survivors.none(QUESTIONS, DOCUMENTS + 1)
    scan(DOCUMENTS + 1, found, 0, DOCUMENTS)  # so many are asked for that all survive
    if (found.counts != DOCUMENTS).any():
        return False
    scores = np.empty((QUESTIONS, DOCUMENTS))
    np.put_along_axis(scores, found.positions[:, :DOCUMENTS], found.scores[:, :DOCUMENTS].astype(np.float64), 1)
    exact = questions.astype(np.float64) @ documents.astype(np.float64).T
    return bool((np.abs(scores - exact) <= 2 * UNIT * exact).all())


def _one_component(count: int, size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    vectors = np.zeros((count, size), np.float32)
    vectors[np.arange(count), np.arange(count) % size] = VALUE
    return vectors
