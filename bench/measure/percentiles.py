"""Percentiles that have enough samples behind them, and how far they can be trusted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

_BEYOND = 5  # samples that have to lie beyond a percentile
_ROUNDING = 1e-12


def percentiles(samples: ArrayLike, wanted: Sequence[float] = (50, 95, 99)) -> dict[float, float | None]:
    """Percentile -> value, None where there are too few samples: p50 needs 10, p90 50, p95 100, p99 500.

    Five samples have to be expected beyond a percentile, n (1 - p) >= 5. Then the largest sample lies short of the true
    percentile with probability p^n <= exp(-5) = 0.7%; with fewer, a tail that nobody saw would be reported as measured.
    Between two samples the value is interpolated (Hyndman and Fan, 1996, type 7).
    """
    sample = np.asarray(samples, dtype=np.float64)
    return {p: float(np.percentile(sample, p)) if _enough(len(sample), p) else None for p in wanted}


def percentile_interval(samples: ArrayLike, percentile: float, level: float = 0.95) -> tuple[float, float] | None:
    """Two samples between which the true percentile lies, whatever the distribution; None where they are too few.

    The number of samples below the percentile is binomial; each tail gets at most half of 1 - level, so the interval
    covers at least as often as it says (Conover, Practical Nonparametric Statistics, 1999, sec. 3.2). It holds for
    independent samples: times of neighbouring searches are alike, and the interval is then too narrow.
    """
    sample = np.sort(np.asarray(samples, dtype=np.float64))
    at_most = bdtr(np.arange(len(sample), dtype=np.float64), len(sample), percentile / 100)
    tail = (1 - level) / 2
    # The i-th smallest lies above the percentile where at most i - 1 samples lie below it.
    low = int(np.searchsorted(at_most, tail, side="right")) - 1
    high = int(np.searchsorted(at_most, 1 - tail, side="left"))
    return (float(sample[low]), float(sample[high])) if low >= 0 and high < len(sample) else None


def _enough(n: int, percentile: float) -> bool:
    return n * min(percentile, 100 - percentile) / 100 >= _BEYOND - _ROUNDING
