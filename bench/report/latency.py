"""How long a search takes: one question at a time and all of them in one call, device by device."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

from bench.report import units
from bench.report.answer import told
from bench.report.markdown import bullets, code, escape, folded, paragraphs, table
from bench.report.speed import LEVELS, fastest, speed
from bench.report.summary import Summary, System


def latency(summary: Summary) -> str:
    """Both tables, their notes and the stages in a fold; empty where nothing was timed."""
    speeds = [speed(system, device) for system in summary.results for device in summary.devices]
    failed = any(system.latency_failure() for system in summary.results)
    if not failed and not any(found and (found.samples or found.rates) for found in speeds):
        return ""
    jobs = [job for system in summary.results for job in system.outcomes if job.timings.single_seconds]
    seeds = len({job.seed for job in jobs})
    hits = sorted({job.timings.latency_k for job in jobs})
    threads = summary.record.environment.get("threads")
    load = "Warm searches, text in to ids out"
    load += f", {' or '.join(map(str, hits))} hits asked for" if hits else ""
    load += f", {escape(threads)} thread{'' if threads == '1' else 's'}" if threads else ""
    return paragraphs(
        "## Latency",
        f"{load}{'; samples of all seeds together' if seeds > 1 else ''}.",
        "**One question at a time**, milliseconds; ratio of p50 to the fastest system above chance.",
        _single(summary),
        "**All questions in one call**, questions per second: median (slowest to fastest call).",
        _batch(summary),
        bullets(_notes(summary)),
        _stages(summary),
    )


def _single(summary: Summary) -> str:
    headers = ["system"]
    for device in summary.devices:
        headers += [f"{escape(device)} p{level}" for level in LEVELS] + ["ratio"]
    rows = [
        [code(s.label), *(c for d in summary.devices for c in _percentiles(summary, s, d))] for s in summary.results
    ]
    return table(headers, rows)


def _percentiles(summary: Summary, system: System, device: str) -> Sequence[str]:
    found = speed(system, device)
    if found is None:
        return [_missing(system, device), *[units.ABSENT] * len(LEVELS)]
    if not found.samples and (failure := system.latency_failure(device)):
        return [escape(told("failed", failure)), *[units.ABSENT] * len(LEVELS)]
    best = fastest(summary, device)
    compared = best and found.p50 and summary.beats_chance(system)
    ratio = units.factor((found.p50 or 0.0) / (best or 1.0)) if compared else units.ABSENT
    cells = [units.milliseconds(seconds) for seconds in found.single]
    cells[0] += "†" if _other_load(summary, system, device) else ""
    return [*cells, ratio]


def _batch(summary: Summary) -> str:
    headers = ["system", *(f"{escape(device)} questions/s" for device in summary.devices)]
    rows = [[code(s.label), *(_rate(summary, s, d) for d in summary.devices)] for s in summary.results]
    return table(headers, rows)


def _rate(summary: Summary, system: System, device: str) -> str:
    found = speed(system, device)
    if found is None:
        return _missing(system, device)
    if found.rate is None:
        return "failed" if system.latency_failure(device) else units.ABSENT
    mark = "‡" if _cut_call(summary, system, device) else ""
    return f"{units.number(found.rate)} ({units.number(min(found.rates))} to {units.number(max(found.rates))}){mark}"


def _cut_call(summary: Summary, system: System, device: str) -> int:
    """Questions in a timed call where these are not all of them, 0 where they are; of several seeds the fewest."""
    calls = [job.timings.batch_queries for job in system.finished(device) if job.timings.batch_seconds]
    fewest = min(calls, default=0)
    return fewest if fewest < len(summary.record.query_ids) else 0


def _missing(system: System, device: str) -> str:
    """Why a system has no latency on a device: it failed there, or it runs on another one only."""
    there = [outcome.status for outcome in system.outcomes if outcome.device == device]
    return there[0] if there else f"{escape(system.device)} only"


def _other_load(summary: Summary, system: System, device: str) -> bool:
    """Whether a latency was measured on another machine or under another load than most of its column."""
    hashes = [job.fingerprints.get("latency", "") for s in summary.results for job in s.finished(device)]
    usual = max(sorted(set(hashes)), key=hashes.count)
    return any(job.fingerprints.get("latency", "") != usual for job in system.finished(device))


def _notes(summary: Summary) -> list[str]:
    speeds = {(s, d): found for s in summary.results for d in summary.devices if (found := speed(s, d))}
    notes = []
    few = [found.samples for found in speeds.values() if found.samples and None in found.single]
    if few:
        notes.append(f"`-`: too few samples for that percentile (the smallest number is {units.count(min(few))}).")
    strangers = [code(system.label) for system, device in speeds if _other_load(summary, system, device)]
    if strangers:
        notes.append(
            f"† {', '.join(dict.fromkeys(strangers))}: another latency fingerprint (machine, threads or load differ) than "
            "the rest of the column; do not compare."
        )
    cut = [
        f"{code(system.label)} {units.count(asked)} on {escape(device)}"
        for system, device in speeds
        if (asked := _cut_call(summary, system, device))
    ]
    if cut:
        every = units.count(len(summary.record.query_ids))
        notes.append(f"‡ calls of fewer than all {every} questions, to end in time: {', '.join(cut)}.")
    return notes + [
        f"{code(system.label)} on {escape(device)} {escape(told('failed', failure))}; its latencies are of the searches before."
        for (system, device), found in speeds.items()
        if found.samples and (failure := system.latency_failure(device))
    ]


def _stages(summary: Summary) -> str:
    """Share of each stage in the timed single searches, for systems that report stages."""
    rows = []
    for system, device in product(summary.results, summary.devices):
        jobs = [job.timings for job in system.finished(device) if job.timings.stages and job.timings.single_seconds]
        seconds = sum((Counter(timings.stages) for timings in jobs), Counter[str]())
        if total := sum(seconds.values()):
            searches = sum(len(timings.single_seconds) for timings in jobs)
            shares = [f"{escape(name)} {spent / total:.0%}" for name, spent in seconds.items()]
            rows.append([code(system.label), escape(device), units.milliseconds(total / searches), ", ".join(shares)])
    if not rows:
        return ""
    headers = ["system", "device", "mean ms in stages", "share of each stage"]
    return folded("Where the time of a search goes", table(headers, rows, left=2, right=1))
