"""What each part of a composition adds to the score of one document."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits
from bench.combining import z_scores
from bench.explanation import Explanation, Table, Terms

Floats = NDArray[np.float32]
Inner = tuple[tuple[str, Explanation], ...]

ABSENT = "-"


def fused(
    hits: Sequence[Hits], gains: Sequence[NDArray[np.float64]], position: int, how: str, inner: Inner
) -> Explanation:
    """The gains of a fusion: hits and gains ``[1, depth]`` of each part; ``how`` says what a gain is."""
    places = [_place(part.positions[0], position) for part in hits]
    shares = tuple(0.0 if place is None else float(gain[0, place]) for place, gain in zip(places, gains, strict=True))
    names = tuple(name for name, _ in inner)
    rows = [
        (name, ABSENT, ABSENT, ABSENT)
        if place is None
        else (name, f"{place + 1}", f"{part.scores[0, place]:.4g}", f"{share:.4g}")
        for name, place, part, share in zip(names, places, hits, shares, strict=True)
    ]
    table = Table(
        "where each part ranks the document, and what that gains", ("part", "rank", "score", "gain"), tuple(rows)
    )
    if all(place is None for place in places):
        return Explanation(np.nan, (table,), inner)
    title = f"what each part adds: {how}; the sum is the score"
    return Explanation(float(np.float32(sum(shares))), (Terms(title, names, shares), table), inner)


def blended(hits: Hits, scores: Floats, blend: float, position: int, inner: Inner) -> Explanation:
    """The two stages of a cascade: the re-ranked hits of the first one ``[1, depth]``, and the scorer's scores of them."""
    place = _place(hits.positions[0], position)
    names = tuple(name for name, _ in inner)
    headers = ("stage", "rank", "score", "standard score", "weight", "share")
    if place is None:
        outside = "not re-ranked: the first stage does not place the document among its first"
        rows = tuple((name, *[ABSENT] * (len(headers) - 1)) for name in names)
        return Explanation(np.nan, (Table(f"{outside} {hits.positions.shape[1]}", headers, rows),), inner)
    real = hits.positions >= 0
    both = (hits.scores, scores)
    standard = [float(z_scores(values, real)[0, place]) for values in both]
    weights = (blend, 1 - blend)
    shares = tuple(weight * z for weight, z in zip(weights, standard, strict=True))
    ranks = [1 + int((values[0, real[0]] > values[0, place]).sum()) for values in both]
    rows = tuple(
        (name, f"{rank}", f"{values[0, place]:.4g}", f"{z:.3f}", f"{weight:.2f}", f"{share:.3f}")
        for name, rank, values, z, weight, share in zip(names, ranks, both, standard, weights, shares, strict=True)
    )
    title = (
        "what each stage adds: its score of the document, in standard deviations from the mean of the re-ranked ones, times its "
        "weight; the sum is the score"
    )
    table = Table("how each stage places the document among those re-ranked", headers, rows)
    return Explanation(float(np.float32(sum(shares))), (Terms(title, names, shares), table), inner)


def gain_rule(weights: Sequence[float] | None, constant: int) -> str:
    """What a gain is: of reciprocal rank fusion without weights, of a weighted sum of z-scores with them."""
    if weights is None:
        return f"1 / ({constant} + rank)"
    given = "~".join(f"{weight:g}" for weight in weights)
    return f"weight ({given}) times 1 + the distance to its worst hit's score in standard deviations"


def distinct(names: Iterable[str]) -> list[str]:
    """The names, from the second of equal ones on with a number."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def _place(positions: NDArray[np.int64], position: int) -> int | None:
    found = np.flatnonzero(positions == position)
    return int(found[0]) if len(found) else None
