"""The main table: one row per system, best first, with chance beside it."""

from collections.abc import Sequence

from bench.measure.quality import parse_measure
from bench.report import units
from bench.report.audit import audit_sentences
from bench.report.markdown import bullets, code, escape, listing, paragraphs, table
from bench.report.precision import precision, ties
from bench.report.status import told, why
from bench.report.summary import Summary
from bench.report.system import System


def quality(summary: Summary) -> str:
    """Pool and n, the table, what it leaves unsaid, and the intervals of every measure in a fold."""
    record = summary.record
    if not summary.systems:
        return ""
    asked = units.count(len(record.query_ids))
    documents = units.count(record.counts["pool"])
    limit = f", cut by {code('--limit')}: {escape(record.facts['limit'])}" if summary.limited else ""
    tiers = "; tier 2: tied with the best of the rest, and so on" if _tiered(summary) else ""
    intro = (
        f"{asked} held-out questions; pool: {documents} documents ({code(record.pool)}{limit}). Sorted by {summary.main} "
        "with its 95% interval over questions; *tied*, *worse*: than the best, by a paired randomisation test, "
        f"Holm-corrected{tiers}."
    )
    return paragraphs("## Quality", intro, _table(summary), bullets(_notes(summary)), precision(summary))


def verdict(summary: Summary, system: System) -> str:
    """``best``, ``tied with best (p = .43)``, ``worse (p < .001)``, or why there is no result; plain text."""
    if not system.measured:
        return why(system)
    if not system.comparable:
        return "not comparable"
    if system is summary.best:
        return "best" if len(summary.ranked) > 1 else "alone"
    found = summary.comparisons[system.label]
    return f"{'tied with best' if found.tied else 'worse'} ({units.p_value(found.p)})"


def main_cell(summary: Summary, system: System) -> str:
    """The main measure with its interval, ``.887 [.869, .903]``."""
    return f"{units.measure(system.mean(summary.main))} {units.interval(*summary.intervals[system.label])}"


def _table(summary: Summary) -> str:
    spreads = any(len(system.measured) > 1 for system in summary.results)
    tiered = _tiered(summary)
    extra = (["sd (seeds)"] if spreads else []) + (["tier"] if tiered else [])
    headers = ["system", *summary.shown, *extra, "verdict"]
    rows = [[code(s.label), *_values(summary, s, spreads), escape(verdict(summary, s))] for s in summary.systems]
    if tiered:
        for row, system in zip(rows, summary.systems, strict=True):
            row.insert(-1, str(summary.tiers.get(system.label, units.ABSENT)))
    chance = [units.chance(summary.chance[measure]) for measure in summary.shown]
    line = ["chance (closed form)", *chance, *[""] * len(extra), ""]
    rows.insert(_place(summary), line)
    return table(headers, rows, right=1)


def _tiered(summary: Summary) -> bool:
    return len(summary.ranked) > 1


def _place(summary: Summary) -> int:
    """Row of the closed form: above the measured random system, else where its value belongs."""
    for row, system in enumerate(summary.ranked):
        if system.baseline or system.mean(summary.main) < summary.chance[summary.main]:
            return row
    return len(summary.results)


def _values(summary: Summary, system: System, spreads: bool) -> Sequence[str]:
    measures = summary.shown
    if not system.measured:
        return [units.ABSENT] * (len(measures) + spreads)
    cells = [
        main_cell(summary, system) if measure == summary.main else units.measure(system.mean(measure))
        for measure in measures
    ]
    spread = system.spread(summary.main)
    shown = units.ABSENT if spread is None else f"{units.measure(spread)} ({len(system.measured)})"
    return [*cells, *([shown] if spreads else [])]


def _notes(summary: Summary) -> list[str]:
    """What a reader of the table could take wrongly."""
    notes = []
    if any(len(system.measured) > 1 for system in summary.results):
        notes.append(
            f"Several seeds: means over them; the interval is over questions, sd is that of {summary.main} over the seeds (n)."
        )
    record = summary.record
    if any(parse_measure(name).cutoff is None for name in summary.shown):
        notes.append(f"{units.count(record.depth)} hits kept: a measure without a cutoff sees no more.")
    if left_out := [name for name in record.measures if name not in summary.shown]:
        documents = units.count(record.counts["pool"])
        notes.append(f"Left out, since the pool has no more than {documents} documents: {', '.join(left_out)}.")
    notes += ties(summary, summary.main)
    strangers = [code(system.label) for system in summary.results if not system.comparable]
    if strangers:
        notes.append(
            f"**Not comparable:** {listing(strangers)} carry another quality fingerprint (questions, pool, judgements or "
            "definitions of measures differ) than the rest of the column."
        )
    unanswered = {s: max(outcome.unanswered for outcome in s.measured) for s in summary.results}
    silent = [f"{code(system.label)} {units.count(n)}" for system, n in unanswered.items() if n]
    if silent:
        notes.append(f"Questions without a single hit, counted as 0: {listing(silent)}.")
    return [*notes, *audit_sentences(summary), *_elsewhere(summary), *_failed(summary)]


def _elsewhere(summary: Summary) -> list[str]:
    """Where another device gave another quality, and that the table's numbers come from the first."""
    main = summary.main
    notes = []
    for system in summary.results:
        for device in summary.devices:
            jobs = system.finished(device)
            means = [sum(job.scores[main]) / len(job.scores[main]) for job in jobs]
            if (
                jobs
                and device != system.device
                and sorted(means) != sorted(sum(job.scores[main]) / len(job.scores[main]) for job in system.measured)
            ):
                notes.append(
                    f"{code(system.label)} was measured on {escape(system.device)}; on {escape(device)} its {main} is "
                    f"{units.measure(sum(means) / len(means))}."
                )
    return notes


def _failed(summary: Summary) -> list[str]:
    """Jobs that did not finish although their system has a result."""
    return [
        f"{code(system.label)}, seed {job.seed} on {escape(job.device)}: {escape(told(job.status, job.failure))}"
        for system in summary.results
        for job in system.failures
    ]
