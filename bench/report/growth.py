"""How quality grows with the number of training pairs: each system's results by size, and what every step gained."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from bench.measure.statistics import Difference, bootstrap_interval, holm, paired_difference
from bench.outcome import Outcome
from bench.report.summary import Summary
from bench.report.system import System

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A system's finished jobs with one number of training pairs, one job per seed, all on one device."""

    pairs: int
    jobs: tuple[Outcome, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the jobs."""
        return tuple(job.seed for job in self.jobs)

    def scores(self, measure: str, seeds: Sequence[int] | None = None) -> Floats:
        """One value per question: its mean over the seeds (all, or those given)."""
        jobs = [job for job in self.jobs if seeds is None or job.seed in seeds]
        mean: Floats = np.array([job.scores[measure] for job in jobs], dtype=np.float64).mean(axis=0)
        return mean

    def mean(self, measure: str) -> float:
        """Mean over questions and seeds."""
        return float(self.scores(measure).mean())

    def spread(self, measure: str) -> float | None:
        """Standard deviation (n - 1) of the mean over the seeds; None for a single seed."""
        means = [np.mean(job.scores[measure]) for job in self.jobs]
        return float(np.std(means, ddof=1)) if len(means) > 1 else None


@dataclass(frozen=True)
class Growth:
    """A system that was fitted with several numbers of training pairs, from few to many; sizes without a result are left out."""

    system: System
    points: tuple[Point, ...]

    @property
    def flat(self) -> bool:
        """Whether every question scored the same at every size: then the pairs are not what it learns from."""
        last = {job.seed: job.scores for job in self.points[-1].jobs} if self.points else {}
        return len(self.points) > 1 and all(
            job.scores == last.get(job.seed, job.scores) for point in self.points for job in point.jobs
        )


@dataclass(frozen=True)
class Step:
    """What the next number of pairs gained: the main measure with ``after`` minus that with ``before``, over common seeds.

    p: of no difference, corrected over all steps of all systems (Holm).
    """

    growth: Growth
    before: Point
    after: Point
    test: Difference
    p: float

    @property
    def per_doubling(self) -> float:
        """The gain divided by how often the pairs doubled."""
        return self.test.difference / log2(self.after.pairs / self.before.pairs)


def growths(summary: Summary) -> list[Growth]:
    """Every system that ran with fewer training pairs and has a result at some size, in the order of the tables."""
    found = []
    for system in summary.systems:
        fewer = [job for job in summary.smaller if job.spec == system.spec and job.status == "ok"]
        attempted = any(job.spec == system.spec for job in summary.smaller)
        if not attempted or (system.measured and not system.comparable):
            continue
        done = [job for job in system.outcomes if job.status == "ok"]
        device = next((job.device for job in [*fewer, *done]), "")
        by_pairs: dict[int, dict[int, Outcome]] = {}
        for job in [*fewer, *done]:
            if job.device == device and job.timings.fit_pairs:
                by_pairs.setdefault(job.timings.fit_pairs, {})[job.seed] = job
        points = tuple(Point(n, tuple(jobs[seed] for seed in sorted(jobs))) for n, jobs in sorted(by_pairs.items()))
        if points:
            found.append(Growth(system, points))
    return found


def references(summary: Summary, grown: Sequence[Growth]) -> list[System]:
    """Systems whose quality does not depend on the training pairs, best first; without the random order."""
    learning = {job.spec for job in summary.smaller} - {growth.system.spec for growth in grown if growth.flat}
    return [system for system in summary.ranked if not system.baseline and system.spec not in learning]


def steps(summary: Summary, grown: Sequence[Growth]) -> list[Step]:
    """From each number of pairs to the next, for every system; where no seed finished at both there is no step."""
    found = []
    for growth in grown:
        for before, after in zip(growth.points, growth.points[1:], strict=False):
            common = [seed for seed in after.seeds if seed in before.seeds]
            if common:
                more, fewer = after.scores(summary.main, common), before.scores(summary.main, common)
                found.append((growth, before, after, paired_difference(more, fewer, summary.groups)))
    corrected = holm([test.p for *_, test in found])
    return [Step(*one, p) for one, p in zip(found, corrected, strict=True)]


def interval(summary: Summary, point: Point, measure: str) -> tuple[float, float]:
    """95% bootstrap interval of a measure over questions (over groups where the dataset has them)."""
    return bootstrap_interval(point.scores(measure), summary.groups)
