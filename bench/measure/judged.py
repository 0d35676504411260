"""What measures look at: the judged documents among the hits of each query, and all its judgements, as flat arrays."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.api import Qrels
from bench.errors import DataError
from bench.measure.ranking import Run

Values = NDArray[np.float64]
_FEW = 4  # so many documents are looked up in a row faster than the row is walked through


class Judged(NamedTuple):
    """Judged documents of a ranking, query by query in the order of rank; unjudged ones leave gaps between the ranks.

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

    def where(self, kept: NDArray[np.bool_]) -> Self:
        """Those for which ``kept`` holds, at the ranks they have."""
        return self._replace(query=self.query[kept], rank=self.rank[kept], grade=self.grade[kept])

    def is_first(self) -> NDArray[np.bool_]:
        """Which of them are their query's first."""
        first = np.ones(len(self.query), dtype=np.bool_)
        first[1:] = self.query[1:] != self.query[:-1]
        return first

    def nth(self) -> NDArray[np.int64]:
        """Each one's place among those of its query, from 1."""
        return np.arange(1, len(self.query) + 1) - np.searchsorted(self.query, self.query)

    def sum(self, weights: NDArray[Any]) -> Values:
        """Sum by query; added up in the order of rank as in trec_eval, so that the last digit agrees."""
        return np.bincount(self.query, weights=weights, minlength=self.queries).astype(np.float64, copy=False)

    def number(self) -> Values:
        """How many each query has."""
        return np.bincount(self.query, minlength=self.queries).astype(np.float64)


class Evidence(NamedTuple):
    """All that the measures of a run need.

    hits: its judged hits. judgements: all judged documents, best first, so that their ranks are those of the ideal
    ranking, whatever was retrieved. returned: float64 ``[Q]``, how many hits each query has.
    """

    hits: Judged
    judgements: Judged
    returned: Values


def evidence(run: Run, qrels: Qrels, query_ids: Sequence[str]) -> Evidence:
    """Look up the judgements of every hit; DataError for a query that ``qrels`` does not judge."""
    hits = judged_hits(run, qrels, query_ids)
    ideal = [sorted(qrels[query_id].values(), reverse=True) for query_id in query_ids]
    judgements = Judged.of([range(1, len(row) + 1) for row in ideal], [grade for row in ideal for grade in row])
    lengths = dict(zip(run.query_ids, map(len, run.doc_ids), strict=True))
    returned = np.array([lengths.get(query_id, 0) for query_id in query_ids], dtype=np.float64)
    return Evidence(hits, judgements, returned)


def judged_hits(run: Run, qrels: Qrels, query_ids: Sequence[str]) -> Judged:
    """The hits that have a judgement; DataError as for ``evidence``."""
    rows = dict(zip(run.query_ids, run.doc_ids, strict=True))
    ranks: list[list[int]] = []
    found: list[int] = []
    for query_id in query_ids:
        if query_id not in qrels:
            raise DataError(f"query {query_id!r} has no judgements; measures are over judged queries")
        grades, row = qrels[query_id], rows.get(query_id, ())
        ranks.append(_ranks(row, grades))
        found += [grades[row[rank - 1]] for rank in ranks[-1]]
    return Judged.of(ranks, found)


def _ranks(row: tuple[str, ...], grades: Mapping[str, int]) -> list[int]:
    judged = grades.keys() & row
    if len(judged) <= _FEW:
        return sorted(row.index(doc_id) + 1 for doc_id in judged)
    return [rank for rank, doc_id in enumerate(row, start=1) if doc_id in judged]
