"""The clock: raw samples of one action, the device finished before every reading, garbage collection out of the way."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

SETTLED = 0.05
"""Medians that differ by no more than this share are called stable."""
SPUN = 0.001
"""Seconds before a planned moment that are waited for actively: a sleep ends up to this much too late."""


class WarmUp(NamedTuple):
    """Actions before the first sample that counts, the median seconds of the last of them, and whether it had settled."""

    actions: int
    median: float
    stable: bool


def time_each(
    action: Callable[[int], object], arguments: Sequence[int], budget: float, synchronise: Callable[[], None]
) -> list[float]:
    """Seconds of ``action(argument)`` for each argument, one sample per call, until ``budget`` seconds are spent.

    At least one sample is taken. ``synchronise`` waits until the device has finished and is inside every sample.
    """
    samples: list[float] = []
    with collection_paused():
        synchronise()
        begin = perf_counter()
        for argument in arguments:
            start = perf_counter()
            action(argument)
            synchronise()
            stop = perf_counter()
            samples.append(stop - start)
            if stop - begin >= budget:
                break
    return samples


def warm_up(
    action: Callable[[int], object], block: Sequence[int], budget: float, synchronise: Callable[[], None]
) -> WarmUp:
    """Repeat a block of actions until its median has settled three times in a row, or ``budget`` seconds are spent."""
    medians: list[float] = []
    count, begin = 0, perf_counter()
    while True:
        samples = time_each(action, block, budget - (perf_counter() - begin), synchronise)
        count += len(samples)
        medians.append(median(samples))
        last = medians[-3:]
        stable = len(last) == 3 and max(last) <= min(last) * (1 + SETTLED)  # noqa: PLR2004
        if stable or perf_counter() - begin >= budget:
            return WarmUp(count, medians[-1], stable)


def serve(
    action: Callable[[int], object],
    arguments: Sequence[int],
    arrivals: Sequence[float],
    synchronise: Callable[[], None],
    limit: float = inf,
) -> list[float]:
    """Act once for each argument at its planned moment, or as soon after it as those before are done.

    arrivals: seconds after the start, rising. Returns seconds from the planned moment to the end of each action: a stall
    counts for all that had to wait for it (Tene, "How not to measure latency", 2013). It ends early when more than a
    hundredth of all samples lie above ``limit`` seconds, since then their p99 does, however the others come out.
    """
    tolerated = len(arguments) // 100
    samples: list[float] = []
    late = 0
    with collection_paused():
        synchronise()
        start = perf_counter()
        for argument, arrival in zip(arguments, arrivals, strict=True):
            planned = start + arrival
            _wait_until(planned)
            action(argument)
            synchronise()
            samples.append(perf_counter() - planned)
            late += samples[-1] > limit
            if late > tolerated:
                break
    return samples


def synchroniser(device: str) -> Callable[[], None]:
    """What waits for the device: nothing to wait for on the cpu; on CUDA until every kernel has finished."""
    if device == "cpu":
        return _nothing
    import torch  # noqa: PLC0415 - a lexical retriever's process must not pay for torch

    return torch.cuda.synchronize


def fit_to(budget: float, count: int, seconds_each: float) -> int:
    """How many of ``count`` actions of ``seconds_each`` fit the budget; at least one."""
    return max(1, min(count, int(budget / max(seconds_each, 1e-9))))


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from running inside a measurement."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _wait_until(moment: float) -> None:
    nap = moment - perf_counter() - SPUN
    if nap > 0:
        sleep(nap)
    while perf_counter() < moment:
        pass


def _nothing() -> None:
    pass
