"""Measures of ranking quality by their ir-measures names: one value per query first, a mean is only a fold.

A document is relevant when its grade is above 0; trec_eval's negative grades (in the pool, not judged) gain nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from sys import maxsize
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.api import Qrels
from bench.errors import DataError, OptionError
from bench.measure.ranking import Run

Values = NDArray[np.float64]
_TEXT = re.compile(r"([A-Za-z]+)(?:@([1-9][0-9]{0,8}))?")


@dataclass(frozen=True)
class Measure:
    """A measure such as nDCG@10; its text is its ir-measures name, and ``parse_measure`` reads it back.

    cutoff: how many hits count, None for all that were retrieved.
    """

    name: str
    cutoff: int | None = None

    def __post_init__(self) -> None:
        known = self.name in _FORMULAS and (self.cutoff is not None or self.name in _WITHOUT_CUTOFF)
        if not known or (self.cutoff is not None and self.cutoff < 1):
            raise OptionError(_unknown(str(self)))

    def __str__(self) -> str:
        return self.name if self.cutoff is None else f"{self.name}@{self.cutoff}"


def parse_measure(text: str) -> Measure:
    """Read a measure from its name, ``nDCG@10``; ``str`` gives the same text back. OptionError tells what exists."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise OptionError(_unknown(text))
    name, cutoff = match.groups()
    return Measure(name, None if cutoff is None else int(cutoff))


def evaluate(run: Run, qrels: Qrels, query_ids: Sequence[str], measures: Iterable[Measure]) -> dict[str, Values]:
    """Measure name -> float64 ``[Q]``, one value for each of ``query_ids`` in their order, equal to trec_eval's.

    A query that the run does not answer has the value 0, so that a mean is over all judged queries; so has a query
    without any relevant document. DataError for a query that ``qrels`` does not judge.
    """
    hits = _retrieved(run, qrels, query_ids)
    ideal = _ideal(qrels, query_ids)
    values = {}
    for measure in measures:
        depth = maxsize if measure.cutoff is None else measure.cutoff
        values[str(measure)] = _FORMULAS[measure.name](_Given(hits.within(depth), ideal, depth))
    return values


def first_relevant_ranks(run: Run, qrels: Qrels, query_ids: Sequence[str]) -> NDArray[np.int64]:
    """Rank, from 1, of the first relevant document of each query: int64 ``[Q]``, 0 where none was retrieved."""
    hits = _retrieved(run, qrels, query_ids)
    return hits.sum(hits.is_first() * hits.rank).astype(np.int64)


class _Relevant(NamedTuple):
    """The relevant documents of a ranking: measures need no others. Query by query in the order of rank.

    query: int64 ``[H]``, index of the query. rank: int64 ``[H]``, from 1. grade: float64 ``[H]``. queries: Q.
    """

    query: NDArray[np.int64]
    rank: NDArray[np.int64]
    grade: Values
    queries: int

    @classmethod
    def of(cls, ranks: Sequence[Sequence[int]], grades: Sequence[int]) -> Self:
        """From the ranks of each query and all grades in that order."""
        query = np.repeat(np.arange(len(ranks)), np.fromiter(map(len, ranks), dtype=np.int64, count=len(ranks)))
        rank = np.fromiter((rank for row in ranks for rank in row), dtype=np.int64, count=len(query))
        return cls(query, rank, np.array(grades, dtype=np.float64), len(ranks))

    def within(self, depth: int) -> "_Relevant":
        """Those at a rank up to the depth."""
        kept = self.rank <= depth
        return _Relevant(self.query[kept], self.rank[kept], self.grade[kept], self.queries)

    def is_first(self) -> NDArray[np.bool_]:
        """Which of them are their query's first."""
        first = np.ones(len(self.query), dtype=np.bool_)
        first[1:] = self.query[1:] != self.query[:-1]
        return first

    def nth(self) -> NDArray[np.int64]:
        """Each one's place among its query's relevant documents, from 1."""
        return np.arange(1, len(self.query) + 1) - np.searchsorted(self.query, self.query)

    def sum(self, weights: NDArray[Any]) -> Values:
        """Sum by query; added up in the order of rank as in trec_eval, so that the last digit agrees."""
        return np.bincount(self.query, weights=weights, minlength=self.queries).astype(np.float64, copy=False)

    def number(self) -> Values:
        """How many each query has."""
        return np.bincount(self.query, minlength=self.queries).astype(np.float64)


class _Given(NamedTuple):
    """What a formula is given: relevant hits down to the depth, the ideal ranking, the depth."""

    hits: _Relevant
    ideal: _Relevant
    depth: int


def _retrieved(run: Run, qrels: Qrels, query_ids: Sequence[str]) -> _Relevant:
    rows = dict(zip(run.query_ids, run.doc_ids, strict=True))
    ranks: list[list[int]] = []
    found: list[int] = []
    for query_id in query_ids:
        grades = _relevant_grades(qrels, query_id)
        row = rows.get(query_id, ())
        ranks.append(sorted(row.index(doc_id) + 1 for doc_id in grades.keys() & row))
        found += [grades[row[rank - 1]] for rank in ranks[-1]]
    return _Relevant.of(ranks, found)


def _ideal(qrels: Qrels, query_ids: Sequence[str]) -> _Relevant:
    """The best ranking that the judgements allow, whatever was retrieved."""
    rows = [sorted(_relevant_grades(qrels, query_id).values(), reverse=True) for query_id in query_ids]
    return _Relevant.of([range(1, len(row) + 1) for row in rows], [grade for row in rows for grade in row])


def _relevant_grades(qrels: Qrels, query_id: str) -> Mapping[str, int]:
    if query_id not in qrels:
        raise DataError(f"query {query_id!r} has no judgements; measures are over judged queries")
    return {doc_id: grade for doc_id, grade in qrels[query_id].items() if grade > 0}


def _ratio(numerator: Values, denominator: Values) -> Values:
    """Quotient, 0 where a query has no relevant document."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _success(given: _Given) -> Values:
    """Top-k accuracy: 1 when any of the first k hits is relevant."""
    return (given.hits.number() > 0).astype(np.float64)


def _rr(given: _Given) -> Values:
    """Reciprocal rank of the first relevant hit (Voorhees, TREC-8, 1999)."""
    return given.hits.sum(given.hits.is_first() / given.hits.rank)


def _ndcg(given: _Given) -> Values:
    """DCG over ideal DCG (Järvelin and Kekäläinen, TOIS 20(4), 2002) with the grade as gain, like trec_eval."""
    return _ratio(_dcg(given.hits), _dcg(given.ideal.within(given.depth)))


def _dcg(ranking: _Relevant) -> Values:
    """Sum of grade / log2(rank + 1)."""
    # trec_eval's log2 is the C library's; numpy's vectorised one may differ from it in the last digit.
    discount = np.fromiter(map(log2, (ranking.rank + 1).tolist()), dtype=np.float64, count=len(ranking.rank))
    return ranking.sum(ranking.grade / discount)


def _ap(given: _Given) -> Values:
    """Average precision: the precision at each relevant hit, summed, over the number of relevant documents."""
    return _ratio(given.hits.sum(given.hits.nth() / given.hits.rank), given.ideal.number())


def _precision(given: _Given) -> Values:
    """Relevant hits over k, even where fewer than k were retrieved."""
    return given.hits.number() / given.depth


def _recall(given: _Given) -> Values:
    """Relevant hits over relevant documents."""
    return _ratio(given.hits.number(), given.ideal.number())


_FORMULAS: Mapping[str, Callable[[_Given], Values]] = {
    "Success": _success,
    "RR": _rr,
    "nDCG": _ndcg,
    "AP": _ap,
    "P": _precision,
    "R": _recall,
}
_WITHOUT_CUTOFF = ("RR", "nDCG", "AP")


def _unknown(text: str) -> str:
    names = ", ".join((*_WITHOUT_CUTOFF, *(f"{name}@k" for name in _FORMULAS)))
    return f"measure {text!r} does not exist; choose from {names} with k = 1, 2, ..."
