"""Latency and throughput of one system on one device, from the raw samples of all its seeds."""

from dataclasses import dataclass

import numpy as np

from bench.measure.statistics import percentiles
from bench.report.summary import Summary, System

LEVELS = (50, 95, 99)


@dataclass(frozen=True)
class Speed:
    """What was measured, over all seeds.

    samples: number of timed single searches. single: their percentiles in seconds in the order of ``LEVELS``, None where
    the samples are too few. rates: questions per second, one for each timed call with all questions.
    """

    samples: int
    single: tuple[float | None, ...]
    rates: tuple[float, ...]

    @property
    def p50(self) -> float | None:
        """Median seconds of a search of one question."""
        return self.single[LEVELS.index(50)]

    @property
    def rate(self) -> float | None:
        """Median questions per second when all are searched in one call."""
        return float(np.median(self.rates)) if self.rates else None


def speed(system: System, device: str) -> Speed | None:
    """None where no job of the system finished on the device."""
    jobs = system.finished(device)
    if not jobs:
        return None
    samples = [seconds for job in jobs for seconds in job.timings.single_seconds]
    rates = [job.timings.batch_queries / seconds for job in jobs for seconds in job.timings.batch_seconds if seconds]
    found = percentiles(samples, LEVELS)
    return Speed(len(samples), tuple(found[level] for level in LEVELS), tuple(rates))


def fastest(summary: Summary, device: str) -> float | None:
    """Lowest median latency on a device among the systems that beat chance, in seconds."""
    speeds = [speed(system, device) for system in summary.results if summary.beats_chance(system)]
    medians = [found.p50 for found in speeds if found is not None and found.p50 is not None]
    return min(medians, default=None)


def common_medians(summary: Summary, one: System, other: System) -> tuple[str, float, float] | None:
    """The first device on which both systems were timed and their median latencies there; None if there is none."""
    for device in summary.devices:
        first, second = speed(one, device), speed(other, device)
        if first and second and first.p50 and second.p50:
            return device, first.p50, second.p50
    return None
