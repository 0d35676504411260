"""What a system costs besides a search: training, indexing, memory."""

from collections.abc import Callable, Iterable
from statistics import median

from bench.outcome import Outcome
from bench.report import units
from bench.report.markdown import bullets, code, escape, paragraphs, table
from bench.report.summary import Summary, System

HEADERS = (
    "system",
    "device",
    "fit (s)",
    "index (s)",
    "documents/s",
    "index (MB)",
    "parameters",
    "fit peak (MB)",
    "serving peak (MB)",
    "fit GPU peak (MB)",
    "serving GPU peak (MB)",
)


MEASURABLE = 0.001
"""Seconds; no rate is told of an index that took less."""


def cost(summary: Summary) -> str:
    """One row per system and device: medians over the seeds, the largest peak."""
    rows = [
        _row(summary, system, jobs)
        for system in summary.results
        for device in summary.devices
        if (jobs := system.finished(device))
    ]
    if not rows:
        return ""
    empty = {at for at in range(len(HEADERS)) if all(row[at] == units.ABSENT for row in rows)}
    shown = [at for at in range(len(HEADERS)) if at not in empty]
    cells = [[row[at] for at in shown] for row in rows]
    return paragraphs("## Cost", table([HEADERS[at] for at in shown], cells, left=2), bullets(_notes(summary)))


def _row(summary: Summary, system: System, jobs: tuple[Outcome, ...]) -> list[str]:
    index = median(job.timings.index_seconds for job in jobs)
    pool = summary.record.counts["pool"]
    return [
        code(system.label),
        escape(jobs[0].device),
        _fit(jobs),
        units.seconds(index),
        units.number(pool / index) if index >= MEASURABLE else units.ABSENT,
        units.megabytes(_largest(jobs, lambda job: job.sizes.index_bytes)),
        units.count(_largest(jobs, lambda job: job.sizes.parameters)),
        units.megabytes(_largest(jobs, lambda job: job.sizes.fit_peak_bytes)),
        units.megabytes(_largest(jobs, lambda job: job.sizes.peak_bytes)),
        units.megabytes(_largest(jobs, lambda job: job.sizes.fit_cuda_peak_bytes)),
        units.megabytes(_largest(jobs, lambda job: job.sizes.cuda_peak_bytes)),
    ]


def _fit(jobs: tuple[Outcome, ...]) -> str:
    """``45.0``, or ``45.0 (cached, on cpu)`` where it was learned before, and elsewhere than the row tells."""
    seconds = units.seconds(median(job.timings.fit_seconds for job in jobs))
    elsewhere = sorted({job.timings.fit_device for job in jobs} - {"", jobs[0].device})
    marks = ["cached"] if any(job.timings.fit_cached for job in jobs) else []
    marks += [f"on {escape(device)}" for device in elsewhere]
    return f"{seconds} ({', '.join(marks)})" if marks else seconds


def _largest(jobs: Iterable[Outcome], size: Callable[[Outcome], int | None]) -> int | None:
    return max((value for job in jobs if (value := size(job)) is not None), default=None)


def _notes(summary: Summary) -> list[str]:
    jobs = [job for system in summary.results for job in system.outcomes if job.status == "ok"]
    notes = [
        (
            "fit peak, serving peak: the largest resident memory of the system's process until its fit ended, and while "
            "it indexed and searched; both hold the collection and the libraries."
        )
    ]
    if any(job.sizes.fit_cuda_peak_bytes or job.sizes.cuda_peak_bytes for job in jobs):
        notes.append("GPU peak: the largest memory allocated on the CUDA device, in the same two phases.")
    if any(job.timings.fit_cached for job in jobs):
        notes.append(
            "cached: a stored fit was taken over; its seconds and its peak are those of the training when it was done."
        )
    if any(job.timings.fit_device not in ("", job.device) for job in jobs):
        notes.append("on cpu, on cuda: learned there, not on the device of the row.")
    if any(len(system.measured) > 1 for system in summary.results):
        notes.append("Several seeds: median seconds of one seed; largest sizes.")
    return notes
