"""Latency and throughput of one system on one device, from the raw samples of all its seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from statistics import fmean, median

import numpy as np

from bench.measure.percentiles import percentiles
from bench.measure.ratios import Ratio, paired_ratio
from bench.outcome import Outcome
from bench.report.summary import Summary
from bench.report.system import System

LEVELS = (50, 90, 95, 99)


@dataclass(frozen=True)
class Speed:
    """What was measured, over all seeds.

    samples: seconds of every timed single search. single: percentile -> its seconds, None where the samples are too few.
    rates: questions per second, one for each timed call with all questions. cold: seconds of the first search after
    indexing, the median over the seeds.
    """

    samples: tuple[float, ...]
    single: Mapping[int, float | None]
    rates: tuple[float, ...]
    cold: float | None

    @property
    def p50(self) -> float | None:
        """Median seconds of a search of one question."""
        return self.single[50]

    @property
    def mean(self) -> float | None:
        """Mean seconds of a search of one question: what many of them cost, slow ones included."""
        return fmean(self.samples) if self.p50 is not None else None

    @property
    def rate(self) -> float | None:
        """Median questions per second when all are searched in one call."""
        return float(np.median(self.rates)) if self.rates else None


def speed(system: System, device: str) -> Speed | None:
    """None where no job of the system finished on the device, or where it did not search here."""
    jobs = system.finished(device)
    if not jobs or not system.live:
        return None
    samples = tuple(seconds for job in jobs for seconds in job.timings.singles)
    rates = [job.timings.batch_queries / seconds for job in jobs for seconds in job.timings.batch_seconds if seconds]
    found = percentiles(samples, LEVELS)
    colds = [job.timings.cold_seconds for job in jobs if job.timings.cold_seconds is not None]
    return Speed(samples, {level: found[level] for level in LEVELS}, tuple(rates), median(colds) if colds else None)


def fastest(summary: Summary, device: str) -> System | None:
    """The system with the lowest median latency on a device among those that beat chance."""
    speeds = {s: speed(s, device) for s in summary.results if summary.beats_chance(s)}
    medians = {system: found.p50 for system, found in speeds.items() if found and found.p50}
    return min(medians, key=lambda system: medians[system], default=None)


def slowdown(system: System, reference: System, device: str) -> Ratio:
    """How many times the reference's time a search takes, with its 95% interval where both took turns under the clock."""
    mine, theirs = (_rounds(jobs) for jobs in (system.finished(device), reference.finished(device)))
    whole = all(min(samples, default=0) > 0 for samples in mine + theirs)
    if whole and len(mine) == len(theirs) and _load(system, device) == _load(reference, device):
        found = paired_ratio(mine, theirs)
        if not isnan(found.low):
            return found
    ratio = float(np.median(np.concatenate(mine)) / np.median(np.concatenate(theirs)))
    return Ratio(ratio, float("nan"), float("nan"))


def common_medians(summary: Summary, one: System, other: System) -> tuple[str, float, float] | None:
    """The first device on which both systems were timed and their median latencies there; None if there is none."""
    for device in summary.devices:
        first, second = speed(one, device), speed(other, device)
        if first and second and first.p50 and second.p50:
            return device, first.p50, second.p50
    return None


def _rounds(jobs: tuple[Outcome, ...]) -> list[tuple[float, ...]]:
    """Samples by round, those of all seeds together: in one round every seed has its turn."""
    timed = [job.timings.single_seconds for job in jobs if job.timings.single_seconds]
    if len({len(rounds) for rounds in timed}) > 1:
        return [tuple(seconds for rounds in timed for samples in rounds for seconds in samples)]
    return [tuple(seconds for samples in one for seconds in samples) for one in zip(*timed, strict=True)]


def _load(system: System, device: str) -> set[str]:
    return {job.fingerprints.get("latency", "") for job in system.finished(device)}
