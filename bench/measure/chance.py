"""What chance scores: the expected value of a measure when a pool is ranked in uniformly random order.

N documents in the pool, R of them relevant, the first n = min(k, N) ranks count. Each rank holds each document with the
same probability 1/N, so that a sum over ranks has a closed form by linearity of expectation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.measure.formulas import GAINS
from bench.measure.measures import Measure


def expected(measure: Measure, pool: int, grades: Sequence[int], depth: int | None = None) -> float:
    """Expected value for one query.

    pool: how many documents are ranked. depth: how many of the ranking are kept, all if None. grades: the query's judgements. Every relevant document is in the
    pool, for Bpref also every nonrelevant one (a grade from 0 to below ``rel``), for Judged every judged one; DataError
    if there are more of them than that.
    """
    kept = pool if depth is None else min(depth, pool)
    given = _Pool(pool, grades, kept if measure.cutoff is None else measure.cutoff, measure, kept)
    counted = {"Judged": len(grades), "Bpref": given.relevant + given.nonrelevant}.get(measure.name, given.relevant)
    if counted > pool:
        kind = "judged" if measure.name in ("Judged", "Bpref") else "relevant"
        raise DataError(f"{counted} {kind} documents cannot be in a pool of {pool}")
    if not (len(grades) if measure.name == "Judged" else given.relevant):
        return 0.0
    return min(1.0, _FORMULAS[measure.name](given))  # a sum may round to just above 1


def expected_mean(measure: Measure, pool: int, grades: Iterable[Sequence[int]], depth: int | None = None) -> float:
    """Mean of ``expected`` over queries, given the grades of each; DataError without any query."""
    kinds = Counter(tuple(sorted(query)) for query in grades)
    if not kinds:
        raise DataError("chance has no mean over no queries")
    return sum(times * expected(measure, pool, kind, depth) for kind, times in kinds.items()) / kinds.total()


class _Pool(NamedTuple):
    """A pool of ``size`` documents, some of which have ``grades``; ``cutoff`` ranks count, ``kept`` are there at all."""

    size: int
    grades: Sequence[int]
    cutoff: int
    measure: Measure
    kept: int

    @property
    def relevant(self) -> int:
        return sum(grade >= self.measure.rel for grade in self.grades)

    @property
    def nonrelevant(self) -> int:
        return sum(0 <= grade < self.measure.rel for grade in self.grades)

    def ranks(self) -> NDArray[np.float64]:
        """Ranks that count: 1 to n."""
        return np.arange(1, min(self.cutoff, self.kept) + 1, dtype=np.float64)

    def first_at(self) -> NDArray[np.float64]:
        """Probability that the first relevant document stands at rank i, for each rank that counts.

        Drawing without replacement: R / (N-i+1), after i-1 misses, of which number j has the probability
        (N-R-j+1) / (N-j+1). Their product is the hypergeometric C(N-R, i-1) / C(N, i-1).
        """
        left = self.size + 1 - self.ranks()
        misses = np.cumprod(np.maximum(left - self.relevant, 0) / left)
        return self.relevant / left * np.concatenate(([1.0], misses[:-1]))


def _success(pool: _Pool) -> float:
    """1 - C(N-R, n) / C(N, n), added up over where the first relevant document stands."""
    return float(pool.first_at().sum())


def _rr(pool: _Pool) -> float:
    """1/i, weighted by the probability that the first relevant document stands at rank i."""
    return float((pool.first_at() / pool.ranks()).sum())


def _ndcg(pool: _Pool) -> float:
    """Each rank gains the pool's mean gain, discounted; the ideal DCG is no random quantity."""
    discounts = 1 / np.log2(pool.ranks() + 1)
    gains = GAINS[pool.measure.dcg](np.sort(np.array(pool.grades, dtype=np.float64))[::-1])[: pool.relevant]
    best = gains[: pool.measure.cutoff]
    ideal = best @ (1 / np.log2(np.arange(2, len(best) + 2)))
    return float(gains.sum() / pool.size * discounts.sum() / ideal)


def _ap(pool: _Pool) -> float:
    """Sum over i <= n of 1/N * (1 + (i-1) (R-1)/(N-1)) / i (Bestgen, PBML 103, 2015).

    Rank i is relevant with probability R/N; then each of the i-1 ranks before it is with (R-1)/(N-1). R cancels.
    """
    before = pool.ranks() - 1
    others = (pool.relevant - 1) / max(1, pool.size - 1)
    return float(((1 + before * others) / pool.ranks()).sum() / pool.size)


def _precision(pool: _Pool) -> float:
    """Expected relevant hits, n R/N, over k."""
    return len(pool.ranks()) * pool.relevant / pool.size / pool.cutoff


def _recall(pool: _Pool) -> float:
    """Expected relevant hits, n R/N, over R."""
    return len(pool.ranks()) / pool.size


def _rprec(pool: _Pool) -> float:
    """Expected relevant hits among the first R that are kept, n R/N, over R."""
    return min(pool.kept, pool.relevant) / pool.size


def _bpref(pool: _Pool) -> float:
    """Sum over the ranks that are kept of 1/N (1 - E[min(n, R)] / min(M, R)), M judged nonrelevant documents, n of them before.

    A relevant document stands at each rank with the same probability, and n is hypergeometric; E[min(n, R)] is the sum of
    P(n > t) over t from 0 to R - 1. Over the whole pool this is (min(M, R) + 1) / (2 (M + 1)).
    """
    m, r = pool.nonrelevant, pool.relevant
    if not m:
        return pool.kept / pool.size
    if pool.kept == pool.size:
        return (min(m, r) + 1) / (2 * (m + 1))
    from scipy.stats import hypergeom  # noqa: PLC0415 - slow to load, and rarely needed

    before = np.arange(pool.kept)[:, np.newaxis]
    above = np.asarray(hypergeom.sf(np.arange(min(m, r)), pool.size - 1, m, before)).sum(axis=1)
    return float((1 - above / min(m, r)).sum() / pool.size)


def _judged(pool: _Pool) -> float:
    """Each rank holds one of the judged documents with the same probability."""
    return len(pool.grades) / pool.size


_FORMULAS: Mapping[str, Callable[[_Pool], float]] = {
    "Success": _success,
    "RR": _rr,
    "nDCG": _ndcg,
    "AP": _ap,
    "P": _precision,
    "R": _recall,
    "Rprec": _rprec,
    "Bpref": _bpref,
    "Judged": _judged,
}
