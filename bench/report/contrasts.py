"""Single questions on which two systems differ most, with what they answered."""

from collections.abc import Sequence

from bench.outcome import Contrast
from bench.report import units
from bench.report.markdown import code, folded, html, paragraphs
from bench.report.summary import Summary

TEXT = 160
"""Characters shown."""


def wins_and_losses(summary: Summary) -> str:
    """A fold for each direction; empty without contrasts."""
    found = summary.record.contrasts
    pairs = dict.fromkeys((contrast.first, contrast.second) for contrast in found)
    folds = []
    for first, second in pairs:
        own = [contrast for contrast in found if (contrast.first, contrast.second) == (first, second)]
        won = [contrast for contrast in own if _better(contrast)]
        lost = [contrast for contrast in own if not _better(contrast)]
        folds += [_fold(first, second, won, summary.record.depth), _fold(second, first, lost, summary.record.depth)]
    return paragraphs(*folds)


def _better(contrast: Contrast) -> bool:
    """Whether the first system has its first right answer above the second's."""
    first, second = contrast.ranks
    return first > 0 and (second == 0 or first < second)


def _fold(winner: str, loser: str, contrasts: Sequence[Contrast], depth: int) -> str:
    if not contrasts:
        return ""
    title = f"Questions that <code>{html(winner)}</code> answers far better than <code>{html(loser)}</code>"
    return folded(title, "\n".join(_question(contrast, depth) for contrast in contrasts))


def _question(contrast: Contrast, depth: int) -> str:
    """The question as a list item; below it a right answer, and what each system puts first and where it is right."""
    lines = [f"- {code(contrast.question, TEXT)}", f"  - a right answer: {code(contrast.right, TEXT)}"]
    for spec, rank, top in zip((contrast.first, contrast.second), contrast.ranks, contrast.tops, strict=True):
        where = f"right at rank {units.count(rank)}" if rank else f"not among the first {units.count(depth)}"
        answer = f"; first: {code(top, TEXT)}" if top and rank != 1 else "" if rank else "; no answer"
        lines.append(f"  - {code(spec)}: {where}{answer}")
    return "\n".join(lines)
