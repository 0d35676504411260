"""How sure every number of the main table is: intervals, spread over seeds, effect sizes, ties."""

from math import isnan

from bench.report import units
from bench.report.markdown import bullets, code, folded, table
from bench.report.summary import Summary
from bench.report.system import System

TIES_MATTER = 0.002
"""Bounds closer together than this change no decision."""


def precision(summary: Summary) -> str:
    """Every measure with its interval and spread, then every comparison with the best, in a fold; empty without results."""
    if not summary.results:
        return ""
    parts = [_intervals(summary)]
    if len(summary.ranked) > 1:
        parts += [
            (
                f"Against {code(summary.ranked[0].label)}, by {summary.main}. Effect: the mean difference in standard "
                "deviations of the paired differences, with its 95% interval. Detectable: the smallest difference that "
                "so many questions reveal with 80% power."
            ),
            _comparisons(summary),
        ]
    decided = [note for measure in summary.shown for note in ties(summary, measure)]
    return folded("Every measure with its 95% interval, every comparison with the best", *parts, *_list(decided))


def ties(summary: Summary, measure: str) -> list[str]:
    """For each system of which the measure depends on the order of equal scores, between which values it lies."""
    found = {system: system.bounds(measure) for system in summary.results}
    return [
        f"{code(system.label)}: ties decide: {measure} between {units.measure(bounds[0])} and {units.measure(bounds[1])} "
        "depending on how equal scores are ordered."
        for system, bounds in found.items()
        if bounds and bounds[1] - bounds[0] > TIES_MATTER
    ]


def _intervals(summary: Summary) -> str:
    measures = summary.shown
    rows = [[code(s.label), *(_cell(summary, s, measure) for measure in measures)] for s in summary.results]
    return table(["system", *measures], rows)


def _cell(summary: Summary, system: System, measure: str) -> str:
    """``.887 [.869, .903]``, and the standard deviation over the seeds where there are several."""
    spread = system.spread(measure)
    text = f"{units.measure(system.mean(measure))} {units.interval(*summary.interval(system, measure))}"
    return text if spread is None else f"{text} sd {units.measure(spread)}"


def _comparisons(summary: Summary) -> str:
    rows = []
    for system in summary.ranked[1:]:
        found = summary.comparisons[system.label]
        test = found.test
        difference = units.difference(test.difference)
        bounds = f"[{units.difference(test.low)}, {units.difference(test.high)}]"
        effect = units.ABSENT
        if not isnan(test.effect):
            effect = f"{test.effect:+.2f} [{test.effect_low:+.2f}, {test.effect_high:+.2f}]"
        cells = [f"{difference} {bounds}", units.p_value(found.p), effect, units.measure(test.detectable)]
        rows.append([code(system.label), *cells])
    return table(["system", "difference to the best", "p (Holm)", "effect", "detectable"], rows)


def _list(items: list[str]) -> list[str]:
    return [bullets(items)] if items else []
