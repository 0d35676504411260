"""How many times slower one system is than another, from samples taken in rounds."""

from collections.abc import Sequence
from math import exp, nan, sqrt
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
    """Ratio of two systems measured in different runs; the runs may differ in their number of rounds and their spread.

    Ratio of the geometric means of the rounds' medians with Welch's interval (Biometrika 34, 1947) on their logarithms.
    It covers the spread between rounds of one run, not what differs between two runs throughout, such as another load.
    """
    a, b = _log_medians(a_rounds), _log_medians(b_rounds)
    centre = float(a.mean() - b.mean())
    if min(len(a), len(b)) < _ROUNDS:
        return Ratio(exp(centre), nan, nan)
    parts = np.array([logs.var(ddof=1) / len(logs) for logs in (a, b)])
    error = sqrt(parts.sum())
    freedom = error**4 / float((parts**2 / [len(a) - 1, len(b) - 1]).sum()) if error else nan
    return _ratio(centre, error, freedom, level)


def _ratio(centre: float, error: float, freedom: float, level: float) -> Ratio:
    half = float(stdtrit(freedom, (1 + level) / 2)) * error if error > 0 else nan
    return Ratio(exp(centre), exp(centre - half), exp(centre + half))


def _log_medians(rounds: Rounds) -> Values:
    if not rounds or any(len(samples) == 0 or not min(samples) > 0 for samples in rounds):
        raise ValueError("a ratio needs at least one round, and positive seconds in every round")
    return np.log([float(np.median(samples)) for samples in rounds])
