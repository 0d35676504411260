"""Where one system beats another: the main measure on slices of the questions, lexical against neural if both are there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.measure.resampling import ROUNDING
from bench.measure.slices import CODE, OVERLAP, QUESTION_LENGTH, SOLUTION_LENGTH, UNSEEN, terciles
from bench.measure.statistics import Difference, holm, paired_difference
from bench.report import units
from bench.report.contrasts import wins_and_losses
from bench.report.markdown import code, escape, folded, paragraphs, table
from bench.report.summary import ALPHA, Summary
from bench.report.system import FAMILIES, System

NAMED = 2
"""So many slices of each direction are named in the sentence."""
DRAWN = 10_000
"""Sign patterns that a test draws where it cannot take all of them: no p below 1 / (1 + DRAWN)."""

_PHRASES = {
    QUESTION_LENGTH: {"low": "few words", "middle": "a middling number of words", "high": "many words"},
    SOLUTION_LENGTH: {"low": "short solutions", "middle": "solutions of middling length", "high": "long solutions"},
    CODE: {size: f"a {size} share of code" for size in ("low", "middle", "high")},
    UNSEEN: {size: f"a {size} share of unseen words" for size in ("low", "middle", "high")},
}
"""Feature and size as they follow "questions with"; others are named as they are."""
_UNITS = {SOLUTION_LENGTH: " words"}


class Part(NamedTuple):
    """A slice of the questions: both means, the second system minus the first, and p corrected over all slices.

    resolved: whether the drawn sign patterns could have given a smaller p.
    """

    feature: str
    label: str
    n: int
    means: tuple[float, float]
    test: Difference
    p: float
    resolved: bool

    @property
    def place(self) -> str:
        """``low lexical overlap (0 to .25): +.031``, to follow "questions with"."""
        size, _, span = self.label.partition(" ")
        name, unit = _PHRASES.get(self.feature, {}).get(size, f"{size} {self.feature}"), _UNITS.get(self.feature, "")
        bounds = span.removesuffix(")")
        return f"{escape(f'{name} {bounds}{unit})')}: {units.difference(self.test.difference)}"


def slices(summary: Summary) -> str:
    """The comparison slice by slice, and single questions in folds; empty where nothing was written down about questions."""
    pair = contenders(summary)
    parts = divided(summary, *pair) if pair else []
    questions = wins_and_losses(summary)
    if not pair or not (parts or questions):
        return ""
    first, second = pair
    families = (first.family, second.family) == FAMILIES
    title = "neural beat lexical" if families else f"{code(second.label)} beat {code(first.label)}"
    overlap = [part for part in parts if part.feature == OVERLAP]
    others = [part for part in parts if part.feature != OVERLAP]
    return paragraphs(
        f"## Where does {title}?",
        f"{_chosen(pair)} {_sentence(pair, parts)}" if parts else _chosen(pair),
        _table(summary, pair, [*_overall(summary, pair), *overlap]) if parts else "",
        "Intervals are not corrected, p is." if parts else "",
        folded("The other kinds of questions", _table(summary, pair, others)) if others else "",
        questions,
    )


def _chosen(pair: tuple[System, System]) -> str:
    """Who is compared; the choice favours both, since it was made on the same questions."""
    first, second = pair
    if (first.family, second.family) == FAMILIES:
        return f"{code(first.label)} is the best lexical system on these questions, {code(second.label)} the best neural one."
    return f"{code(second.label)} is the best system on these questions, {code(first.label)} the second best."


def contenders(summary: Summary) -> tuple[System, System] | None:
    """Best lexical and best neural single system; else the second best and the best; None where there are no two."""
    best = [next((system for system in summary.ranked if system.family == family), None) for family in FAMILIES]
    if best[0] and best[1]:
        return best[0], best[1]
    ranked = [system for system in summary.ranked if not system.baseline]
    return (ranked[1], ranked[0]) if len(ranked) > 1 else None


def divided(summary: Summary, first: System, second: System) -> list[Part]:
    """Every feature's slices; a feature that all questions share tells nothing and is left out."""
    pieces = {feature: terciles(values) for feature, values in summary.record.features.items()}
    found = [
        _part(summary, feature, piece.label, piece.members, (first, second))
        for feature, own in pieces.items()
        if len(own) > 1
        for piece in own
    ]
    corrected = holm([part.p for part in found])
    return [part._replace(p=p) for part, p in zip(found, corrected, strict=True)]


def _overall(summary: Summary, pair: tuple[System, System]) -> list[Part]:
    everyone = np.ones(len(summary.record.query_ids), dtype=np.bool_)
    return [_part(summary, "all questions", "", everyone, pair)]


def _part(summary: Summary, feature: str, label: str, members: NDArray[np.bool_], pair: tuple[System, System]) -> Part:
    first, second = (system.scores(summary.main)[members] for system in pair)
    groups = (
        [group for group, inside in zip(summary.groups, members, strict=True) if inside] if summary.groups else None
    )
    test = paired_difference(second, first, groups)
    means = float(first.mean()), float(second.mean())
    resolved = test.p > (1 + ROUNDING) / (1 + DRAWN)
    return Part(feature, label, int(members.sum()), means, test, test.p, resolved)


def _table(summary: Summary, pair: tuple[System, System], parts: Sequence[Part]) -> str:
    headers = ["questions", "n", *(f"{code(s.label)} {summary.main}" for s in pair), "difference", "p (Holm)"]
    rows = [
        [
            f"{escape(part.feature)} {escape(part.label)}".strip(),
            units.count(part.n),
            *map(units.measure, part.means),
            bounded(part.test),
            units.p_value(part.p, most=not part.resolved) if part.label else "",
        ]
        for part in parts
    ]
    return table(headers, rows)


def bounded(test: Difference) -> str:
    """``+.031 [+.012, +.050]``."""
    return f"{units.difference(test.difference)} [{units.difference(test.low)}, {units.difference(test.high)}]"


def _sentence(pair: tuple[System, System], parts: Sequence[Part]) -> str:
    """On which slices the second system is ahead of the first or behind it, as far as the tests tell."""
    first, second = (code(system.label) for system in pair)
    ahead = [part for part in parts if part.p <= ALPHA and part.test.difference > 0]
    behind = [part for part in parts if part.p <= ALPHA and part.test.difference < 0]
    among = f"{len(parts)} slices of the questions"
    if not ahead and not behind:
        return f"On none of {among} a difference between {second} and {first} is established (Holm-corrected)."
    for direction, found in (("ahead of", ahead), ("behind", behind)):
        if len(found) == len(parts):
            largest, *_, least = sorted(found, key=_size)
            return (
                f"No slice differs from the overall picture: {second} is {direction} {first} on all {among} "
                f"(Holm-corrected), most on questions with {largest.place}, least on those with {least.place}."
            )
    told = [f"ahead of {first} on {len(ahead)} of {among}, {_most(ahead)}"] if ahead else []
    told += (
        [f"behind {'it' if ahead else first} on {len(behind)}{'' if ahead else f' of {among}'}, {_most(behind)}"]
        if behind
        else []
    )
    rest = len(parts) - len(ahead) - len(behind)
    undecided = f"; on {rest} no difference is established" if rest else ""
    return f"{second} is {', and '.join(told)}{undecided} (Holm-corrected)."


def _most(parts: Sequence[Part]) -> str:
    ordered = [part.place for part in sorted(parts, key=_size)[:NAMED]]
    return ("most " if parts[NAMED:] else "") + f"on questions with {', and on those with '.join(ordered)}"


def _size(part: Part) -> float:
    """Sorts the largest difference first."""
    return -abs(part.test.difference)
