"""Error bars and comparisons of means over questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from bench.measure.percentiles import percentiles
from bench.measure.resampling import ROUNDING, Values, by_group, finite, randomisation_p, weighted_sums

__all__ = ["Difference", "bootstrap_interval", "holm", "paired_difference", "percentiles"]

ALPHA, POWER = 0.05, 0.8

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Mean of a minus mean of b, its confidence interval and two-sided p of no difference.

    effect: the mean in standard deviations of the paired differences (Cohen's d_z), with its own interval.
    detectable: smallest true difference that so many questions reveal with 80% power at two-sided .05.
    What the questions cannot tell is nan.
    """

    difference: float
    low: float
    high: float
    p: float
    effect: float = nan
    effect_low: float = nan
    effect_high: float = nan
    detectable: float = nan


def bootstrap_interval(
    values: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Interval of a mean: Bayesian bootstrap with one more observation at the end of the scale that the bound faces.

    values: ``[n]``. groups: the group of each value; whole groups are drawn then, and a resample's mean is the ratio of
    its sum to its size, since values of one group (a thread, a cluster of duplicates) are not independent.

    The added observation, smallest value for the lower bound and largest for the upper, stands for what a sample of this
    size may have missed (Gaffke, Math. Methods of Statistics 14, 2005; Learned-Miller and Thomas, arXiv:1905.06208). For
    0/1 values this is Clopper and Pearson's interval. Where rare values or few groups make the mean, the percentile
    bootstrap covers it too rarely, and this one rather too often: ``bench.measure.simulation`` has the figures.

    Where all values are equal and in [0, 1], the ends of the scale are 0 and 1, so that n right answers out of n give
    [(alpha/2)^(1/n), 1]. Equal values beyond [0, 1], a single value or a single group tell nothing: (nan, nan).
    """
    sample = finite(values)
    sums = by_group([sample, np.ones_like(sample)], groups)
    ends = _ends(sample, (0.0, 1.0) if _in_unit(sample) else None)
    if len(sums) == 1 or ends is None:
        return nan, nan
    rng = np.random.default_rng(seed)
    return _mean_interval(sums, weighted_sums(sums, resamples, rng), ends, level, rng)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same questions: interval, paired randomisation test, effect size, detectable difference.

    a, b: ``[n]``, one value for each question. groups: as for ``bootstrap_interval``; a group's signs flip together.
    The interval is ``bootstrap_interval``'s, but both ends of the scale are as far from 0 as the largest difference, since
    it might have had the other sign: five wins of 1 in five questions do not exclude 0. Without any difference they are -1
    and 1 where a and b lie in [0, 1]. Effect and detectable difference are nan where all groups have the same mean.
    """
    first, second = finite(a), finite(b)
    if len(first) != len(second):
        raise ValueError(f"paired values differ in number: {len(first)} and {len(second)}")
    differences = first - second
    mean = float(differences.mean())
    sums = by_group([differences, np.ones_like(differences), (differences - mean) ** 2], groups)
    p = randomisation_p(sums[:, 0], resamples, seed)
    either_sign = np.concatenate([differences, -differences])
    ends = _ends(either_sign, (-1.0, 1.0) if _in_unit(first) and _in_unit(second) else None)
    if len(sums) == 1 or ends is None:
        return Difference(mean, nan, nan, p)
    rng = np.random.default_rng(seed)
    drawn = weighted_sums(sums, resamples, rng)
    interval = _mean_interval(sums, drawn, ends, level, rng)
    if _equal(sums[:, 0] / sums[:, 1]):
        return Difference(mean, *interval, p)
    return Difference(mean, *interval, p, *_effect(sums, drawn, mean, level), _detectable(sums, mean))


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


def _in_unit(values: Values) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)


def _equal(values: Values) -> bool:
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def _ends(values: Values, scale: Interval | None) -> Interval | None:
    """Smallest and largest value; the scale, if known, where these are equal."""
    return scale if _equal(values) else (float(values.min()), float(values.max()))


def _mean_interval(sums: Values, drawn: Values, ends: Interval, level: float, rng: np.random.Generator) -> Interval:
    """Quantiles of the drawn means, each with one more group of average size at an end of the scale."""
    total, size = drawn[:, 0], drawn[:, 1]
    added = rng.standard_exponential(len(drawn)) * sums[:, 1].mean()
    low, high = (
        np.quantile((total + added * end) / (size + added), at)
        for end, at in zip(ends, ((1 - level) / 2, (1 + level) / 2), strict=True)
    )
    return max(float(low), ends[0]), min(float(high), ends[1])


def _effect(sums: Values, drawn: Values, mean: float, level: float) -> tuple[float, float, float]:
    """Cohen's d_z = mean / sd (Lakens, Frontiers in Psychology 4, 2013, eq. 6) and its Bayesian bootstrap interval.

    Its quantiles are those that make the interval of a normal mean Student's (Hesterberg, American Statistician 69,
    2015), with n + 1 for n since Dirichlet weights vary that much less.
    """
    n, questions = len(sums), sums[:, 1].sum()
    unbias = questions / (questions - 1)
    total, size, squares = drawn.T
    means = total / size
    effects = means / np.sqrt((squares / size - (means - mean) ** 2) * unbias)
    outer = float(ndtr(sqrt((n + 1) / (n - 1)) * stdtrit(n - 1, (1 - level) / 2)))
    low, high = np.quantile(effects, [outer, 1 - outer])
    return mean / sqrt(sums[:, 2].sum() / (questions - 1)), float(low), float(high)


def _detectable(sums: Values, mean: float) -> float:
    """2.8 standard errors of the mean difference, a little more with few groups (Bloom, Evaluation Review 19, 1995).

    The standard error is that of a ratio of sums over groups (Cochran, Sampling Techniques, 1977, eq. 6.9).
    """
    n = len(sums)
    spread = ((sums[:, 0] - mean * sums[:, 1]) ** 2).sum()
    error = sqrt(n / (n - 1) * spread) / sums[:, 1].sum()
    return float((stdtrit(n - 1, 1 - ALPHA / 2) + stdtrit(n - 1, POWER)) * error)
