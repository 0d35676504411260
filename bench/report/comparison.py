"""Two or more stored runs against each other: what may be compared, what differs, and by how much beyond chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import NamedTuple

from bench.errors import OptionError
from bench.measure.ratios import Ratio, unpaired_ratio
from bench.measure.statistics import Difference, holm, paired_difference
from bench.outcome import Outcome
from bench.report.speed import speed
from bench.report.summary import Summary
from bench.report.system import System

UNKNOWN = "unknown"


class Side(NamedTuple):
    """A stored run as it was named, and the one system of it that is meant, if not all are."""

    name: str
    summary: Summary
    spec: str = ""

    @property
    def specs(self) -> tuple[str, ...]:
        """Systems with a result."""
        return tuple(system.label for system in self.summary.results)


class Mismatch(NamedTuple):
    """A component of a fingerprint in which two results differ: their numbers measure different things."""

    kind: str
    component: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.component} ({self.before} against {self.after})"


class Latency(NamedTuple):
    """Median seconds of a search on a device in both runs, and how many times slower the second is."""

    device: str
    before: float
    after: float
    ratio: Ratio


@dataclass(frozen=True)
class Change:
    """One system in two runs.

    test: the main measure, after minus before, over the same questions; None where they are not the same.
    p: of no difference, corrected over all changes of the comparison.
    """

    label: str
    before: System
    after: System
    mismatches: tuple[Mismatch, ...]
    test: Difference | None
    p: float
    latencies: tuple[Latency, ...]

    def mismatched(self, kind: str) -> tuple[Mismatch, ...]:
        """In which components of a fingerprint, ``quality`` or ``latency``, the two differ."""
        return tuple(one for one in self.mismatches if one.kind == kind)

    @property
    def new_source(self) -> bool:
        """Whether the system's own source is another one."""
        return self.before.measured[0].source_hash != self.after.measured[0].source_hash


@dataclass(frozen=True)
class Comparison:
    """The first run against one other.

    changes: systems with a result in both. missing: those with a result in the first alone; added: in the second alone.
    """

    before: Side
    after: Side
    measure: str
    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]


def compare(sides: Sequence[Side], *, anyway: bool = False) -> tuple[Comparison, ...]:
    """The first run against each of the others; p-values are corrected over all systems and runs (Holm).

    OptionError for runs that share no system, and unless ``anyway`` for scores of different things: it names the component.
    Latencies of different things are left out unless ``anyway``; the mismatch stays in the change.
    """
    first, *others = sides
    found = [_against(first, other, anyway=anyway) for other in others]
    wrong = [(one, change) for one in found for change in one.changes if change.mismatched("quality")]
    if wrong and not anyway:
        one, change = wrong[0]
        parts = ", ".join(map(str, change.mismatched("quality")))
        raise OptionError(
            f"{one.before.name} and {one.after.name} may not be compared: {change.label} differs in {parts}; "
            "--anyway shows them, marked"
        )
    return _corrected(found)


def _against(first: Side, other: Side, *, anyway: bool) -> Comparison:
    mine, theirs = _chosen(first), _chosen(other)
    pairs = {label: (mine[label], theirs[label]) for label in mine if label in theirs}
    if not pairs and len(mine) == len(theirs) == 1:
        [(old, before)], [(new, after)] = mine.items(), theirs.items()
        pairs = {f"{old} -> {new}": (before, after)}
    if not pairs:
        raise OptionError(
            f"{first.name} ({', '.join(mine)}) and {other.name} ({', '.join(theirs)}) have no system in common; "
            "NAME@SYSTEM picks one of each"
        )
    measure = _measure(first.summary, other.summary)
    matched = {system for pair in pairs.values() for system in pair}
    return Comparison(
        first,
        other,
        measure,
        tuple(_change(label, (first, other), pair, measure, anyway=anyway) for label, pair in pairs.items()),
        tuple(label for label, system in mine.items() if system not in matched),
        tuple(label for label, system in theirs.items() if system not in matched),
    )


def _chosen(side: Side) -> Mapping[str, System]:
    systems = {system.label: system for system in side.summary.results}
    if not side.spec:
        return systems
    if side.spec not in systems:
        raise OptionError(f"{side.name} has no result of {side.spec!r}; there are: {', '.join(systems) or 'none'}")
    return {side.spec: systems[side.spec]}


def _measure(first: Summary, other: Summary) -> str:
    same_depth = first.record.depth == other.record.depth
    shared = [
        name
        for name in (first.main, *first.record.measures)
        if name in other.record.measures and (same_depth or "@" in name)
    ]
    if not shared:
        raise OptionError("the runs have no measure in common")
    return shared[0]


def _change(label: str, sides: tuple[Side, Side], pair: tuple[System, System], measure: str, *, anyway: bool) -> Change:
    before, after = pair
    mismatches = [*_mismatches("quality", before.measured[0], after.measured[0])]
    latencies: list[Latency] = []
    for device in sides[0].summary.devices:
        old, new = before.finished(device), after.finished(device)
        if old and new:
            found = [*_mismatches("latency", old[0], new[0])]
            mismatches += found
            if anyway or not found:
                latencies += _latency(device, before, after)
    test = None
    if sides[0].summary.record.query_ids == sides[1].summary.record.query_ids:
        test = paired_difference(after.scores(measure), before.scores(measure), sides[0].summary.groups)
    p = test.p if test else nan
    return Change(label, before, after, tuple(dict.fromkeys(mismatches)), test, p, tuple(latencies))


def _mismatches(kind: str, before: Outcome, after: Outcome) -> Iterator[Mismatch]:
    if before.fingerprints.get(kind) == after.fingerprints.get(kind):
        return
    mine, theirs = before.identity.get(kind, {}), after.identity.get(kind, {})
    names = [name for name in dict.fromkeys([*mine, *theirs]) if mine.get(name) != theirs.get(name)]
    if not names or not mine or not theirs:  # an earlier version stored the hash alone
        yield Mismatch(
            kind, "fingerprint", before.fingerprints.get(kind, UNKNOWN), after.fingerprints.get(kind, UNKNOWN)
        )
        return
    for name in names:
        yield Mismatch(kind, name, mine.get(name, UNKNOWN), theirs.get(name, UNKNOWN))


def _latency(device: str, before: System, after: System) -> Iterator[Latency]:
    old, new = speed(before, device), speed(after, device)
    if old and new and old.p50 and new.p50:
        rounds = [
            [samples for job in system.finished(device) for samples in job.timings.single_seconds]
            for system in (after, before)
        ]
        yield Latency(device, old.p50, new.p50, unpaired_ratio(*rounds))


def _corrected(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    tested = [change for one in found for change in one.changes if change.test]
    corrected = iter(holm([change.p for change in tested]))
    return tuple(
        replace(one, changes=tuple(replace(c, p=next(corrected)) if c.test else c for c in one.changes))
        for one in found
    )
