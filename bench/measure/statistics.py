"""Error bars and comparisons of means over questions, and percentiles that have enough samples behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DRAWS = 1 << 18  # random draws held at a time: they stay in the cache and memory is bounded
_REPEATS = 32  # a multinomial draw costs as much as picking about this many values
_BEYOND = 5  # samples that have to lie beyond a percentile
_ROUNDING = 1e-12  # sums of the same numbers in another order count as equal

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Mean of a minus mean of b: its confidence interval and two-sided p of no difference."""

    difference: float
    low: float
    high: float
    p: float


def bootstrap_interval(
    values: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean (Efron and Tibshirani, 1993, ch. 13).

    values: ``[n]``. groups: the group of each value; whole groups are drawn then, and a resample's mean is the ratio of
    its sum to its size, since values of one group (a thread, a cluster of duplicates) are not independent.
    A single value or group tells nothing about the spread: (nan, nan). Equal values give an interval without width.
    """
    sample = _finite(values)
    totals, sizes = _by_group(sample, groups)
    if len(totals) == 1:
        return nan, nan
    if sample.min() == sample.max():
        return float(sample[0]), float(sample[0])
    means = _resampled_means(totals, sizes, resamples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same questions: bootstrap interval and paired randomisation test of the difference.

    a, b: ``[n]``, one value for each question. groups: as for ``bootstrap_interval``; a group's signs flip together.
    """
    first, second = _finite(a), _finite(b)
    if len(first) != len(second):
        raise ValueError(f"paired values differ in number: {len(first)} and {len(second)}")
    differences = first - second
    low, high = bootstrap_interval(differences, groups, level=level, resamples=resamples, seed=seed)
    totals, _ = _by_group(differences, groups)
    return Difference(float(differences.mean()), low, high, _randomisation_p(totals, resamples, seed))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, in their order (Holm, Scand. J. Statistics 6, 1979).

    Rejecting those at or below alpha keeps the chance of any false rejection at or below alpha, dependent or not.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie in [0, 1]: {p_values}")
    rising = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[rising] = np.minimum(1, np.maximum.accumulate(p[rising] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def percentiles(samples: ArrayLike, wanted: Sequence[float] = (50, 95, 99)) -> dict[float, float | None]:
    """Percentile -> value, None where there are too few samples: p50 needs 10, p95 100, p99 500.

    Five samples have to be expected beyond a percentile, n (1 - p) >= 5. Then the largest sample lies short of the true
    percentile with probability p^n <= exp(-5) = 0.7%; with fewer, a tail that nobody saw would be reported as measured.
    Between two samples the value is interpolated (Hyndman and Fan, 1996, type 7).
    """
    sample = np.asarray(samples, dtype=np.float64)
    return {p: float(np.percentile(sample, p)) if _enough(len(sample), p) else None for p in wanted}


def _enough(n: int, percentile: float) -> bool:
    return n * min(percentile, 100 - percentile) / 100 >= _BEYOND - _ROUNDING


def _finite(values: ArrayLike) -> Values:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ValueError(f"a mean needs a list of at least one finite value, not {values!r}")
    return sample


def _by_group(values: Values, groups: Sequence[str] | None) -> tuple[Values, Values]:
    """Sum and number of the values of each group."""
    if groups is None:
        return values, np.ones_like(values)
    if len(groups) != len(values):
        raise ValueError(f"{len(groups)} groups for {len(values)} values")
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.bincount(index, weights=values).astype(np.float64, copy=False)
    return totals, np.bincount(index).astype(np.float64)


def _resampled_means(totals: Values, sizes: Values, resamples: int, rng: np.random.Generator) -> Values:
    """Means of ``resamples`` samples of the groups, drawn with replacement.

    A measure like Success takes few values: then how often each is drawn is multinomial, and that is drawn instead.
    """
    n = len(totals)
    kinds, counts = np.unique(np.stack([totals, sizes], axis=1), axis=0, return_counts=True)
    few = _REPEATS * len(kinds) <= n
    means = np.empty(resamples)
    for block in _blocks(resamples, len(kinds) if few else n):
        rows = block.stop - block.start
        if few:
            total, size = (rng.multinomial(n, counts / n, size=rows) @ kinds).T
        else:
            drawn = rng.integers(n, size=(rows, n))
            total, size = totals.take(drawn).sum(axis=1), sizes.take(drawn).sum(axis=1)
        means[block] = total / size
    return means


def _randomisation_p(differences: Values, resamples: int, seed: int) -> float:
    """Two-sided p of the paired randomisation test: how often random signs give a sum as large (Smucker, CIKM 2007).

    Exact, over all sign patterns, where there are no more of them than resamples. Otherwise the observed pattern counts
    as one of the drawn ones, so that p is never 0 (Phipson and Smyth, 2010).
    """
    moved = differences[differences != 0]
    least = abs(moved.sum()) - _ROUNDING * np.abs(moved).sum()
    if len(moved) < resamples.bit_length():
        patterns = np.arange(2 ** len(moved))[:, np.newaxis] >> np.arange(len(moved)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ moved) >= least))
    extreme = np.count_nonzero(np.abs(_signed_sums(moved, resamples, np.random.default_rng(seed))) >= least)
    return (1 + int(extreme)) / (1 + resamples)


def _signed_sums(differences: Values, resamples: int, rng: np.random.Generator) -> Values:
    """Sums of the differences under random signs: one random byte picks the sum of eight of them from a table."""
    eights = np.pad(differences, (0, -len(differences) % 8)).reshape(-1, 8)
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1)
    table = signs @ eights.T
    columns = np.arange(len(eights))
    sums = np.empty(resamples)
    for block in _blocks(resamples, len(eights)):
        bytes_ = rng.integers(256, size=(block.stop - block.start, len(eights)), dtype=np.uint8)
        sums[block] = table[bytes_, columns].sum(axis=1)
    return sums


def _blocks(resamples: int, width: int) -> Iterator[slice]:
    step = max(1, _DRAWS // width)
    for start in range(0, resamples, step):
        yield slice(start, min(start + step, resamples))
