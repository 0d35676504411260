"""The server load: which rate of questions that arrive at random a system answers in time."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from bench.measure.contention import cores_of_others, read_cpu
from bench.measure.load import PERCENTILE, Tried, arrivals, next_rate, predicted_rate, utilisation
from bench.measure.percentiles import percentiles
from bench.outcome import ServerTrial, Timings
from bench.run.process import JobFailedError
from bench.run.rounds import WARM_UP_QUESTIONS, Clock, Running

QUESTIONS = 1000
"""Questions of a trial at least, if they can be asked in the time; never fewer than a p99 needs."""
FEWEST = 500
MOST = 20_000
LIMITS = 50
"""A trial lasts so many times the limit where the time allows: a short one would end before a long queue has built up."""
SHORTEST_TRIAL = 2.0
LONGEST_TRIAL = 20.0
"""Seconds."""
BUDGET = 60.0
"""Seconds of questions sent, per system."""
TRIALS = 6
IDLE = 0.05
"""Share of its capacity at which a system is tried that, alone already, seems too slow for the limit."""
FULL = 0.99
"""From this share of the time spent searching on, questions come faster than they are answered, and waiting has no end."""
WARM_UP = 0.5
"""Seconds of searches before a trial, at most."""


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
            for timings in _tried(one, clock, limit, observer):
                one.outcome = replace(one.outcome, timings=timings)
                clock.save(one.outcome)
        except JobFailedError as error:
            clock.failed(one, error)
            clock.save(one.outcome)


def _tried(one: Running, clock: Clock, limit: float, observer: Observer) -> Iterator[Timings]:
    """The timings after each trial, until the highest rate kept and the lowest missed are neighbours, or time is up."""
    rng = random.Random(clock.seed)
    services = one.outcome.timings.singles
    start = predicted_rate(services, limit, clock.seed) or IDLE * len(services) / sum(services)
    tried: list[Tried] = []
    spent = 0.0
    while (rate := next_rate(tried, start)) is not None:
        count = _questions(rate, limit)
        timings = one.outcome.timings
        if why := _over(rate, count, len(tried), spent):
            yield replace(timings, server_failure=why)
            return
        observer.serving(one.job.label, rate)
        asked = [rng.randrange(clock.questions) for _ in range(count)]
        seed = clock.seed + len(tried)
        one.worker.measure("warm-up", asked[:WARM_UP_QUESTIONS], budget=WARM_UP)
        before = read_cpu([one.worker.pid])
        samples = one.worker.measure("server", asked, lasts=count / rate, rate=rate, seed=seed, limit=limit)["samples"]
        clock.note(cores_of_others(before, read_cpu([one.worker.pid])))
        spent += len(samples) / rate
        p99 = percentiles(samples, [PERCENTILE])[PERCENTILE]
        whole = len(samples) == count and p99 is not None and p99 <= limit
        kept = whole and utilisation(samples, arrivals(rate, count, seed)) < FULL
        tried.append(Tried(rate, kept))
        yield replace(timings, server=(*timings.server, ServerTrial(rate, tuple(samples), kept)))


def _questions(rate: float, limit: float) -> int:
    seconds = min(max(SHORTEST_TRIAL, LIMITS * limit, QUESTIONS / rate), LONGEST_TRIAL)
    return min(int(rate * seconds), MOST)


def _over(rate: float, count: int, tried: int, spent: float) -> str:
    """Why no more is tried; empty where there is time."""
    if count < FEWEST:
        return f"at {rate:.3g} questions/s a trial of {LONGEST_TRIAL:g} s has only {count} questions, too few for a p99"
    if tried == TRIALS:
        return f"{TRIALS} rates were tried"
    if spent + count / rate > BUDGET:
        return f"the {BUDGET:g} s for trials were used up"
    return ""
