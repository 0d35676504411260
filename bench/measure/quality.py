"""Measures of ranking quality: one value per query first, a mean is only a fold."""

from collections.abc import Iterable, Sequence
from sys import maxsize

import numpy as np
from numpy.typing import NDArray

from bench.api import Qrels
from bench.measure.formulas import FORMULAS, Given
from bench.measure.judged import Evidence, Values, evidence, judged_hits
from bench.measure.measures import Measure, parse_measure
from bench.measure.ranking import Run

__all__ = ["Measure", "evaluate", "first_relevant_ranks", "measured", "parse_measure"]


def evaluate(run: Run, qrels: Qrels, query_ids: Sequence[str], measures: Iterable[Measure]) -> dict[str, Values]:
    """Measure name -> float64 ``[Q]``, one value for each of ``query_ids`` in their order, equal to trec_eval's.

    A query that the run does not answer has the value 0, so that a mean is over all judged queries; so has a query
    without any relevant document. DataError for a query that ``qrels`` does not judge.
    """
    return measured(evidence(run, qrels, query_ids), measures)


def measured(found: Evidence, measures: Iterable[Measure]) -> dict[str, Values]:
    """``evaluate`` from judgements that have been looked up."""
    values = {}
    for measure in measures:
        depth = maxsize if measure.cutoff is None else measure.cutoff
        hits = found.hits.where(found.hits.rank <= depth)
        given = Given(hits, found.judgements, found.returned, depth, measure.rel, measure.dcg)
        values[str(measure)] = FORMULAS[measure.name].values(given)
    return values


def first_relevant_ranks(run: Run, qrels: Qrels, query_ids: Sequence[str]) -> NDArray[np.int64]:
    """Rank, from 1, of the first document of a grade above 0 of each query: int64 ``[Q]``, 0 where none was retrieved."""
    hits = judged_hits(run, qrels, query_ids)
    relevant = hits.where(hits.grade > 0)
    return relevant.sum(relevant.is_first() * relevant.rank).astype(np.int64)
