"""Whether other processes disturbed the clock."""

from collections.abc import Sequence
from statistics import median

from bench.report import units
from bench.report.markdown import listing
from bench.report.summary import Summary

BUSY = 0.1
"""Cores. Below that lie the services of an idle system; above it somebody else computes, and a p99 is no longer ours."""
BURST = 0.5
"""Cores; a single round or trial with more was disturbed, however quiet the others were."""


def disturbance(summary: Summary) -> float | None:
    """Cores that other processes used while latencies were measured, the median over the rounds; None if not too many."""
    rounds, _ = _told(summary)
    used = median(rounds) if rounds else 0.0
    return used if used > BUSY else None


def warning(summary: Summary) -> str:
    """What stands above the latencies of a machine that was busy throughout or now and then; empty for a quiet one."""
    rounds, trials = _told(summary)
    bursts = [_bursts(rounds, "round"), _bursts(trials, "server trial")]
    disturbed = listing([text for text in bursts if text])
    most = units.number(max([*rounds, *trials], default=0.0), 2)
    used = disturbance(summary)
    if used is not None:
        single = f", more than {BURST:g} in {disturbed}" if disturbed else ""
        return (
            f"**The machine was busy:** other processes used {units.number(used, 2)} cores (median over rounds; at most "
            f"{most}{single}). Latencies are too long; ratios suffer less, since all took turns."
        )
    if not disturbed:
        return ""
    return (
        f"**The machine was disturbed:** other processes used more than {BURST:g} cores in {disturbed}, at most {most}."
    )


def _told(summary: Summary) -> tuple[Sequence[float], Sequence[float]]:
    """What others used in each round, then in each server trial."""
    others = summary.record.others
    return others[: summary.timed_rounds], others[summary.timed_rounds :]


def _bursts(others: Sequence[float], kind: str) -> str:
    """``1 of 10 rounds``; empty where there is none."""
    found = sum(used > BURST for used in others)
    return f"{found} of {len(others)} {kind}{'' if len(others) == 1 else 's'}" if found else ""
