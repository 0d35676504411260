"""Per-system aggregates, computed once and used by the answer, the tables and the figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.errors import StoreError
from bench.measure.chance import expected_mean
from bench.measure.quality import parse_measure
from bench.measure.statistics import bootstrap_interval, holm, paired_difference
from bench.outcome import Outcome, RunRecord

ALPHA = 0.05
"""Family-wise error rate: with a corrected p up to this a system is called worse than the best."""

BASELINE = "random"
"""Name of the retriever that measures chance; no contender."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class System:
    """One row of the report: a system's jobs that may be averaged.

    label: its spec, with the fingerprint where one spec was measured on different data.
    outcomes: every job, device by device and seed by seed.
    measured: the finished jobs, one per seed, whose quality is reported: those on the first device that has any.
    comparable: whether they carry the fingerprint that most systems of the run carry.
    """

    spec: str
    label: str
    outcomes: tuple[Outcome, ...]
    measured: tuple[Outcome, ...]
    comparable: bool

    @property
    def baseline(self) -> bool:
        """Whether it is the random order, measured."""
        return self.spec.partition(":")[0] == BASELINE

    @property
    def device(self) -> str:
        """Where the reported quality was measured."""
        return self.measured[0].device

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Jobs that did not finish."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "ok")

    def latency_failure(self, device: str | None = None) -> str:
        """Why a finished job, on the device or on any, has no latencies or too few; empty where none failed."""
        lost = (job for job in self.outcomes if job.status == "ok" and device in (None, job.device))
        return next((job.latency_failure for job in lost if job.latency_failure), "")

    def finished(self, device: str) -> tuple[Outcome, ...]:
        """The finished jobs on a device, one per seed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "ok" and outcome.device == device)

    def scores(self, measure: str) -> Floats:
        """One value per question: its mean over the seeds."""
        values: Floats = np.array([outcome.scores[measure] for outcome in self.measured], dtype=np.float64)
        mean: Floats = values.mean(axis=0)
        return mean

    def mean(self, measure: str) -> float:
        """Mean over all questions and seeds."""
        return float(self.scores(measure).mean())

    def spread(self, measure: str) -> float | None:
        """Standard deviation (n - 1) of the mean over the seeds; None for a single seed."""
        means = [np.mean(outcome.scores[measure]) for outcome in self.measured]
        return float(np.std(means, ddof=1)) if len(means) > 1 else None

    def success(self, cutoff: int) -> float:
        """Success@cutoff from the stored ranks of the first right solutions."""
        ranks = np.asarray([outcome.first_ranks for outcome in self.measured])
        return float(np.mean((ranks > 0) & (ranks <= cutoff)))


@dataclass(frozen=True)
class Comparison:
    """A system's main measure minus the best one's, its 95% interval, and the Holm-corrected p of no difference."""

    difference: float
    low: float
    high: float
    p: float

    @property
    def tied(self) -> bool:
        """Whether the paired test finds no difference."""
        return self.p > ALPHA


@dataclass(frozen=True)
class Summary:
    """What every section starts from.

    main: the measure that ranks the systems.
    systems: comparable ones, best first; then those of another fingerprint; then those without a result.
    """

    record: RunRecord
    main: str
    systems: tuple[System, ...]

    @property
    def ranked(self) -> tuple[System, ...]:
        """Systems with a comparable result, best first."""
        return tuple(system for system in self.systems if system.measured and system.comparable)

    @property
    def results(self) -> tuple[System, ...]:
        """Systems with a result, comparable or not."""
        return tuple(system for system in self.systems if system.measured)

    @property
    def best(self) -> System | None:
        """The system with the highest main measure."""
        return self.ranked[0] if self.ranked else None

    @property
    def failed_canaries(self) -> Mapping[str, str]:
        """Canaries that did not pass, with what they expected and measured."""
        return {name: line for name, (passed, line) in self.record.canaries.items() if not passed}

    @property
    def limited(self) -> bool:
        """Whether ``--limit`` cut the questions and with them the pool."""
        return "limit" in self.record.facts

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices asked for, then any other that a system ran on."""
        seen = sorted({outcome.device for system in self.systems for outcome in system.outcomes})
        return tuple(dict.fromkeys([*self.record.devices, *seen]))

    @cached_property
    def chance(self) -> Mapping[str, float]:
        """What a random order of the pool scores on average, by measure."""
        return {measure: self.expected(measure) for measure in self.record.measures}

    def expected(self, measure: str) -> float:
        """Closed form of a measure for a random order, the mean over the run's questions."""
        return expected_mean(parse_measure(measure), self.record.counts["pool"], self.record.grades)

    @cached_property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """95% bootstrap interval of the main measure by label."""
        return {system.label: self.interval(system, self.main) for system in self.results}

    def interval(self, system: System, measure: str) -> tuple[float, float]:
        """95% bootstrap interval of a measure over questions (over groups where the dataset has them)."""
        return bootstrap_interval(system.scores(measure), self._groups)

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """Every other ranked system against the best, by label; p corrected over all of these comparisons."""
        if self.best is None:
            return {}
        best = self.best.scores(self.main)
        others = self.ranked[1:]
        tests = [paired_difference(other.scores(self.main), best, self._groups) for other in others]
        corrected = holm([test.p for test in tests])
        return {
            other.label: Comparison(test.difference, test.low, test.high, p)
            for other, test, p in zip(others, tests, corrected, strict=True)
        }

    def tied(self) -> tuple[System, ...]:
        """Systems that the test cannot tell from the best."""
        return tuple(system for system in self.ranked[1:] if self.comparisons[system.label].tied)

    def beats_chance(self, system: System) -> bool:
        """Whether the whole interval of the main measure lies above chance."""
        return self.intervals[system.label][0] > self.chance[self.main]

    @property
    def _groups(self) -> Sequence[str] | None:
        return self.record.groups or None


def summarise(record: RunRecord, outcomes: Sequence[Outcome]) -> Summary:
    """Group the jobs of a run by system; StoreError when a stored result does not belong to the run's questions."""
    for outcome in outcomes:
        _check(record, outcome)
    hashes = [outcome.fingerprints.get("quality", "") for outcome in outcomes if outcome.status == "ok"]
    usual = Counter(hashes).most_common(1)[0][0] if hashes else ""
    specs = dict.fromkeys([*record.systems, *sorted(outcome.spec for outcome in outcomes)])
    systems = [system for spec in specs for system in _systems(record, spec, outcomes, usual)]
    main = main_measure(record)
    systems.sort(key=lambda s: (not s.measured, not s.comparable, -s.mean(main) if s.measured else 0.0))
    return Summary(record, main, tuple(systems))


def main_measure(record: RunRecord) -> str:
    """Success@10, the share of questions with a right solution in the top ten; else the first measure of the run."""
    return "Success@10" if "Success@10" in record.measures else record.measures[0]


def _systems(record: RunRecord, spec: str, outcomes: Sequence[Outcome], usual: str) -> list[System]:
    """One system, or one for each quality fingerprint where results of one spec may not be averaged."""
    devices = [*record.devices, *sorted({outcome.device for outcome in outcomes} - set(record.devices))]
    jobs = sorted((o for o in outcomes if o.spec == spec), key=lambda o: (devices.index(o.device), o.seed))
    hashes = list(dict.fromkeys(job.fingerprints.get("quality", "") for job in jobs if job.status == "ok")) or [usual]
    systems = []
    for number, quality in enumerate(hashes):
        label = spec if len(hashes) == 1 else f"{spec} (fingerprint {quality})"
        own = [j for j in jobs if (j.fingerprints.get("quality", "") == quality if j.status == "ok" else number == 0)]
        finished = [job for job in own if job.status == "ok"]
        measured = [job for job in finished if job.device == finished[0].device]
        systems.append(System(spec, label, tuple(own), tuple(measured), quality == usual))
    return systems


def _check(record: RunRecord, outcome: Outcome) -> None:
    job = f"outcome of {outcome.spec} (seed {outcome.seed}, {outcome.device})"
    asked = len(record.query_ids)
    columns = {measure: outcome.scores.get(measure, ()) for measure in record.measures}
    for name, values in {**columns, "first_ranks": outcome.first_ranks}.items():
        if outcome.status == "ok" and len(values) != asked:
            raise StoreError(f"{job}: {name} has {len(values)} values for {asked} questions; run it again")
