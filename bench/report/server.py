"""Questions that arrive at random: which rate of them a system answers within the limit."""

from itertools import product

from bench.measure.load import PERCENTILE, Tried, highest_kept
from bench.measure.percentiles import percentiles
from bench.report import units
from bench.report.markdown import code, device_table, escape, folded, listing
from bench.report.speed import timed_job
from bench.report.summary import Summary
from bench.report.system import System


def server(system: System, device: str) -> str:
    """``187 (missed at 216)``: the highest rate kept and the lowest missed above it; ``>= 187``, ``< 216`` for one alone."""
    job = timed_job(system, device)
    trials = job.timings.server if job else ()
    kept = highest_kept([Tried(trial.rate, trial.kept) for trial in trials])
    missed = min((trial.rate for trial in trials if not trial.kept), default=None)
    if kept is None:
        return units.ABSENT if missed is None else f"< {units.number(missed)}"
    return f">= {units.number(kept)}" if missed is None else f"{units.number(kept)} (missed at {units.number(missed)})"


def server_notes(summary: Summary) -> list[str]:
    """Why systems were asked no (more) questions at random times, the same reason once."""
    systems: dict[str, list[str]] = {}
    for device, system in product(summary.devices, summary.results):
        job = timed_job(system, device)
        if job and job.timings.server_failure:
            where = f" on {escape(device)}" if len(summary.devices) > 1 else ""
            systems.setdefault(job.timings.server_failure, []).append(f"{code(system.label)}{where}")
    return [f"Server, {listing(names)}: {escape(failure)}." for failure, names in systems.items()]


def trials_fold(summary: Summary) -> str:
    """Every rate that was tried, with its percentiles; empty without any."""
    rows = [
        [
            code(system.label),
            escape(device),
            units.number(trial.rate),
            units.count(len(trial.seconds)),
            *(units.milliseconds(value) for value in percentiles(trial.seconds, (50, PERCENTILE)).values()),
            units.milliseconds(max(trial.seconds, default=None)),
            "kept" if trial.kept else "missed",
        ]
        for device, system in product(summary.devices, summary.results)
        if (job := timed_job(system, device))
        for trial in sorted(job.timings.server, key=lambda one: one.rate)
    ]
    if not rows:
        return ""
    headers = ["system", "device", "questions/s", "n", "p50 (ms)", "p99 (ms)", "longest (ms)", "limit"]
    legend = "A trial ends as soon as so many answers are late that its p99 must be: then n is small and a `-` stands for p99."
    return folded("Server: every rate tried", device_table(headers, rows, right=1), legend)
