"""Percentiles of times taken in rounds: every round weighs alike, however many searches fitted into it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.measure.percentiles import percentile_interval, percentiles

Rounds = Sequence[Sequence[float]]


def round_percentiles(rounds: Rounds, levels: Sequence[float]) -> dict[float, float | None]:
    """Percentile -> seconds, None where there are too few samples.

    A slow round ends after fewer searches when its time is limited: pooled, the fast ones would count more often. Each
    sample weighs 1 / those of its round, and a percentile is the smallest sample that this share of the weight does not
    exceed; rounds of equal size need no weights.
    """
    if _equal(rounds):
        return percentiles([seconds for one in rounds for seconds in one], levels)
    enough = percentiles(np.arange(_effective(rounds)), levels)
    return {level: None if enough[level] is None else _weighted(rounds, level / 100) for level in levels}


def median_interval(rounds: Rounds) -> tuple[float, float] | None:
    """95% interval of p50: order statistics of the rounds' medians, which vary as the machine does; None for fewer than six."""
    return percentile_interval([float(np.median(samples)) for samples in rounds if samples], 50)


def tail_interval(rounds: Rounds, level: float) -> tuple[float, float] | None:
    """95% interval of a percentile: order statistics of all samples, as if they were independent; None for too few."""
    count = _effective(rounds)
    ranks = percentile_interval(np.arange(count), level)
    if ranks is None:
        return None
    low, high = (_weighted(rounds, (rank + 0.5) / count) for rank in ranks)
    return low, high


def _equal(rounds: Rounds) -> bool:
    return len({len(samples) for samples in rounds if samples}) <= 1


def _effective(rounds: Rounds) -> int:
    """So many samples of equal weight tell as much: (sum of weights)^2 / sum of squared weights (Kish, 1965)."""
    weights = _weights(rounds)
    return int(weights.sum() ** 2 / (weights**2).sum() + 1e-9) if len(weights) else 0


def _weights(rounds: Rounds) -> NDArray[np.float64]:
    sizes = [len(samples) for samples in rounds if samples]
    return np.repeat([1 / size for size in sizes], sizes)


def _weighted(rounds: Rounds, share: float) -> float:
    samples = np.array([seconds for one in rounds for seconds in one], dtype=np.float64)
    order = np.argsort(samples, kind="stable")
    reached = np.cumsum(_weights(rounds)[order])
    at = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(samples[order[at]])
