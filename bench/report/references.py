"""Figures published for the collection, beside what this run measured for the systems that ought to reach them."""

from bench.outcome import Published
from bench.report import units
from bench.report.markdown import bullets, code, escape, folded, paragraphs, table
from bench.report.summary import Summary
from bench.report.system import System


def references(summary: Summary) -> str:
    """A warning for each figure that was missed, then all of them in a fold; empty where the card tells none."""
    known = summary.record.references
    if not known:
        return ""
    found = [(one, _measured(summary, one)) for one in known]
    missed = [
        f"{code(one.spec)} has {one.measure} {units.measure(value)}; published for {escape(one.system)}: "
        f"{units.measure(one.value)} ± {units.measure(one.tolerance)} ({escape(one.origin)})."
        for one, value in found
        if value is not None and not _within(one, value)
    ]
    rows = [[escape(one.system), one.measure, units.measure(one.value), *_cells(one, value)] for one, value in found]
    headers = ["published for", "measure", "published", "here", "system", "origin"]
    return paragraphs(
        "**A published figure was not reproduced:**" if missed else "",
        bullets(missed),
        folded("Published figures for this collection", table(headers, rows, right=2)),
    )


def _measured(summary: Summary, one: Published) -> float | None:
    """None where the run did not measure it: another system or measure, or data cut by ``--limit`` or ``--train-pairs``."""
    system = next((system for system in summary.results if system.spec == one.spec), None)
    if system is None or summary.limited or summary.record.main_size is not None or not _has(system, one.measure):
        return None
    return system.mean(one.measure)


def _has(system: System, measure: str) -> bool:
    return all(measure in outcome.scores for outcome in system.measured)


def _within(one: Published, value: float) -> bool:
    return abs(value - one.value) <= one.tolerance


def _cells(one: Published, value: float | None) -> list[str]:
    mark = "" if value is None else " ✓" if _within(one, value) else " ✗"
    here = units.ABSENT if value is None else units.measure(value)
    return [f"{here}{mark}", code(one.spec) if one.spec else units.ABSENT, escape(one.origin)]
