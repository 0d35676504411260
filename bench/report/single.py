"""The table of latency and throughput under all three loads, and its fold with every percentile."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import isnan

from bench.measure.rounds import median_interval, tail_interval
from bench.report import units
from bench.report.markdown import code, device_table, escape, folded
from bench.report.server import server
from bench.report.speed import LEVELS, Speed, fastest, slowdown, speed, timed_job
from bench.report.status import told
from bench.report.summary import Summary
from bench.report.system import System

MEDIAN = 50
SHOWN = (MEDIAN, 95, 99)
"""Percentiles outside the fold."""
UNSETTLED = "§"
"""Marks a p50 that was still changing."""


def single(summary: Summary) -> str:
    """One row per device and system that searched there: percentiles, ratio to the fastest, questions per second offline and served."""
    headers = ["system", "device", *(f"p{level} (ms)" for level in SHOWN), "p50 / fastest", "offline (questions/s)"]
    asked = summary.record.slo is not None
    headers += ["server (questions/s)"] if asked else []
    fast = {device: fastest(summary, device) for device in summary.devices}
    rows = [
        [
            code(system.label),
            escape(device),
            *_cells(summary, system, device, fast[device]),
            *([server(system, device)] if asked else []),
        ]
        for device, system in product(summary.devices, summary.results)
        if system.live and any(job.device == device for job in system.outcomes)
    ]
    return device_table(headers, rows)


def timed(summary: Summary) -> Iterator[tuple[System, str, Speed]]:
    """Every system and device on which it searched, device by device."""
    for device, system in product(summary.devices, summary.results):
        if found := speed(system, device):
            yield system, device, found


def other_load(summary: Summary, system: System, device: str) -> bool:
    """Whether a latency was measured on another machine or under another load than most of its device."""
    hashes = [job.fingerprints.get("latency", "") for s in summary.results if s.live for job in s.finished(device)]
    usual = max(sorted(set(hashes)), key=hashes.count)
    return any(job.fingerprints.get("latency", "") != usual for job in system.finished(device))


def cut_call(summary: Summary, system: System, device: str) -> int:
    """Questions in a timed call where these are not all of them, 0 where they are."""
    job = timed_job(system, device)
    asked = job.timings.batch_queries if job and job.timings.batch_seconds else 0
    return asked if asked < len(summary.record.query_ids) else 0


def percentile_fold(summary: Summary) -> str:
    """Every percentile with its interval and n, the first search, the range of the calls with all questions."""
    rows = [
        [
            code(system.label),
            escape(device),
            units.count(found.n),
            *(_bounded(found, level) for level in LEVELS),
            units.milliseconds(found.cold),
            f"{units.number(min(found.rates))} to {units.number(max(found.rates))}" if found.rates else units.ABSENT,
        ]
        for system, device, found in timed(summary)
        if found.rounds or found.rates
    ]
    if not rows:
        return ""
    headers = ["system", "device", "n", *(f"p{level} (ms)" for level in LEVELS), "first search (ms)", "offline calls"]
    if all(row[-2] == units.ABSENT for row in rows):
        headers, rows = [*headers[:-2], headers[-1]], [[*row[:-2], row[-1]] for row in rows]
    legend = (
        "n: timed searches. Intervals: order statistics of all searches, as if they were independent, and so rather too "
        "narrow. Offline calls: questions per second, slowest and fastest."
    )
    if summary.timed_rounds > 1:
        legend += (
            " Every round of the clock weighs alike, and the interval of p50 is that of the rounds' medians (six rounds at "
            "least). p50 / fastest (above): against the fastest system above chance, the geometric mean over rounds of the "
            "ratio of medians, with Student's interval."
        )
    return folded("Every percentile with its 95% interval", device_table(headers, rows), legend)


def unsettled(found: Speed) -> bool:
    """Whether the times of a search were still changing when the clock started."""
    return bool(found.rounds) and not found.stable


def _cells(summary: Summary, system: System, device: str, reference: System | None) -> Sequence[str]:
    found = speed(system, device)
    failure = system.latency_failure(device)
    if found is None:
        there = next(job.status for job in system.outcomes if job.device == device)
        return [there, *[units.ABSENT] * (len(SHOWN) + 1)]
    if not found.rounds and failure:
        return [escape(told("failed", failure)), *[units.ABSENT] * (len(SHOWN) + 1)]
    cells = [units.milliseconds(found.single[level]) for level in SHOWN]
    cells[0] += ("†" if other_load(summary, system, device) else "") + (UNSETTLED if unsettled(found) else "")
    rate = units.ABSENT if found.rate is None else units.number(found.rate)
    return [
        *cells,
        _ratio(summary, system, device, reference),
        rate + ("‡" if cut_call(summary, system, device) else ""),
    ]


def _ratio(summary: Summary, system: System, device: str, reference: System | None) -> str:
    """``2.5 [2.4, 2.6]``; without its interval where the systems did not take turns."""
    found = speed(system, device)
    if reference is None or found is None or not found.p50 or not summary.beats_chance(system):
        return units.ABSENT
    if system is reference:
        return units.factor(1.0)
    ratio, low, high = slowdown(system, reference, device)
    return units.factor(ratio) if isnan(low) else f"{units.factor(ratio)} [{units.factor(low)}, {units.factor(high)}]"


def _bounded(found: Speed, level: int) -> str:
    value = found.single[level]
    interval = median_interval(found.rounds) if level == MEDIAN else tail_interval(found.rounds, level)
    if value is None or interval is None:
        return units.milliseconds(value)
    return f"{units.milliseconds(value)} [{', '.join(map(units.milliseconds, interval))}]"
