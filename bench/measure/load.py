"""Questions that arrive at random: when they are sent, how long they wait, and which rate keeps a limit.

One searcher answers them one after another in the order of arrival (an M/G/1 queue; LoadGen calls the load ``server``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIMULATED = 20_000
"""Arrivals in a simulated queue: a p99 of so many strays by few percent."""
PERCENTILE = 99
STEP = 1.15
"""From one rate to the next; two rates so far apart bracket the highest one closely enough."""


class Tried(NamedTuple):
    """A rate of arrivals and whether the limit was kept."""

    rate: float
    kept: bool


def arrivals(rate: float, count: int, seed: int) -> NDArray[np.float64]:
    """Moments in seconds, rising, of a Poisson process of ``rate`` per second; the same seed scales the same pattern."""
    gaps: NDArray[np.float64] = np.random.default_rng(seed).exponential(size=count).cumsum()
    return gaps / rate


def response_times(services: ArrayLike, moments: ArrayLike) -> NDArray[np.float64]:
    """Seconds from arrival to answer when one after another is served (Lindley, 1952): ``[n]``.

    services: seconds that each takes by itself, ``[n]``. moments: arrivals, rising, ``[n]``. The end of one service is
    max over i <= n of (arrival of i + all services from i to n), which needs no loop.
    """
    work = np.cumsum(np.asarray(services, dtype=np.float64))
    came = np.asarray(moments, dtype=np.float64)
    before = np.concatenate(([0.0], work[:-1]))
    ends: NDArray[np.float64] = np.maximum.accumulate(came - before) + work
    return ends - came


def utilisation(responses: ArrayLike, moments: ArrayLike) -> float:
    """Share of the time, from the first arrival to the last answer, in which the searcher was busy.

    Close to 1 it never catches up: the waiting would grow with the length of the trial.
    """
    came = np.asarray(moments, dtype=np.float64)
    ends = came + np.asarray(responses, dtype=np.float64)
    begins = np.maximum(came, np.concatenate(([-np.inf], ends[:-1])))
    return float((ends - begins).sum() / (ends[-1] - came[0]))


def predicted_rate(services: Sequence[float], limit: float, seed: int = 0) -> float:
    """Highest arrivals per second whose simulated p99 stays at or below ``limit`` seconds; 0 where none does.

    services: measured seconds of single searches, of which the simulation draws.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.choice(np.asarray(services, dtype=np.float64), SIMULATED)
    pattern = arrivals(1.0, SIMULATED, seed)

    def kept(rate: float) -> bool:
        return float(np.percentile(response_times(drawn, pattern / rate), PERCENTILE)) <= limit

    low, high = 0.0, 1 / float(drawn.mean())
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low


def next_rate(tried: Sequence[Tried], start: float) -> float | None:
    """The rate to try next: up while the limit is kept, down while it is not; None once both neighbours are known."""
    if not tried:
        return start
    kept = max((one.rate for one in tried if one.kept), default=None)
    missed = min((one.rate for one in tried if not one.kept), default=None)
    if missed is None:
        return tried[-1].rate * STEP
    if kept is None:
        return missed / STEP
    return None


def highest_kept(tried: Sequence[Tried]) -> float | None:
    """The highest rate that kept the limit below all that did not; None where none did."""
    missed = min((one.rate for one in tried if not one.kept), default=np.inf)
    return max((one.rate for one in tried if one.kept and one.rate < missed), default=None)
