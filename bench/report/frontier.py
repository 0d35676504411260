"""Quality against latency: the systems that no other beats in both, and which of them save much for a small loss."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.measure.statistics import Difference, paired_difference
from bench.report.choice import MUCH, TOLERATED_LOSS
from bench.report.speed import speed
from bench.report.summary import Summary
from bench.report.system import System

NAMED = 2
"""So many alternatives at most."""


class Alternative(NamedTuple):
    """A system that is worse than the one to ship, but much faster.

    difference: its main measure minus that of the one to ship. seconds, times: p50 on the device, and how many times that of
    the one to ship is as long.
    """

    system: System
    difference: Difference
    device: str
    seconds: float
    times: float


def medians(summary: Summary, device: str) -> Mapping[System, float]:
    """Median seconds of a search by system, for comparable ones above chance with enough samples on the device."""
    speeds = {system: speed(system, device) for system in summary.ranked if summary.beats_chance(system)}
    return {system: found.p50 for system, found in speeds.items() if found and found.p50}


def frontier(summary: Summary, device: str) -> list[System]:
    """Best first: systems than which every better one is slower."""
    found: list[System] = []
    known = medians(summary, device)
    for system, seconds in known.items():
        if not found or seconds < known[found[-1]]:
            found.append(system)
    return found


def alternatives(summary: Summary, pick: System) -> list[Alternative]:
    """Of the systems on the frontier that lose little against ``pick`` and save much, the best and the fastest one."""
    for device in summary.devices:
        known = medians(summary, device)
        if pick in known:
            found = [
                Alternative(
                    system, _difference(summary, pick, system), device, known[system], known[pick] / known[system]
                )
                for system in frontier(summary, device)
                if system is not summary.best and not summary.comparisons[system.label].tied
            ]
            worth = [one for one in found if -TOLERATED_LOSS <= one.difference.difference < 0 and one.times >= MUCH]
            return worth if len(worth) <= NAMED else [worth[0], worth[-1]]
    return []


def _difference(summary: Summary, pick: System, system: System) -> Difference:
    return paired_difference(system.scores(summary.main), pick.scores(summary.main), summary.groups)
