"""What ties decide: the lowest and the highest value that a measure takes when hits of equal score change places."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.api import Qrels
from bench.measure.judged import Evidence, Judged, Values, evidence
from bench.measure.measures import Measure
from bench.measure.quality import measured
from bench.measure.ranking import Run


def tie_bounds(
    run: Run, qrels: Qrels, query_ids: Sequence[str], measures: Iterable[Measure]
) -> dict[str, tuple[Values, Values]]:
    """Measure name -> (pessimistic, optimistic), float64 ``[Q]`` each: the extremes over all orders of equal float32 scores.

    The value of ``evaluate`` lies between them, and equals both where no tie matters. Only hits that were retrieved can
    change places: documents that tied with the last one and were cut off are not in a run. DataError as in ``evaluate``.
    """
    # One order is extreme for every measure: the judged first or last, of these the highest grade first or last.
    # - Success, RR, P, R, AP, Rprec ask at which ranks the relevant stand. In the optimistic order each tie has as many
    #   of them in its first n places as any order can, for every n and ``rel``, so that the i-th relevant hit of the
    #   query stands as high as it can; none of these measures falls when it rises. The reverse for the pessimistic.
    # - nDCG sums gain times discount; largest when both fall together, smallest when they oppose (rearrangement
    #   inequality), and both gains rise with the grade. Grades below 0 gain nothing, like unjudged documents.
    # - Bpref: a relevant hit loses by the judged nonrelevant before it, which are as few as they can be when those of
    #   its tie follow, for all at once; documents without a judgement or with a negative grade count for nothing.
    # - Judged counts the judged in the first k places: most when they come first in the tie that k cuts.
    found = evidence(run, qrels, query_ids)
    wanted = tuple(measures)
    worst, best = (measured(found._replace(hits=hits), wanted) for hits in _extremes(run, query_ids, found))
    return {name: (worst[name], best[name]) for name in worst}


def _extremes(run: Run, query_ids: Sequence[str], found: Evidence) -> tuple[Judged, Judged]:
    """The judged hits in the pessimistic and the optimistic order."""
    hits = found.hits
    lengths = found.returned.astype(np.int64)
    offsets = np.cumsum(lengths) - lengths
    edges = _edges(run, query_ids, offsets)
    if edges is None:
        return hits, hits
    before_query = offsets[hits.query]
    tie = np.searchsorted(edges, before_query + hits.rank - 1, side="right") - 1
    first = np.searchsorted(tie, tie)  # of its tie among the judged hits
    after = np.searchsorted(tie, tie, side="right")
    index = np.arange(len(tie))
    start, end = edges[tie] - before_query, edges[tie + 1] - before_query
    best = hits._replace(rank=start + index - first + 1, grade=hits.grade[np.lexsort((-hits.grade, tie))])
    worst = hits._replace(rank=end - after + index + 1, grade=hits.grade[np.lexsort((hits.grade, tie))])
    return worst, best


def _edges(run: Run, query_ids: Sequence[str], offsets: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Where ties begin when the scores of all queries are put in one row, and where the last one ends; None without ties.

    A hit that ties with no other is a tie of one.
    """
    rows = dict(zip(run.query_ids, run.scores, strict=True))
    nothing = np.empty(0, dtype=np.float32)
    scores = np.concatenate([nothing, *(rows.get(query_id, nothing) for query_id in query_ids)])
    is_edge = np.ones(len(scores) + 1, dtype=np.bool_)
    np.not_equal(scores[1:], scores[:-1], out=is_edge[1:-1])
    is_edge[offsets] = True
    return None if is_edge.all() else np.flatnonzero(is_edge)
