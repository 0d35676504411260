"""What a system costs besides a search: training, indexing, memory, and the price of many searches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from statistics import median

from bench.outcome import Outcome
from bench.report import units
from bench.report.markdown import bullets, code, device_table, escape, folded, paragraphs
from bench.report.speed import Speed, speed
from bench.report.summary import Summary
from bench.report.system import System

MEASURABLE = 0.001
"""Seconds; no rate is told of a phase that took less, and in less nothing is learned."""
PARTS_CACHED = "parts cached"
PRICE_DIGITS = 2
MILLION = 1e6
HOUR = 3600.0
_PHASES = ("open", "fit", "index", "search")
_SERVING = ("index", "search")

Jobs = tuple[Outcome, ...]


def cost(summary: Summary) -> str:
    """One row per device and system: medians over the seeds, the largest peak; the rest in a fold."""
    rows = {
        (system, device): jobs
        for device, system in product(summary.devices, summary.results)
        if system.live and (jobs := system.finished(device))
    }
    if not rows:
        return ""
    shown = {key: _main(key[0], jobs) for key, jobs in rows.items()}
    pool = summary.record.counts["pool"]
    more = {key: _details(pool, jobs) for key, jobs in rows.items()}
    hours = summary.record.prices
    prices = _table({(s, device): _prices(hours.get(device), speed(s, device)) for s, device in rows})
    return paragraphs(
        "## Cost",
        _table(shown),
        bullets(_notes(rows)),
        folded("Price of a million questions", prices, _price(summary)) if prices else "",
        folded("Every phase and size", *filter(None, [_table(more), bullets(_legend(summary))])),
    )


def _main(system: System, jobs: Jobs) -> dict[str, str]:
    return {
        "fit (s)": _fit(system, jobs),
        "index (s)": units.seconds(median(job.timings.index_seconds for job in jobs)),
        "index (MB)": units.megabytes(_largest(jobs, lambda job: job.sizes.index_bytes)),
        "serving peak (MB)": units.megabytes(_largest(jobs, lambda job: _peak(job.sizes.peaks))),
    }


def _prices(hour: float | None, found: Speed | None) -> dict[str, str]:
    """Price of a million questions from the price of an hour, for both ways of asking."""
    if hour is None or found is None:
        return {}
    offline = hour / HOUR * MILLION / found.rate if found.rate else None
    single = hour / HOUR * MILLION * found.mean if found.mean is not None else None
    return {
        "offline (your currency)": units.number(offline, PRICE_DIGITS),
        "one at a time (your currency)": units.number(single, PRICE_DIGITS),
    }


def _details(pool: int, jobs: Jobs) -> dict[str, str]:
    index = median(job.timings.index_seconds for job in jobs)
    learned = [job.timings.fit_pairs / job.timings.fit_seconds for job in jobs if _learned(job)]
    return {
        "pairs/s": units.number(median(learned)) if learned else units.ABSENT,
        "documents/s": units.number(pool / index) if index >= MEASURABLE else units.ABSENT,
        "index on disk (MB)": units.megabytes(_largest(jobs, lambda job: job.sizes.index_disk_bytes)),
        "parameters": units.count(_largest(jobs, lambda job: job.sizes.parameters)),
        **{f"{phase} peak (MB)": _phase([job.sizes.peaks for job in jobs], phase) for phase in _PHASES},
        **{f"{phase} GPU peak (MB)": _phase([job.sizes.cuda_peaks for job in jobs], phase) for phase in _PHASES},
    }


def _table(rows: Mapping[tuple[System, str], Mapping[str, str]]) -> str:
    """Without the columns in which nothing was measured; empty where there is none left."""
    names = dict.fromkeys(name for cells in rows.values() for name in cells)
    shown = [name for name in names if any(cells.get(name, units.ABSENT) != units.ABSENT for cells in rows.values())]
    cells: Sequence[Sequence[str]] = [
        [code(system.label), escape(device), *(found.get(name, units.ABSENT) for name in shown)]
        for (system, device), found in rows.items()
    ]
    return device_table(["system", "device", *shown], cells) if shown else ""


def _fit(system: System, jobs: Jobs) -> str:
    """``45.0``, or ``45.0 (cached, on cpu)`` where it was learned before, and elsewhere than the row tells; - for nothing."""
    seconds = median(job.timings.fit_seconds for job in jobs)
    if seconds < MEASURABLE:
        return units.ABSENT
    elsewhere = sorted({job.timings.fit_device for job in jobs} - {"", jobs[0].device})
    cached = any(job.timings.fit_cached for job in jobs)
    marks = [PARTS_CACHED if system.parted else "cached"] if cached else []
    marks += [f"on {escape(device)}" for device in elsewhere]
    return f"{units.seconds(seconds)} ({', '.join(marks)})" if marks else units.seconds(seconds)


def _notes(rows: Mapping[tuple[System, str], Jobs]) -> list[str]:
    """What a reader of the table could take wrongly."""
    taken = [system.parted for (system, _), jobs in rows.items() if any(job.timings.fit_cached for job in jobs)]
    if not any(taken):
        return []
    return [f"{PARTS_CACHED}: the seconds are those of all parts' training, of which this run took some over."]


def _learned(job: Outcome) -> bool:
    return job.timings.fit_pairs > 0 and job.timings.fit_seconds >= MEASURABLE


def _peak(peaks: Mapping[str, int]) -> int | None:
    return max((peaks[phase] for phase in _SERVING if phase in peaks), default=None)


def _phase(peaks: Iterable[Mapping[str, int]], phase: str) -> str:
    return units.megabytes(max((peak[phase] for peak in peaks if phase in peak), default=None))


def _largest(jobs: Iterable[Outcome], size: Callable[[Outcome], int | None]) -> int | None:
    return max((value for job in jobs if (value := size(job)) is not None), default=None)


def _price(summary: Summary) -> str:
    prices = summary.record.prices
    if not any(system.live and system.finished(device) for system in summary.results for device in prices):
        return ""
    told = [f"{price:g} on {escape(device)}" for device, price in prices.items()]
    return f"Of a machine that is never idle, at the given price of an hour ({', '.join(told)})."


def _legend(summary: Summary) -> list[str]:
    results = [system for system in summary.results if system.live]
    jobs = [job for system in results for job in system.outcomes if job.status == "ok"]
    notes = [
        (
            "peak: the largest resident memory of the system's process in a phase, collection and libraries included; "
            "serving: while it indexes and searches."
        )
    ]
    if any(job.sizes.cuda_peaks for job in jobs):
        notes.append("GPU peak: the largest allocation on the CUDA device.")
    if any(_learned(job) for job in jobs):
        notes.append(
            "pairs/s: question/solution pairs to learn from over the seconds of the fit, in however many epochs."
        )
    if any(job.timings.fit_cached for job in jobs):
        notes.append("cached: a stored fit was taken over; its seconds and its peak are those of its training.")
    if any(job.timings.fit_device not in ("", job.device) for job in jobs):
        notes.append("fit on cpu, on cuda: learned there, not on the device of the row.")
    if any(len(system.measured) > 1 for system in results):
        notes.append("Several seeds: median seconds of one seed, largest sizes.")
    return notes
