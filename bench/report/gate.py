"""Which of the differences between two runs are too large to let pass, and which could not be judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from statistics import median

from bench.outcome import Outcome
from bench.report import units
from bench.report.comparison import Change, Comparison
from bench.report.status import told, why

KINDS = ("quality", "latency")
DISTURBED = 0.5
"""Cores used by others, median over the rounds, from which on latencies of two runs are not set against each other."""


@dataclass(frozen=True)
class Thresholds:
    """What a gate tolerates.

    alpha: a loss counts when its corrected p is at or below this. loss: and, above 0, when the whole 95% interval lies
    beyond it. slowdown: a search is too slow when the whole 95% interval of the ratio lies above this. It has to leave room
    for what differs between two runs of the same thing on one machine, which no interval within a run can know.
    """

    alpha: float = 0.05
    loss: float = 0.0
    slowdown: float = 1.25


def regressions(one: Comparison, kinds: tuple[str, ...], limits: Thresholds) -> list[str]:
    """One line for each thing that fails the gate, empty where nothing does."""
    after = {system.spec: system for system in one.after.summary.systems}
    lost = [f"{label}: {why(after[label]) if label in after else 'not run'}" for label in one.missing]
    for change in one.changes:
        lost += _gone(change, kinds)
        if "quality" in kinds:
            lost += _worse(change, one.measure, limits)
        if "latency" in kinds:
            lost += _slower(change, limits)
    return lost


def unjudged(one: Comparison, kinds: tuple[str, ...]) -> list[str]:
    """One line for each thing that the gate was asked to judge and cannot."""
    lines: list[str] = []
    if "latency" in kinds:
        lines += _disturbed(one)
    for change in one.changes:
        if "quality" in kinds and (change.test is None or change.mismatched("quality")):
            lines.append(f"{change.label}: quality was measured on something else")
        if "latency" in kinds and change.before.live and change.after.live:
            lines += _unknown(change)
    return lines


def _disturbed(one: Comparison) -> Iterator[str]:
    for side in (one.before, one.after):
        others = side.summary.record.others[: side.summary.timed_rounds]
        if others and median(others) > DISTURBED:
            cores = units.number(median(others), 2)
            yield f"{side.name} ran on a busy machine, others used {cores} cores: its latencies say little"


def _unknown(change: Change) -> Iterator[str]:
    if mismatches := change.mismatched("latency"):
        yield f"{change.label}: latencies differ in {', '.join(map(str, mismatches))}"
    elif not change.latencies:
        yield f"{change.label}: latency was not measured in both runs"
    for found in change.latencies:
        if isnan(found.ratio.low):
            yield f"{change.label}: too few rounds on {found.device} for an interval of the ratio"


def _gone(change: Change, kinds: tuple[str, ...]) -> Iterator[str]:
    """Seeds and devices of the first run that have no result in the second, and searches that failed there alone."""
    after = {(job.device, job.seed): job for job in change.after.outcomes}
    for job in change.before.outcomes:
        if job.status != "ok":
            continue
        again = after.get((job.device, job.seed))
        where = f"{change.label}, seed {job.seed} on {job.device}"
        if again is None or again.status != "ok":
            yield f"{where}: {_ending(again)}"
        elif "latency" in kinds and again.latency_failure and not job.latency_failure:
            yield f"{where}: {told('failed', again.latency_failure)}"


def _ending(job: Outcome | None) -> str:
    return "not run" if job is None else told(job.status, job.failure)


def _worse(change: Change, measure: str, limits: Thresholds) -> Iterator[str]:
    test = change.test
    if not test or change.mismatched("quality"):
        return
    beyond = test.high < -limits.loss if limits.loss else test.difference < 0
    if change.p <= limits.alpha and beyond:
        interval = f"[{units.difference(test.low)}, {units.difference(test.high)}]"
        yield f"{change.label}: {measure} {units.difference(test.difference)} {interval}, {units.p_value(change.p)}"


def _slower(change: Change, limits: Thresholds) -> Iterator[str]:
    if change.mismatched("latency"):
        return
    for found in change.latencies:
        if found.ratio.low > limits.slowdown:
            ratio = f"{found.ratio.ratio:.2f} times as long [{found.ratio.low:.2f}, {found.ratio.high:.2f}]"
            yield f"{change.label}: p50 on {found.device} {ratio}, tolerated: {limits.slowdown:g}"
