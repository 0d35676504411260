"""Latency and throughput of one system on one device, from the raw samples of the seed that was timed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from statistics import fmean

import numpy as np

from bench.measure.ratios import Ratio, paired_ratio
from bench.measure.rounds import Rounds, round_percentiles
from bench.outcome import Outcome
from bench.report.summary import Summary
from bench.report.system import System

LEVELS = (50, 90, 95, 99)


@dataclass(frozen=True)
class Speed:
    """What was measured.

    rounds: by round of the clock the seconds of every timed single search, no round empty. single: percentile -> its
    seconds, all rounds weighing alike, None where the samples are too few. rates: questions per second, one for each timed
    call with all questions. cold: seconds of the first search after indexing. stable: whether times had settled before.
    """

    rounds: Rounds
    single: Mapping[float, float | None]
    rates: tuple[float, ...]
    cold: float | None
    stable: bool

    @property
    def n(self) -> int:
        """Timed single searches."""
        return sum(map(len, self.rounds))

    @property
    def p50(self) -> float | None:
        """Median seconds of a search of one question."""
        return self.single[50]

    @property
    def mean(self) -> float | None:
        """Mean seconds of a search of one question, all rounds weighing alike: what many cost, slow ones included."""
        return fmean(map(fmean, self.rounds)) if self.p50 is not None else None

    @property
    def rate(self) -> float | None:
        """Median questions per second when all are searched in one call."""
        return float(np.median(self.rates)) if self.rates else None


def timed_job(system: System, device: str) -> Outcome | None:
    """The finished job of the seed that was timed on the device, else that of the first seed; None for a file's results."""
    jobs = system.finished(device) if system.live else ()
    return next((job for job in jobs if job.timings.singles or job.timings.batch_seconds), next(iter(jobs), None))


def speed(system: System, device: str) -> Speed | None:
    """None where no job of the system finished on the device, or where it did not search here."""
    job = timed_job(system, device)
    if job is None:
        return None
    timings = job.timings
    rounds = [samples for samples in timings.single_seconds if samples]
    rates = tuple(timings.batch_queries / seconds for seconds in timings.batch_seconds if seconds)
    return Speed(rounds, round_percentiles(rounds, LEVELS), rates, timings.cold_seconds, timings.stable)


def fastest(summary: Summary, device: str) -> System | None:
    """The system with the lowest median latency on a device among those that beat chance."""
    speeds = {s: speed(s, device) for s in summary.results if summary.beats_chance(s)}
    medians = {system: found.p50 for system, found in speeds.items() if found and found.p50}
    return min(medians, key=lambda system: medians[system], default=None)


def slowdown(system: System, reference: System, device: str) -> Ratio:
    """How many times the reference's time a search takes, with its 95% interval where both took turns under the clock.

    nan where either was not timed.
    """
    mine, theirs = speed(system, device), speed(reference, device)
    if not (mine and theirs and mine.p50 and theirs.p50):
        return Ratio(float("nan"), float("nan"), float("nan"))
    whole = all(min(samples) > 0 for samples in (*mine.rounds, *theirs.rounds))
    if whole and len(mine.rounds) == len(theirs.rounds) and _load(system, device) == _load(reference, device):
        found = paired_ratio(mine.rounds, theirs.rounds)
        if not isnan(found.low):
            return found
    return Ratio(mine.p50 / theirs.p50, float("nan"), float("nan"))


def common_medians(summary: Summary, one: System, other: System) -> tuple[str, float, float] | None:
    """The first device on which both systems were timed and their median latencies there; None if there is none."""
    for device in summary.devices:
        first, second = speed(one, device), speed(other, device)
        if first and second and first.p50 and second.p50:
            return device, first.p50, second.p50
    return None


def _load(system: System, device: str) -> str:
    job = timed_job(system, device)
    return job.fingerprints.get("latency", "") if job else ""
