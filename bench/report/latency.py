"""How long a search takes: one question at a time, all of them in one call, and while they arrive at random."""

from itertools import product

from bench.report import units
from bench.report.disturbance import warning
from bench.report.markdown import bullets, code, device_table, escape, folded, listing, paragraphs
from bench.report.server import server_notes, trials_fold
from bench.report.single import SHOWN, UNSETTLED, cut_call, other_load, percentile_fold, single, timed, unsettled
from bench.report.speed import timed_job
from bench.report.status import told
from bench.report.summary import Summary

WORTH = 0.005
"""Share of a stage; a smaller one prints as 0%."""


def latency(summary: Summary) -> str:
    """The tables, their notes, and in folds what they are made of; empty where nothing was timed."""
    failed = any(system.latency_failure() for system in summary.results)
    if not failed and not any(found.rounds or found.rates for _, _, found in timed(summary)):
        return ""
    return paragraphs(
        "## Latency",
        f"{_loads(summary)} {_method(summary)}",
        warning(summary),
        single(summary),
        bullets(_notes(summary)),
        percentile_fold(summary),
        trials_fold(summary),
        _stages(summary),
    )


def _method(summary: Summary) -> str:
    """What was timed and how, in two sentences."""
    found = [timed_job(system, device) for device, system in product(summary.devices, summary.results)]
    jobs = [job for job in found if job and job.timings.single_seconds]
    threads = summary.record.environment.get("threads")
    hits = sorted({job.timings.latency_k for job in jobs})
    devices = sorted({job.device for job in jobs})
    load = [f"Warm searches{f' on {escape(devices[0])}' if len(devices) == 1 else ''}, text in to ids out"]
    load += [f"{' or '.join(map(str, hits))} hits asked for"] if hits else []
    load += [f"{escape(threads)} thread{'' if threads == '1' else 's'}"] if threads else []
    load += [f"latency: seed {jobs[0].seed}"] if jobs and len(summary.record.seeds) > 1 else []
    sentences = [f"{', '.join(load)}."]
    if summary.timed_rounds > 1:
        order = ", in random order (run.json)" if summary.record.rounds else ""
        sentences.append(f"All systems took turns in {summary.timed_rounds} rounds{order}.")
    overheads = [seconds for job in jobs if (seconds := job.timings.overhead_seconds) is not None]
    if overheads:
        sentences.append(
            f"The harness itself takes {units.number(max(overheads) * 1e6, 2)} µs of each (a search that does nothing, "
            "timed in the same way)."
        )
    return " ".join(sentences)


def _loads(summary: Summary) -> str:
    text = "p50 to p99: one question at a time (single stream); offline: all questions in one call"
    if summary.record.slo is None:
        return f"{text}."
    return (
        f"{text}; server: the highest rate of random (Poisson) arrivals with p99, waiting included, of at most "
        f"{units.duration(summary.record.slo)} (`>=`: no higher one was tried, `<`: none was kept)."
    )


def _notes(summary: Summary) -> list[str]:
    speeds = list(timed(summary))
    notes = []
    few = [found.n for _, _, found in speeds if found.rounds and any(found.single[level] is None for level in SHOWN)]
    if few:
        notes.append(
            f"`-` under a percentile: too few samples for it (the smallest number is {units.count(min(few))})."
        )
    strangers = [code(system.label) for system, device, _ in speeds if other_load(summary, system, device)]
    if strangers:
        notes.append(
            f"† {', '.join(dict.fromkeys(strangers))}: another latency fingerprint (machine, threads or load differ) than "
            "the rest of the device; do not compare."
        )
    cut = [
        f"{code(system.label)} {units.count(asked)} on {escape(device)}"
        for system, device, _ in speeds
        if (asked := cut_call(summary, system, device))
    ]
    if cut:
        every = units.count(len(summary.record.query_ids))
        notes.append(f"‡ calls of fewer than all {every} questions, to end in time: {', '.join(cut)}.")
    notes += [
        f"{code(system.label)} on {escape(device)} {escape(told('failed', failure))}; its latencies are of the searches before."
        for system, device, found in speeds
        if found.rounds and (failure := system.latency_failure(device))
    ]
    return [*notes, *_unsettled(summary), *server_notes(summary), *_read(summary)]


def _unsettled(summary: Summary) -> list[str]:
    jobs = [timed_job(system, device) for system, device, found in timed(summary) if unsettled(found)]
    if not jobs:
        return []
    searches = units.count(min(job.timings.warm_up for job in jobs if job))
    return [f"{UNSETTLED} still getting faster or slower when the clock started, after {searches} warm-up searches."]


def _read(summary: Summary) -> list[str]:
    names = [code(system.label) for system in summary.results if not system.live]
    return [f"From a file, without latency and cost: {listing(names)}."] if names else []


def _stages(summary: Summary) -> str:
    """Share of each stage in the timed single searches, for systems that report several of them."""
    rows = []
    for device, system in product(summary.devices, summary.results):
        job = timed_job(system, device)
        stages = job.timings.stages if job and job.timings.singles else {}
        total = sum(stages.values())
        shares = [f"{escape(name)} {spent / total:.0%}" for name, spent in stages.items() if spent >= WORTH * total > 0]
        if job and len(shares) > 1:
            mean = units.milliseconds(total / len(job.timings.singles))
            rows.append([code(system.label), escape(device), mean, ", ".join(shares)])
    if not rows:
        return ""
    headers = ["system", "device", "mean ms in stages", "share of each stage"]
    return folded("Where the time of a search goes", device_table(headers, rows, right=1))
