"""The server load: which rate of questions that arrive at random a system answers in time."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from bench.measure.load import Tried, next_rate, predicted_rate
from bench.measure.percentiles import percentiles
from bench.outcome import ServerTrial
from bench.run.process import JobFailedError
from bench.run.rounds import Clock, Running

QUESTIONS = 1000
"""Questions of a trial at least, if they can be asked in the time; never fewer than a p99 needs."""
FEWEST = 500
LIMITS = 50
"""A trial lasts so many times the limit, or a queue that grows without end would not have passed it yet."""
SHORTEST_TRIAL = 2.0
LONGEST_TRIAL = 20.0
"""Seconds."""
BUDGET = 60.0
"""Seconds of questions sent, per system."""
TRIALS = 6
IDLE = 0.05
"""Share of its capacity at which a system is tried that, alone already, seems too slow for the limit."""


class Observer(Protocol):
    """Who is told what is tried."""

    def serving(self, label: str, rate: float) -> None:
        """A system begins to get so many questions per second."""


def measure_serving(clock: Clock, limit: float, observer: Observer) -> None:
    """Bracket, system by system, the highest rate of Poisson arrivals whose p99 stays at or below ``limit`` seconds.

    The first rate comes from a simulated queue over the measured single searches; what counts are the trials. A system
    whose latencies were not measured is left out.
    """
    for one in list(clock.running):
        if not one.singles:
            continue
        try:
            for trial in _trials(one, clock, limit, observer):
                timings = one.outcome.timings
                one.outcome = replace(one.outcome, timings=replace(timings, server=(*timings.server, trial)))
        except JobFailedError as error:
            clock.failed(one, error)
        clock.save(one.outcome)


def _trials(one: Running, clock: Clock, limit: float, observer: Observer) -> Iterator[ServerTrial]:
    """Rates until the highest that keeps the limit and the lowest that does not are neighbours, or the time is up."""
    rng = random.Random(clock.seed)
    services = one.outcome.timings.singles
    start = predicted_rate(services, limit, clock.seed) or IDLE * len(services) / sum(services)
    tried: list[Tried] = []
    spent = 0.0
    while (rate := next_rate(tried, start)) is not None and len(tried) < TRIALS:
        seconds = max(SHORTEST_TRIAL, LIMITS * limit, QUESTIONS / rate)
        count = int(rate * min(seconds, LONGEST_TRIAL))
        if count < FEWEST or spent + count / rate > BUDGET:
            break
        observer.serving(one.job.label, rate)
        asked = [rng.randrange(clock.questions) for _ in range(count)]
        seed = clock.seed + len(tried)
        samples = one.worker.measure("server", asked, rate=rate, seed=seed, limit=limit)["samples"]
        spent += len(samples) / rate
        p99 = percentiles(samples, [99])[99]
        kept = len(samples) == count and p99 is not None and p99 <= limit
        tried.append(Tried(rate, kept))
        yield ServerTrial(rate, tuple(samples), kept)
