"""Which of the differences between two runs are too large to let pass, and which could not be judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.report import units
from bench.report.answer import why
from bench.report.comparison import Change, Comparison

KINDS = ("quality", "latency")


@dataclass(frozen=True)
class Thresholds:
    """What a gate tolerates.

    alpha: a loss counts when its corrected p is at or below this. loss: and is larger than this.
    slowdown: a search is too slow when the whole 95% interval of the ratio lies above this. It has to leave room for what
        differs between two runs of the same thing on one machine, which no interval within a run can know.
    """

    alpha: float = 0.05
    loss: float = 0.0
    slowdown: float = 1.25


def regressions(one: Comparison, kinds: tuple[str, ...], limits: Thresholds) -> list[str]:
    """One line for each thing that fails the gate, empty where nothing does."""
    after = {system.spec: system for system in one.after.summary.systems}
    lost = [f"{label}: {why(after[label]) if label in after else 'not run'}" for label in one.missing]
    for change in one.changes:
        if "quality" in kinds:
            lost += _worse(change, one.measure, limits)
        if "latency" in kinds:
            lost += _slower(change, limits)
    return lost


def unjudged(one: Comparison, kinds: tuple[str, ...]) -> list[str]:
    """One line for each thing that the gate was asked to judge and cannot."""
    lines = []
    for change in one.changes:
        if "quality" in kinds and (change.test is None or change.mismatched("quality")):
            lines.append(f"{change.label}: quality was measured on something else")
        if "latency" in kinds and change.before.live and change.after.live:
            if mismatches := change.mismatched("latency"):
                lines.append(f"{change.label}: latencies differ in {', '.join(map(str, mismatches))}")
            elif not change.latencies:
                lines.append(f"{change.label}: latency was not measured in both runs")
    return lines


def _worse(change: Change, measure: str, limits: Thresholds) -> Iterator[str]:
    test = change.test
    if test and change.p <= limits.alpha and -test.difference > limits.loss:
        interval = f"[{units.difference(test.low)}, {units.difference(test.high)}]"
        yield f"{change.label}: {measure} {units.difference(test.difference)} {interval}, {units.p_value(change.p)}"


def _slower(change: Change, limits: Thresholds) -> Iterator[str]:
    for found in change.latencies:
        if found.ratio.low > limits.slowdown:
            ratio = f"{found.ratio.ratio:.2f} times as long [{found.ratio.low:.2f}, {found.ratio.high:.2f}]"
            yield f"{change.label}: p50 on {found.device} {ratio}, tolerated: {limits.slowdown:g}"
