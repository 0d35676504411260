"""What a repeated run has in common with the first: the same numbers, or how far they are apart."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench.report import units
from bench.report.changes import DRIFT
from bench.report.comparison import Change, Comparison


class Agreement(NamedTuple):
    """Whether all scores came out the same, and one line for each thing that was looked at."""

    same: bool
    lines: tuple[str, ...]


def agreement(one: Comparison) -> Agreement:
    """Compare a stored run with its repetition, value by value; latencies agree when their ratio's interval holds 1."""
    found = [_quality(change) for change in one.changes]
    lost = [f"{label}: no result this time" for label in one.missing]
    lines = [*lost, *(line for _, line in found), *(line for change in one.changes for line in _latency(change))]
    return Agreement(not lost and all(same for same, _ in found), tuple(lines))


def _quality(change: Change) -> tuple[bool, str]:
    if mismatches := change.mismatched("quality"):
        return False, f"{change.label}: quality hash differs in {', '.join(map(str, mismatches))}"
    apart = [
        float(np.abs(np.subtract(new.scores[name], old.scores[name])).max())
        for old, new in zip(change.before.measured, change.after.measured, strict=False)
        for name in old.scores
        if name in new.scores
    ]
    if len(change.before.measured) != len(change.after.measured):
        return False, f"{change.label}: other seeds have a result"
    if any(apart):
        return (
            False,
            f"{change.label}: quality hash agrees, scores of single questions differ by up to {max(apart):.3g}",
        )
    return True, f"{change.label}: quality hash and every score agree"


def _latency(change: Change) -> Iterator[str]:
    for mismatch in change.mismatched("latency"):
        yield f"{change.label}: latency not compared, it differs in {mismatch}"
    for found in change.latencies:
        ratio = found.ratio
        if ratio.low <= 1 <= ratio.high:
            told = "agrees"
        else:
            told = "agrees within drift" if 1 / DRIFT <= ratio.ratio <= DRIFT else "differs"
        times = f"{units.duration(found.before)} then, {units.duration(found.after)} now"
        interval = f"ratio {ratio.ratio:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        yield f"{change.label} on {found.device}: latency {told}: p50 {times}, {interval}"
