"""Questions that arrive at random: which rate of them a system answers within the limit."""

from itertools import product
from typing import NamedTuple

from bench.measure.load import PERCENTILE, Tried, highest_kept
from bench.measure.percentiles import percentiles
from bench.outcome import Outcome
from bench.report import units
from bench.report.markdown import code, device_table, escape, folded
from bench.report.summary import Summary
from bench.report.system import System


class Reached(NamedTuple):
    """Questions per second: the highest rate that kept the limit below all that missed it, and the lowest of those.

    None where no rate kept, or no rate missed it.
    """

    kept: float | None
    missed: float | None


def served(summary: Summary) -> bool:
    """Whether any system was asked questions at random times."""
    return any(job.timings.server for system in summary.results if system.live for job in system.outcomes)


def server(system: System, device: str) -> str:
    """``187 (missed at 216)``: the highest rate kept, of several seeds the lowest, and the next one tried."""
    reached = [_reached(job) for job in system.finished(device) if job.timings.server]
    if not reached:
        return units.ABSENT
    kept, missed = min(reached, key=lambda rates: rates.kept or 0.0)
    text = "none" if kept is None else units.number(kept)
    return text if missed is None else f"{text} (missed at {units.number(missed)})"


def trials_fold(summary: Summary) -> str:
    """Every rate that was tried, with its percentiles; empty without any."""
    rows = [
        [
            code(system.label),
            escape(device),
            str(job.seed),
            units.number(trial.rate),
            units.count(len(trial.seconds)),
            *(units.milliseconds(value) for value in percentiles(trial.seconds, (50, PERCENTILE)).values()),
            units.milliseconds(max(trial.seconds, default=None)),
            "kept" if trial.kept else "missed",
        ]
        for device, system in product(summary.devices, summary.results)
        if system.live
        for job in system.finished(device)
        for trial in sorted(job.timings.server, key=lambda one: one.rate)
    ]
    if not rows:
        return ""
    headers = ["system", "device", "seed", "questions/s", "n", "p50 (ms)", "p99 (ms)", "longest (ms)", "limit"]
    legend = (
        "A trial ends as soon as so many answers are late that its p99 must be: then n is small and a `-` stands for p99. Of "
        "several seeds the lowest rate counts."
    )
    return folded("Server: every rate tried", device_table(headers, rows, right=1), legend)


def _reached(job: Outcome) -> Reached:
    trials = job.timings.server
    missed = min((trial.rate for trial in trials if not trial.kept), default=None)
    return Reached(highest_kept([Tried(trial.rate, trial.kept) for trial in trials]), missed)
