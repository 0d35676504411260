"""Whether other processes disturbed the clock."""

from statistics import median

from bench.report import units
from bench.report.summary import Summary

BUSY = 0.1
"""Cores. Below that lie the services of an idle system; above it somebody else computes, and a p99 is no longer ours."""


def disturbance(summary: Summary) -> float | None:
    """Cores that other processes used while latencies were measured, the median over the rounds; None if not too many."""
    others = summary.record.others
    used = median(others) if others else 0.0
    return used if used > BUSY else None


def warning(summary: Summary) -> str:
    """What stands above the latencies of a busy machine; empty for a quiet one."""
    used = disturbance(summary)
    if used is None:
        return ""
    most = max(summary.record.others)
    return (
        f"**The machine was busy:** other processes used {units.number(used, 2)} cores (median over rounds; at most "
        f"{units.number(most, 2)}). Latencies are too long; ratios suffer less, since all took turns."
    )
