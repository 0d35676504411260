"""Samples of groups drawn again: random weights for intervals, random signs for tests."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

_DRAWS = 1 << 18  # random draws held at a time: they stay in the cache and memory is bounded
_REPEATS = 8  # one gamma variate costs about as much as this many exponential ones
ROUNDING = 1e-12  # sums of the same numbers in another order count as equal
TINY = 5e-324  # the smallest p that is not 0


def finite(values: ArrayLike) -> Values:
    """Values as ``float64[n]``; ValueError where they have no mean."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not len(sample) or not np.isfinite(sample).all():
        raise ValueError(f"a mean needs a list of at least one finite value, not {values!r}")
    return sample


def by_group(columns: Sequence[Values], groups: Sequence[str] | None) -> Values:
    """Sums of each column within each group, ``[groups, columns]``; without groups every value is its own."""
    if groups is None:
        return np.stack(columns, axis=1)
    if len(groups) != len(columns[0]):
        raise ValueError(f"{len(groups)} groups for {len(columns[0])} values")
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(index, weights=column) for column in columns], axis=1)


def weighted_sums(sums: Values, resamples: int, rng: np.random.Generator) -> Values:
    """Columns of ``sums`` added up with random weights of the groups, ``[resamples, columns]``.

    The weights are independent exponential variates: divided by their sum they are the Dirichlet weights of the Bayesian
    bootstrap (Rubin, Annals of Statistics 9, 1981). A measure like Success takes few values: the weights of equal groups
    add up to a gamma variate, and that is drawn instead.
    """
    kinds, counts = _kinds(sums)
    few = _REPEATS * len(kinds) <= len(sums)
    drawn = np.empty((resamples, sums.shape[1]))
    for block in _blocks(resamples, len(kinds) if few else len(sums)):
        rows = block.stop - block.start
        if few:
            drawn[block] = rng.standard_gamma(counts, size=(rows, len(kinds))) @ kinds
        else:
            drawn[block] = rng.standard_exponential((rows, len(sums))) @ sums
    return drawn


def randomisation_p(differences: Values, resamples: int, seed: int) -> float:
    """Two-sided p of the paired randomisation test: how often random signs give a sum as large (Smucker, CIKM 2007).

    Exact, over all sign patterns, where there are no more of them than resamples. Otherwise the observed pattern counts
    as one of the drawn ones, so that p is never 0 (Phipson and Smyth, 2010). Where none of those is as large, Hoeffding's bound
    on all patterns (1963, theorem 2: twice ``exp(-sum^2 / 2 sum of squares)``) may tell more than their number does.
    """
    moved = differences[differences != 0]
    least = abs(moved.sum()) - ROUNDING * np.abs(moved).sum()
    if len(moved) < resamples.bit_length():
        patterns = np.arange(2 ** len(moved))[:, np.newaxis] >> np.arange(len(moved)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ moved) >= least))
    extreme = np.count_nonzero(np.abs(_signed_sums(moved, resamples, np.random.default_rng(seed))) >= least)
    p = (1 + int(extreme)) / (1 + resamples)
    return p if extreme else min(p, max(2 * float(np.exp(-(least**2) / 2 / (moved**2).sum())), TINY))


def _kinds(sums: Values) -> tuple[Values, Values]:
    """The distinct rows and how often each occurs."""
    rows = sums[np.lexsort(sums.T[::-1])]
    first = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    starts = np.flatnonzero(first)
    return rows[starts], np.diff(starts, append=len(rows)).astype(np.float64)


def _signed_sums(differences: Values, resamples: int, rng: np.random.Generator) -> Values:
    """Sums of the differences under random signs: one random byte picks the sum of eight of them from a table."""
    eights = np.pad(differences, (0, -len(differences) % 8)).reshape(-1, 8)
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1)
    table = signs @ eights.T
    columns = np.arange(len(eights))
    sums = np.empty(resamples)
    for block in _blocks(resamples, len(eights)):
        bytes_ = rng.integers(256, size=(block.stop - block.start, len(eights)), dtype=np.uint8)
        sums[block] = table[bytes_, columns].sum(axis=1)
    return sums


def _blocks(resamples: int, width: int) -> Iterator[slice]:
    step = max(1, _DRAWS // width)
    for start in range(0, resamples, step):
        yield slice(start, min(start + step, resamples))
