"""The clock's rounds over all systems that run: interleaved in a random order that is kept, every sample kept."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Protocol

from bench.measure.clock import fit_to
from bench.measure.contention import cores_of_others, read_cpu
from bench.outcome import Outcome, Timings
from bench.run.job import Job
from bench.run.process import JobFailedError, WorkerProcess
from bench.run.tenants import Tenant

ROUNDS = 10
SINGLES = 1000
"""Single searches timed per system when they fit the budget: enough for a p99."""
SINGLE_BUDGET = 15.0
"""Seconds of single searches per system, over all rounds."""
BATCH_BUDGET = 10.0
"""Seconds of batch searches per system, over all rounds."""
PATIENCE = 4.0
"""A round may take so many times its share: it has the same number of samples as the others even when the machine is busy."""
TRIALS = 3
"""Calls from which the size of a batch is chosen; the fastest counts, since others may have been disturbed."""
WARM_UP = 5.0
"""Seconds of searches before the first sample that counts, at most."""
WARM_UP_QUESTIONS = 20
"""Questions that are repeated until their time has settled."""


class Observer(Protocol):
    """Who is told what the clock does."""

    def round(self, number: int, total: int) -> None:
        """A round of the clock begins; number 0 is the warm-up."""


@dataclass
class Running:
    """A job whose process is alive for the clock."""

    job: Job
    worker: WorkerProcess | Tenant
    outcome: Outcome
    warm_up: int = 0
    stable: bool = True
    overhead: float | None = None
    single: int = 0
    batch: int = 0
    singles: list[tuple[float, ...]] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)

    def timings(self) -> Timings:
        """What has been measured so far."""
        return replace(
            self.outcome.timings,
            warm_up=self.warm_up,
            stable=self.stable,
            overhead_seconds=self.overhead,
            single_seconds=tuple(self.singles),
            batch_seconds=tuple(self.batches),
            batch_queries=self.batch,
            stages=dict(self.stages),
        )


@dataclass
class Clock:
    """The systems that are timed, and what is known of the rounds so far.

    running: the systems whose processes live; one that fails leaves it. questions: how many there are to ask.
    save: stores an outcome. order: by round the jobs (slugs) as they were timed, warm-up first. others: cores that other
    processes used meanwhile.
    """

    questions: int
    seed: int
    save: Callable[[Outcome], None]
    running: list[Running] = field(default_factory=list)
    order: list[tuple[str, ...]] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def note(self, cores: float | None) -> None:
        """Keep what other processes used, where the system tells."""
        if cores is not None:
            self.others.append(cores)

    def failed(self, one: Running, error: JobFailedError) -> None:
        """End a system's process; it keeps what it has, and its outcome tells why there is no more."""
        one.worker.close()
        self.running.remove(one)
        one.outcome = replace(one.outcome, latency_failure=str(error))


def measure_rounds(clock: Clock, observer: Observer) -> None:
    """Time all systems, round by round in an order drawn anew each time, so that a drift of the machine hits all alike."""
    rng = random.Random(clock.seed)
    for number in range(ROUNDS + 1 if clock.running else 0):
        observer.round(number, ROUNDS)
        # The same for all; slow systems answer the first of them.
        asked = [rng.randrange(clock.questions) for _ in range(SINGLES // ROUNDS)]
        systems = rng.sample(clock.running, len(clock.running))
        clock.order.append(tuple(one.job.slug for one in systems))
        pids = [one.worker.pid for one in systems]
        before = read_cpu(pids)
        for one in systems:
            try:
                if number == 0:
                    _warm_up(one, clock.questions)
                else:
                    _time(one, asked)
            except JobFailedError as error:
                clock.failed(one, error)
            one.outcome = replace(one.outcome, timings=one.timings())
            clock.save(one.outcome)
        if number:
            clock.note(cores_of_others(before, read_cpu(pids)))


def _warm_up(one: Running, questions: int) -> None:
    """Search until caches and clocks have settled, and learn how much fits a round."""
    block = [at * questions // WARM_UP_QUESTIONS for at in range(WARM_UP_QUESTIONS)]
    found = one.worker.measure("warm-up", block, budget=WARM_UP)
    one.warm_up, one.stable = found["actions"], found["stable"]
    one.single = fit_to(SINGLE_BUDGET / ROUNDS, SINGLES // ROUNDS, found["median"])
    trial = min(questions, fit_to(BATCH_BUDGET / ROUNDS, questions, found["median"]))
    seconds = min(one.worker.measure("batch", [trial] * TRIALS, budget=WARM_UP)["samples"])
    one.batch = fit_to(BATCH_BUDGET / ROUNDS, questions, seconds / trial)
    one.overhead = median(one.worker.measure("null", block * 10, budget=WARM_UP)["samples"])


def _time(one: Running, asked: Sequence[int]) -> None:
    answer = one.worker.measure("single", list(asked[: one.single]), budget=PATIENCE * SINGLE_BUDGET / ROUNDS)
    one.singles.append(tuple(answer["samples"]))
    for stage, seconds in answer["stages"].items():
        one.stages[stage] = one.stages.get(stage, 0.0) + seconds
    one.batches += one.worker.measure("batch", [one.batch], budget=BATCH_BUDGET / ROUNDS)["samples"]
