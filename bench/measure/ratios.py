"""How many times slower one system is than another, from samples taken in rounds."""

from collections.abc import Sequence
from math import comb, exp, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from bench.measure.resampling import Values

_ROUNDS = 3  # a spread of fewer is a guess

Rounds = Sequence[Sequence[float]]


class Ratio(NamedTuple):
    """Seconds of a over seconds of b and a confidence interval, nan where the rounds cannot give one."""

    ratio: float
    low: float
    high: float


def paired_ratio(a_rounds: Rounds, b_rounds: Rounds, *, level: float = 0.95) -> Ratio:
    """Ratio of two systems whose i-th rounds were measured right after each other, so that drift hits both.

    a_rounds, b_rounds: the samples of each round in seconds. The ratio is the geometric mean over rounds of the ratio of
    their medians, its interval Student's for the mean of the logarithms; samples within a round are not independent and
    count as one. With fewer than three rounds, or without any spread between them, the interval is nan.
    """
    a, b = _log_medians(a_rounds), _log_medians(b_rounds)
    if len(a) != len(b):
        raise ValueError(f"paired rounds differ in number: {len(a)} and {len(b)}")
    logs = a - b
    freedom = len(logs) - 1
    error = float(logs.std(ddof=1)) / sqrt(len(logs)) if len(logs) >= _ROUNDS else nan
    return _ratio(float(logs.mean()), error, freedom, level)


def unpaired_ratio(a_rounds: Rounds, b_rounds: Rounds, *, level: float = 0.95) -> Ratio:
    """Ratio of two systems measured in different runs; the runs may differ in their number of rounds.

    The median of all ratios of a round of a to a round of b, with the distribution-free interval that belongs to the rank-sum
    test (Hodges and Lehmann, 1963; Moses, 1965; Hollander and Wolfe, Nonparametric Statistical Methods, sec. 4.3): one round
    in which the machine was busy does not widen it. It covers the spread between rounds of one run, not what differs
    between two runs throughout, such as another load. nan with fewer rounds than an interval needs, four and four at 95%.
    """
    a, b = _log_medians(a_rounds), _log_medians(b_rounds)
    apart = np.sort((a[:, np.newaxis] - b).ravel())
    outside = _outside(len(a), len(b), (1 - level) / 2)
    low, high = (apart[outside - 1], apart[-outside]) if outside else (nan, nan)
    return Ratio(exp(float(np.median(apart))), exp(low), exp(high))


def _outside(n: int, m: int, tail: float) -> int:
    """Place, from either end, of the ordered differences at which the interval begins; 0 where there is none.

    The interval from the k-th smallest to the k-th largest misses the shift when the rank-sum statistic U of n and m values is
    below k, on either side. U's distribution counts the subsets of n ranks by their sum.
    """
    ways = np.zeros((n + 1, n * m + 1))
    ways[0, 0] = 1
    for rank in range(n + m):
        for chosen in range(min(n, rank + 1), 0, -1):
            shift = rank - (chosen - 1)  # values of the other system below this one
            ways[chosen, shift:] += ways[chosen - 1, : n * m + 1 - shift]
    below = np.cumsum(ways[n]) / comb(n + m, n)
    return int(np.searchsorted(below, tail, side="right"))


def _ratio(centre: float, error: float, freedom: float, level: float) -> Ratio:
    half = float(stdtrit(freedom, (1 + level) / 2)) * error if error > 0 else nan
    return Ratio(exp(centre), exp(centre - half), exp(centre + half))


def _log_medians(rounds: Rounds) -> Values:
    if not rounds or any(len(samples) == 0 or not min(samples) > 0 for samples in rounds):
        raise ValueError("a ratio needs at least one round, and positive seconds in every round")
    return np.log([float(np.median(samples)) for samples in rounds])
