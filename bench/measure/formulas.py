"""The formulas of the measures, each with its source: what trec_eval 9 computes where it has the measure.

A document is relevant when its grade is at least ``rel``. trec_eval's negative grades (in the pool, not judged) gain
nothing, and Bpref passes over them as over documents outside the pool.
"""

from collections.abc import Callable, Mapping
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.measure.judged import Judged, Values

_MAX_EXPONENT = 1000  # sums of gains up to 2^1000 stay far from the largest float64, 2^1024


class Given(NamedTuple):
    """What a formula is given: judged hits down to the depth, all judgements best first, number of hits, parameters."""

    hits: Judged
    judgements: Judged
    returned: Values
    depth: int
    rel: int
    dcg: str

    def relevant(self) -> Judged:
        """Hits that are relevant."""
        return self.hits.where(self.hits.grade >= self.rel)

    def to_find(self) -> Values:
        """R: how many relevant documents each query has, retrieved or not."""
        return self.judgements.where(self.judgements.grade >= self.rel).number()


class Formula(NamedTuple):
    """A measure's formula and what may follow its name.

    cutoff: whether ``@k`` may stand, None, or must stand, True, or may not, False. parameters: of ``rel``, ``dcg``.
    """

    values: Callable[[Given], Values]
    cutoff: bool | None
    parameters: tuple[str, ...]


def success(given: Given) -> Values:
    """Top-k accuracy: 1 when any of the first k hits is relevant."""
    return (given.relevant().number() > 0).astype(np.float64)


def rr(given: Given) -> Values:
    """Reciprocal rank of the first relevant hit (Voorhees, TREC-8, 1999).

    trec_eval has no cutoff for it; RR@k is RR of the first k hits, as in MS MARCO and ir-measures.
    """
    hits = given.relevant()
    return hits.sum(hits.is_first() / hits.rank)


def ndcg(given: Given) -> Values:
    """DCG over ideal DCG, the sum of gain / log2(rank + 1) (Järvelin and Kekäläinen, TOIS 20(4), 2002).

    The ideal is that of the judgements. The gain is the grade as in trec_eval, or 2^grade - 1 for exp-log2 (Burges et
    al., ICML 2005) as in gdeval.
    """
    ideal = given.judgements.where(given.judgements.rank <= given.depth)
    return _ratio(_dcg(given.hits, given.dcg), _dcg(ideal, given.dcg))


def ap(given: Given) -> Values:
    """Average precision: the precision at each relevant hit, summed, over R (Harman, TREC-1, 1992)."""
    hits = given.relevant()
    return _ratio(hits.sum(hits.nth() / hits.rank), given.to_find())


def precision(given: Given) -> Values:
    """Relevant hits over k, even where fewer than k were retrieved (van Rijsbergen, 1979, ch. 7)."""
    return given.relevant().number() / given.depth


def recall(given: Given) -> Values:
    """Relevant hits over R (van Rijsbergen, 1979, ch. 7)."""
    return _ratio(given.relevant().number(), given.to_find())


def rprec(given: Given) -> Values:
    """Precision, and recall, at rank R (Buckley and Voorhees in TREC, MIT Press 2005, ch. 3)."""
    hits, to_find = given.relevant(), given.to_find()
    return _ratio(hits.where(hits.rank <= to_find[hits.query]).number(), to_find)


def bpref(given: Given) -> Values:
    """Mean over the R relevant documents of 1 - min(n, R) / min(N, R), 0 for those not retrieved.

    n of the N judged nonrelevant documents, of a grade from 0 to below ``rel``, stand before it (Buckley and Voorhees,
    SIGIR 2004, as corrected in trec_eval 8 of 2005: those that were not retrieved count as standing behind).
    """
    hits, to_find = given.hits.where(given.hits.grade >= 0), given.to_find()
    nonrelevant = hits.grade < given.rel
    before = _count_by_query(hits, nonrelevant)[~nonrelevant]
    relevant = hits.where(~nonrelevant)
    wanted = to_find[relevant.query]
    worse = given.judgements.where((given.judgements.grade >= 0) & (given.judgements.grade < given.rel))
    most = np.minimum(worse.number()[relevant.query], wanted)
    return _ratio(relevant.sum(1 - _ratio(np.minimum(before, wanted), most)), to_find)


def judged(given: Given) -> Values:
    """Share of the first k hits that have a judgement, of any grade; of those retrieved where there are fewer.

    trec_eval has no such measure; the definition is that of ir-measures.
    """
    return _ratio(given.hits.number(), np.minimum(given.returned, given.depth))


def linear_gain(grade: Values) -> Values:
    """Gain: grade, 0 where that is negative."""
    return np.maximum(grade, 0)


def exponential_gain(grade: Values) -> Values:
    """Gain: 2^grade - 1, 0 where the grade is negative. DataError for a grade too large for it."""
    if (grade > _MAX_EXPONENT).any():
        raise DataError(f"grade {grade.max():.0f} is too large for a gain of 2^grade - 1; use nDCG without exp-log2")
    return np.ldexp(1.0, linear_gain(grade).astype(np.int32)) - 1


GAINS: Mapping[str, Callable[[Values], Values]] = {"log2": linear_gain, "exp-log2": exponential_gain}
"""Gain of a grade by the name that ir-measures gives the form of DCG; the first is the default."""


FORMULAS: Mapping[str, Formula] = {
    "Success": Formula(success, True, ("rel",)),
    "RR": Formula(rr, None, ("rel",)),
    "nDCG": Formula(ndcg, None, ("dcg",)),
    "AP": Formula(ap, None, ("rel",)),
    "P": Formula(precision, True, ("rel",)),
    "R": Formula(recall, True, ("rel",)),
    "Rprec": Formula(rprec, False, ("rel",)),
    "Bpref": Formula(bpref, False, ("rel",)),
    "Judged": Formula(judged, None, ()),
}
"""All measures by their ir-measures names."""


def _ratio(numerator: Values, denominator: Values) -> Values:
    """Quotient, 0 where a query has nothing to find."""
    return np.divide(numerator, denominator, out=np.zeros(len(denominator)), where=denominator > 0)


def _dcg(ranking: Judged, dcg: str) -> Values:
    """Sum of gain / log2(rank + 1) over documents of a grade above 0."""
    gaining = ranking.where(ranking.grade > 0)
    # trec_eval's log2 is the C library's; numpy's vectorised one may differ from it in the last digit.
    discount = np.fromiter(map(log2, (gaining.rank + 1).tolist()), dtype=np.float64, count=len(gaining.rank))
    return gaining.sum(GAINS[dcg](gaining.grade) / discount)


def _count_by_query(hits: Judged, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each hit how many of its query are marked, down to and including it."""
    total = np.concatenate(([0], np.cumsum(marked)))
    return total[1:] - total[np.searchsorted(hits.query, hits.query)]
