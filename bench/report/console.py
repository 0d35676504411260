"""The main table for a terminal, after a run."""

from collections.abc import Sequence

from tabulate import tabulate

from bench.outcome import Outcome, RunRecord
from bench.report import units
from bench.report.answer import pool
from bench.report.markdown import clean
from bench.report.quality import main_cell, verdict
from bench.report.speed import speed
from bench.report.status import why
from bench.report.summary import Summary, summarise
from bench.report.system import System

COMPANIONS = ("Success@1", "RR@10", "nDCG@10")
"""Measures shown beside the main one; a terminal has no room for all, the report does."""


def overview(record: RunRecord, outcomes: Sequence[Outcome]) -> str:
    """A padded plain-text table, best first: measures, verdict, median latency by device. No trailing line break."""
    summary = summarise(record, outcomes)
    void = [f"VOID: {clean(name)} failed: {clean(line)}" for name, line in summary.failed_canaries.items()]
    measures = [name for name in summary.shown if name != summary.main and name in COMPANIONS]
    headers = ["system", summary.main, *measures, *(f"{device} p50 ms" for device in summary.devices), "verdict"]
    rows = [_row(summary, system, measures) for system in summary.systems]
    chance = [units.chance(summary.chance[measure]) for measure in (summary.main, *measures)]
    rows.append(["chance", *chance, *[""] * len(summary.devices), ""])
    align = ["left", *["right"] * (len(headers) - 2), "left"]
    table = tabulate(rows, headers, tablefmt="simple", colalign=align, disable_numparse=True)
    n = units.count(len(record.query_ids))
    cut = "; interrupted" if summary.interrupted else ""
    return "\n".join([*void, f"{clean(record.dataset)}: {n} questions, pool of {pool(summary)}{cut}", "", table])


def _row(summary: Summary, system: System, measures: Sequence[str]) -> list[str]:
    if not system.measured:
        return [clean(system.label), *[units.ABSENT] * (1 + len(measures) + len(summary.devices)), why(system)]
    return [
        clean(system.label),
        main_cell(summary, system),
        *(units.measure(system.mean(measure)) for measure in measures),
        *(_median(system, device) for device in summary.devices),
        verdict(summary, system),
    ]


def _median(system: System, device: str) -> str:
    if not system.live:
        return "file"
    found = speed(system, device)
    if found and found.p50 is None and system.latency_failure(device):
        return "failed"
    return units.milliseconds(found.p50 if found else None)
