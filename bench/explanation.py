"""Why a document matched: a score and the numbers behind it, as plain values that any component can give.

The titles are the whole legend: each says exactly what its numbers are, and whether they add up to the score.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Terms(NamedTuple):
    """A number for each token, drawn as bars; ``tokens`` and ``weights`` are equally long."""

    title: str
    tokens: tuple[str, ...]
    weights: tuple[float, ...]


class Matrix(NamedTuple):
    """A number for each pair of tokens, float ``[len(rows), len(columns)]``, drawn as a heat map."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.floating]


class Table(NamedTuple):
    """Facts that are no figure; every row is as long as ``headers``."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Part = Terms | Matrix | Table


class Explanation(NamedTuple):
    """What ``explain`` returns.

    score: the score that ``search`` or ``score`` gives the pair; not a number where the document would be no hit.
    inner: of a system made of systems, each part's name and its own explanation.
    """

    score: float
    parts: tuple[Part, ...] = ()
    inner: tuple[tuple[str, "Explanation"], ...] = ()


def faults(explanation: Explanation) -> list[str]:
    """What is wrong with the form of an explanation and of those inside it; empty for a good one."""
    found = []
    for part in explanation.parts:
        if isinstance(part, Terms):
            good = len(part.tokens) == len(part.weights) and bool(np.isfinite(part.weights).all())
            asked = "one finite weight for each token"
        elif isinstance(part, Matrix):
            shape = (len(part.rows), len(part.columns))
            good = np.shape(part.values) == shape and bool(np.isfinite(part.values).all())
            asked = f"finite values of shape {shape}"
        else:
            good = all(len(row) == len(part.headers) for row in part.rows)
            asked = f"rows of {len(part.headers)} cells"
        if not good:
            found.append(f"{part.title}: {asked} expected")
    return [*found, *(fault for _, one in explanation.inner for fault in faults(one))]
