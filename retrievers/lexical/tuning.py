"""Choosing k1 and b on development questions."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from retrievers.lexical.counts import TermCounts
from retrievers.lexical.formulas import Variant, weights
from retrievers.lexical.impacts import Impacts

K1 = (0.5, 0.9, 1.2, 1.5, 2.0, 3.0)
B = (0.0, 0.25, 0.4, 0.6, 0.75, 0.9, 1.0)
"""From the saturated and barely normalised setting that short web questions like to the one that long code likes."""

DEPTH = 10


def tune(
    counts: TermCounts,
    variant: Variant,
    delta: float,
    bags: Sequence[Mapping[int, float]],
    relevant: Sequence[AbstractSet[int]],
    *,
    threads: int = 1,
) -> tuple[float, float, float]:
    """The ``k1`` and ``b`` of the grid with the highest RR@10 on the questions, and that RR@10.

    bags: the questions. relevant: for each the positions of its relevant documents. Of equal values the first is taken.
    """

    def quality(k1: float, b: float) -> float:
        impacts = Impacts(counts.starts, counts.docs, weights(counts, variant, k1, b, delta), len(counts.lengths))
        rows = impacts.search(bags, DEPTH, threads).positions.tolist()
        return sum(map(_reciprocal_rank, rows, relevant)) / len(bags)

    best, k1, b = max(((quality(k1, b), k1, b) for k1, b in product(K1, B)), key=lambda choice: choice[0])
    return k1, b, best


def _reciprocal_rank(ranking: Sequence[int], relevant: AbstractSet[int]) -> float:
    return next((1 / rank for rank, position in enumerate(ranking, start=1) if position in relevant), 0.0)
