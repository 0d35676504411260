"""Which examples stand together in a batch: texts of similar length, so that little is computed for padding."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

POOLED_BATCHES = 16
"""Batches drawn at random and then sorted by length together: long enough to sort, short enough to stay random."""


def training_batches(lengths: NDArray[np.int64], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """One epoch: every example once, in batches of at most ``size`` examples of similar length, in random order.

    A last batch much smaller than the others would be a weak and noisy step, so the examples are shared out evenly.
    """
    order = rng.permutation(len(lengths))
    batches = -(-len(order) // size)
    pools = np.array_split(order, -(-batches // POOLED_BATCHES)) if batches else []
    cut = [part for pool in pools for part in _even(pool[np.argsort(lengths[pool], kind="stable")], size)]
    for at in rng.permutation(len(cut)):
        yield cut[at]


def inference_batches(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Every example once, sorted by length, in batches of at most ``tokens`` tokens with padding (but one example at least)."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        widths = np.maximum(lengths[order[start : start + tokens]], 1)
        fits = int(np.searchsorted(widths * np.arange(1, len(widths) + 1), tokens, side="right"))
        yield order[start : start + max(fits, 1)]
        start += max(fits, 1)


def _even(pool: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return np.array_split(pool, -(-len(pool) // size))
