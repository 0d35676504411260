"""A comparison of stored runs as text for a terminal or a pull request."""

from collections.abc import Sequence
from itertools import chain
from math import isnan

from tabulate import tabulate

from bench.report import units
from bench.report.comparison import Change, Comparison, Latency
from bench.report.disturbance import disturbance
from bench.report.markdown import clean

DRIFT = 1.1
"""Between two runs of the same thing on one machine medians drift by up to about this factor; less is no difference."""
ALPHA = 0.05

MARK = "!"
"""Beside numbers that measure different things and are shown all the same."""


def changes(comparisons: Sequence[Comparison]) -> str:
    """All comparisons, each with its two tables and what else differs."""
    return "\n\n".join(_one(one) for one in comparisons)


def verdict(change: Change) -> str:
    """``better``, ``worse`` or ``no difference``; empty where the two measure different things."""
    if change.test is None or change.mismatched("quality"):
        return ""
    if change.p > ALPHA:
        return "no difference"
    return "better" if change.test.difference > 0 else "worse"


def speed_verdict(found: Latency) -> str:
    """``slower`` or ``faster`` where the whole interval lies beyond the drift between two runs, else ``no difference``."""
    if isnan(found.ratio.low):
        return "too few rounds"
    if found.ratio.low > DRIFT:
        return "slower"
    return "faster" if found.ratio.high < 1 / DRIFT else "no difference"


def _one(one: Comparison) -> str:
    records = one.before.summary.record, one.after.summary.record
    heads = [
        f"{letter}: {clean(side.name)}, {clean(record.dataset)}, {record.created}"
        for letter, side, record in zip("AB", (one.before, one.after), records, strict=True)
    ]
    blocks = ["\n".join(heads), _quality(one), _latency(one), "\n".join(_notes(one))]
    return "\n\n".join(block for block in blocks if block)


def _quality(one: Comparison) -> str:
    headers = ["system", "A", "B", "B - A [95%]", "p (Holm)", "verdict"]
    rows = []
    for change in one.changes:
        mark = MARK if change.mismatched("quality") else ""
        before, after = (units.measure(system.mean(one.measure)) for system in (change.before, change.after))
        rows.append([clean(change.label), before, after + mark, *_difference(change), verdict(change)])
    asked = units.count(len(one.before.summary.record.query_ids))
    return f"{one.measure} over {asked} questions\n{_table(headers, rows)}"


def _difference(change: Change) -> tuple[str, str]:
    if change.test is None:
        return "other questions", ""
    test = change.test
    interval = f"[{units.difference(test.low)}, {units.difference(test.high)}]"
    return f"{units.difference(test.difference)} {interval}", units.p_value(change.p)


def _latency(one: Comparison) -> str:
    headers = ["system", "device", "A ms", "B ms", "B / A [95%]", "verdict"]
    rows = [
        [
            clean(change.label),
            found.device,
            units.milliseconds(found.before),
            units.milliseconds(found.after) + (MARK if change.mismatched("latency") else ""),
            f"{found.ratio.ratio:.2f} [{found.ratio.low:.2f}, {found.ratio.high:.2f}]",
            "" if change.mismatched("latency") else speed_verdict(found),
        ]
        for change in one.changes
        for found in change.latencies
    ]
    return f"One question at a time, p50\n{_table(headers, rows)}" if rows else ""


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = ["right" if name in ("A", "B", "A ms", "B ms") else "left" for name in headers]
    return tabulate(rows, headers, tablefmt="simple", colalign=align, disable_numparse=True)


def _notes(one: Comparison) -> list[str]:
    lines = []
    shown = any(change.latencies for change in one.changes if change.mismatched("latency"))
    for mismatch in dict.fromkeys(chain(*(change.mismatches for change in one.changes))):
        left_out = mismatch.kind == "latency" and not shown
        what = "not compared" if left_out else f"marked {MARK}, these numbers measure different things"
        lines.append(f"{mismatch.kind} differs in {clean(str(mismatch))}: {what}")
    for letter, side in zip("AB", (one.before, one.after), strict=True):
        if used := disturbance(side.summary):
            lines.append(f"{letter} was timed on a busy machine: others used {units.number(used, 2)} cores (median)")
    asked = [side.summary.record.seeds for side in (one.before, one.after)]
    if asked[0] != asked[1]:
        seeds = [", ".join(map(str, numbers)) for numbers in asked]
        lines.append(f"seeds: {seeds[0]} in A, {seeds[1]} in B")
    if changed := [change.label for change in one.changes if change.new_source]:
        lines.append(f"other source code: {clean(', '.join(changed))}")
    lines += [f"only in {letter}: {clean(', '.join(names))}" for letter, names in _alone(one) if names]
    facts = [side.summary.record.environment for side in (one.before, one.after)]
    lines += [
        f"{name}: {clean(facts[0].get(name, '-'))} in A, {clean(facts[1].get(name, '-'))} in B"
        for name in dict.fromkeys([*facts[0], *facts[1]])
        if facts[0].get(name) != facts[1].get(name) and not name.startswith(("load average", "memory available"))
    ]
    return lines


def _alone(one: Comparison) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("A", one.missing), ("B", one.added)
