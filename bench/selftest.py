"""What this harness promises, tried out on this machine: the clock against known times, the statistics against known truth."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
from scipy.stats import lognorm

from bench.api import Hits, Query
from bench.measure.clock import synchroniser
from bench.measure.load import arrivals, response_times
from bench.measure.machine import timer_resolution
from bench.measure.percentiles import percentiles
from bench.measure.simulation import simulations
from bench.run.loads import Loads

SAMPLES = 1000
MEDIAN = 0.005
"""Seconds of a typical search whose time is known; the slowest hundredth takes four times as long."""
SPREAD = 0.6
TOLERANCE = 0.02
OVERHEAD = 20e-6
"""Seconds that the harness itself may add to a search."""
BUSY = 0.5
"""Share of the time in which the server is to be busy; its queue is then known from theory but not trivial."""


class Check(NamedTuple):
    """One line that tells what was promised and measured, and whether the promise was kept."""

    line: str
    kept: bool


def selftest() -> Iterator[Check]:
    """Every check as soon as it is done; one to two minutes in all."""
    yield from clock_checks()
    for rate in simulations():
        yield Check(f"{_mark(rate.kept)} {rate}", rate.kept)


def clock_checks() -> Iterator[Check]:
    """Timer, overhead, and how well known times are recovered one by one and through a queue."""
    resolution = timer_resolution()
    yield _check(f"timer resolution: {resolution * 1e9:,.0f} ns", 0 < resolution < OVERHEAD)
    times = known_times(SAMPLES)
    sleeper = _Sleeper(times)
    loads = Loads(sleeper.search, [Query(str(at), "") for at in range(SAMPLES)], synchroniser("cpu"))
    every = list(range(SAMPLES))
    nothing = loads.carry_out({"do": "null", "arguments": every, "budget": 10.0})["samples"]
    overhead = float(np.median(nothing))
    yield _check(
        f"overhead of the harness on a search: p50 {overhead * 1e6:.2f} us, promised below {OVERHEAD * 1e6:.0f} us",
        overhead < OVERHEAD,
    )
    found = loads.carry_out({"do": "single", "arguments": every, "budget": 60.0})["samples"]
    yield from _recovered("single stream", sleeper.taken, found, TOLERANCE)
    sleeper.taken.clear()
    rate = BUSY / float(np.mean(times))
    served = loads.carry_out({"do": "server", "arguments": every, "rate": rate, "seed": 0, "limit": None})["samples"]
    truth = response_times(sleeper.taken, arrivals(rate, SAMPLES, 0))
    yield from _recovered(f"server, {BUSY:.0%} busy", truth.tolist(), served, TOLERANCE)


def known_times(count: int, seed: int = 0) -> list[float]:
    """Seconds of searches in random order whose distribution is log-normal without any sampling error."""
    quantiles = (np.arange(count) + 0.5) / count
    times = lognorm.ppf(quantiles, SPREAD, scale=MEDIAN)
    return [float(seconds) for seconds in np.random.default_rng(seed).permutation(times)]


class _Sleeper:
    """A search that takes a known time for each question; it waits actively, since a sleep ends too late.

    taken: seconds that each search really took, which is longer where another process had the processor meanwhile.
    """

    def __init__(self, times: Sequence[float]) -> None:
        self.taken: list[float] = []
        self._times = times
        self._hits = Hits(np.zeros((1, 0), dtype=np.int64), np.zeros((1, 0), dtype=np.float32))

    def search(self, queries: Sequence[Query], _k: int) -> Hits:
        """Take the time of the first query."""
        begin = perf_counter()
        end = begin + self._times[int(queries[0].id)]
        while perf_counter() < end:
            pass
        self.taken.append(perf_counter() - begin)
        return self._hits


def _recovered(load: str, truth: Sequence[float], found: Sequence[float], tolerance: float) -> Iterator[Check]:
    known, measured = percentiles(truth, (50, 99)), percentiles(found, (50, 99))
    for level in (50, 99):
        expected, seen = known[level], measured[level]
        if expected is None or seen is None:
            yield _check(f"{load} p{level}: too few samples", kept=False)
            continue
        error = seen / expected - 1
        times = f"known {expected * 1e3:.3f} ms, measured {seen * 1e3:.3f} ms"
        yield _check(
            f"{load} p{level}: {times} ({error:+.1%}), promised within {tolerance:.0%}", abs(error) <= tolerance
        )


def _check(line: str, kept: bool) -> Check:
    return Check(f"{_mark(kept)} {line}", kept)


def _mark(kept: bool) -> str:
    return "kept  " if kept else "BROKEN"
