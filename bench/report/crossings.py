"""Where systems that learn from pairs stand against those that do not, at every number of training pairs."""

from collections.abc import Sequence
from typing import NamedTuple

from bench.measure.statistics import holm, paired_difference
from bench.report import units
from bench.report.growth import Growth
from bench.report.markdown import code, listing
from bench.report.summary import ALPHA, Summary
from bench.report.system import System

COMPARED = 3
"""So many systems that do not learn from pairs are compared with, the best first."""


class Standing(NamedTuple):
    """Numbers of pairs at which a system is shown to be behind a reference, shown to be ahead of it, or neither."""

    behind: tuple[int, ...]
    ahead: tuple[int, ...]
    level: tuple[int, ...]


def standings(summary: Summary, growing: Sequence[Growth], others: Sequence[System]) -> dict[str, dict[str, Standing]]:
    """By label of the learning system and of the reference; paired tests, Holm-corrected over all of them."""
    tests = [
        (growth, other, point.pairs, paired_difference(point.scores(summary.main), other.scores(summary.main), summary.groups))
        for growth in growing
        for other in others[:COMPARED]
        for point in growth.points
    ]  # fmt: skip
    corrected = holm([test.p for *_, test in tests])
    verdicts: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for (growth, other, pairs, test), p in zip(tests, corrected, strict=True):
        sign = 0 if p > ALPHA else 1 if test.difference > 0 else -1
        verdicts.setdefault((growth.system.label, other.label), []).append((pairs, sign))
    found: dict[str, dict[str, Standing]] = {}
    for (label, other_label), signs in verdicts.items():
        by_sign = (tuple(pairs for pairs, found_sign in signs if found_sign == sign) for sign in (-1, 1, 0))
        found.setdefault(label, {})[other_label] = Standing(*by_sign)
    return found


def told(standing: dict[str, Standing]) -> str:
    """One clause for each way to stand, those who share it together: ``overtakes `bm25` between 500 and 2,000 pairs``."""
    phrases: dict[str, list[str]] = {}
    for label, one in standing.items():
        phrases.setdefault(_phrase(one), []).append(code(label))
    return listing([phrase.format(listing(names)) for phrase, names in phrases.items()])


def _phrase(one: Standing) -> str:
    """With ``{}`` where the reference is named."""
    sizes = len(one.behind) + len(one.ahead) + len(one.level)
    for where, phrase in ((one.behind, "is behind {} at every"), (one.ahead, "is ahead of {} at every")):
        if len(where) == sizes:
            return f"{phrase} size"
    if len(one.level) == sizes:
        return "is not told apart from {} at any size"
    if one.behind and one.ahead:
        last, first = one.behind[-1], one.ahead[0]
        if last < first and all(last < pairs < first for pairs in one.level):
            return f"overtakes {{}} between {units.count(last)} and {units.count(first)} pairs"
    behind, ahead, level = (listing([units.count(pairs) for pairs in sizes]) for sizes in one)
    text = f"is behind {{}} at {behind} pairs" if behind else f"is ahead of {{}} at {ahead} pairs"
    if behind and ahead:
        text += f", ahead at {ahead}"
    return f"{text} (at {level} no difference is established)" if level else text
