"""Per-system aggregates, computed once and used by the answer, the tables and the figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.errors import StoreError
from bench.measure.chance import expected_mean
from bench.measure.quality import parse_measure
from bench.measure.statistics import Difference, bootstrap_interval, holm, paired_difference
from bench.measure.tiers import tiers
from bench.outcome import Outcome, RunRecord
from bench.report.system import System

ALPHA = 0.05
"""Family-wise error rate: with a corrected p up to this a system is called worse than the best."""
UNORDERED = ("Success", "R", "P", "Judged")
"""Measures that do not depend on the order of the hits that count."""


@dataclass(frozen=True)
class Comparison:
    """A system's main measure minus the best one's, and the p of no difference, corrected over all comparisons."""

    test: Difference
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
    smaller: jobs that learned from fewer training pairs than the run's results; only the section on learning looks at them.
    """

    record: RunRecord
    main: str
    systems: tuple[System, ...]
    smaller: tuple[Outcome, ...] = ()

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
    def interrupted(self) -> bool:
        """Whether the run ended before everything was measured, be it under the clock."""
        jobs = [job for system in self.systems for job in system.outcomes]
        stopped = any(job.status == "interrupted" for job in jobs)
        return self.record.interrupted or stopped or not all(system.outcomes for system in self.systems)

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
        """Closed form of a measure for a random order of which ``depth`` hits are kept, the mean over the run's questions."""
        record = self.record
        return expected_mean(parse_measure(measure), record.counts["pool"], record.grades, record.depth)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Measures worth a column: without those that count the hits of the whole pool, whatever their order."""
        return tuple(name for name in self.record.measures if name == self.main or not self._exhausts(name))

    def _exhausts(self, name: str) -> bool:
        measure = parse_measure(name)
        return measure.name in UNORDERED and (measure.cutoff or 0) >= self.record.counts["pool"]

    @cached_property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """95% bootstrap interval of the main measure by label."""
        return {system.label: self.interval(system, self.main) for system in self.results}

    def interval(self, system: System, measure: str) -> tuple[float, float]:
        """95% bootstrap interval of a measure over questions (over groups where the dataset has them)."""
        return bootstrap_interval(system.scores(measure), self.groups)

    def difference(self, system: System, measure: str) -> Difference:
        """A measure of a system minus the best one's."""
        best = self.ranked[0]
        return paired_difference(system.scores(measure), best.scores(measure), self.groups)

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """Every other ranked system against the best, by label; p corrected over all of these comparisons."""
        if self.best is None:
            return {}
        others = self.ranked[1:]
        tests = [self.difference(other, self.main) for other in others]
        corrected = holm([test.p for test in tests])
        return {other.label: Comparison(test, p) for other, test, p in zip(others, tests, corrected, strict=True)}

    @cached_property
    def tiers(self) -> Mapping[str, int]:
        """Tier of every ranked system by label: 1 for the best and those tied with it, 2 for the best of the rest, ..."""
        found = tiers([system.scores(self.main) for system in self.ranked], self.groups)
        return {system.label: tier for system, tier in zip(self.ranked, found, strict=True)}

    @property
    def timed_rounds(self) -> int:
        """How often the clock went round all systems; 1 also where nobody wrote down the rounds."""
        return max((len(job.timings.single_seconds) for system in self.results for job in system.outcomes), default=0)

    def tied(self) -> tuple[System, ...]:
        """Systems that the test cannot tell from the best."""
        return tuple(system for system in self.ranked[1:] if self.comparisons[system.label].tied)

    def beats_chance(self, system: System) -> bool:
        """Whether the whole interval of the main measure lies above chance."""
        return self.intervals[system.label][0] > self.chance[self.main]

    @property
    def groups(self) -> Sequence[str] | None:
        """Group of each question, None where the dataset has none."""
        return self.record.groups or None


def summarise(record: RunRecord, outcomes: Sequence[Outcome]) -> Summary:
    """Group the jobs of a run by system; StoreError when a stored result does not belong to the run's questions."""
    for name, values in record.features.items():
        if len(values) != len(record.query_ids):
            raise StoreError(f"run record: {name} has {len(values)} values for {len(record.query_ids)} questions")
    for outcome in outcomes:
        _check(record, outcome)
    smaller = sorted(
        (outcome for outcome in outcomes if outcome.train_pairs != record.main_size),
        key=lambda outcome: (outcome.spec, outcome.device, outcome.train_pairs or 0, outcome.seed),
    )
    outcomes = [outcome for outcome in outcomes if outcome.train_pairs == record.main_size]
    hashes = [outcome.fingerprints.get("quality", "") for outcome in outcomes if outcome.status == "ok"]
    usual = Counter(hashes).most_common(1)[0][0] if hashes else ""
    specs = dict.fromkeys([*record.systems, *sorted(outcome.spec for outcome in outcomes)])
    systems = [system for spec in specs for system in _systems(record, spec, outcomes, usual)]
    main = record.main_measure
    systems.sort(key=lambda s: (not s.measured, not s.comparable, -s.mean(main) if s.measured else 0.0))
    return Summary(record, main, tuple(systems), tuple(smaller))


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
