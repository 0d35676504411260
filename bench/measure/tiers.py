"""Systems sorted into tiers whose members a test cannot tell from the tier's best."""

from collections.abc import Sequence
from itertools import pairwise

from numpy.typing import ArrayLike

from bench.measure.resampling import ROUNDING, Values, by_group, finite, randomisation_p
from bench.measure.statistics import ALPHA, holm


def tiers(
    systems: Sequence[ArrayLike],
    groups: Sequence[str] | None = None,
    *,
    alpha: float = ALPHA,
    resamples: int = 10_000,
    seed: int = 0,
) -> list[int]:
    """Tier of each system: 1 where it is not significantly worse than the best, 2 where not than the best of the rest, ...

    systems: ``[n]`` values each over the same questions, best mean first. groups: as for ``paired_difference``.

    Within a tier all remaining systems are tested against its best, and Holm's correction over these comparisons keeps
    the chance that the one truly best system falls out of tier 1 at or below alpha. Since the best is picked by the same
    data, the chance that *any* of several equal systems falls out is higher (about 10% for six: ``bench.measure.simulation``).
    Every further tier is a family of its own: over t tiers the chance of a wrong step is at most t - 1 times that of one.
    """
    values = [finite(system) for system in systems]
    if len({len(system) for system in values}) > 1:
        raise ValueError("systems must have values for the same questions")
    if any(worse.mean() > better.mean() + ROUNDING for better, worse in pairwise(values)):
        raise ValueError("systems must come with the best mean first")
    found = [0] * len(values)
    rest, tier = list(range(len(values))), 0
    while rest:
        tier += 1
        best, *others = rest
        p = [_p(values[best] - values[other], groups, resamples, seed) for other in others]
        worse = [other for other, adjusted in zip(others, holm(p), strict=True) if adjusted <= alpha]
        for system in set(rest).difference(worse):
            found[system] = tier
        rest = worse
    return found


def _p(differences: Values, groups: Sequence[str] | None, resamples: int, seed: int) -> float:
    return randomisation_p(by_group([differences], groups)[:, 0], resamples, seed)
