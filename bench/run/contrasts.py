"""Wins and losses: the held-out questions on which two systems differ most, with their texts."""

from collections.abc import Callable, Sequence

from bench.data.dataset import Dataset
from bench.measure.ranking import Run
from bench.outcome import Contrast, Outcome
from bench.run.store import trec_id
from bench.spec import Unit, parse

EACH = 5
"""Questions kept for each of the two systems."""
SHOWN = 600
"""Characters of a text that are kept for display."""

FAMILIES = ("lexical", "neural")
CHANCE = "random"


def contrasts(
    outcomes: Sequence[Outcome], dataset: Dataset, measure: str, ranking: Callable[[Outcome], Run]
) -> tuple[Contrast, ...]:
    """Questions that one of two systems solves far better than the other, five for each, the largest difference first.

    The two are the best lexical and the best neural retriever of the run by ``measure``, or its two best systems. What
    counts on a question is the reciprocal rank of the first right answer. ``ranking`` reads a system's stored ranking.
    """
    pair = _pair(outcomes, measure)
    if pair is None:
        return ()
    gains = [
        (1 / a if a else 0.0) - (1 / b if b else 0.0)
        for a, b in zip(pair[0].first_ranks, pair[1].first_ranks, strict=True)
    ]
    order = sorted(range(len(gains)), key=lambda at: -gains[at])
    chosen = [at for at in order[:EACH] if gains[at] > 0] + [at for at in order[: -EACH - 1 : -1] if gains[at] < 0]
    texts = {trec_id(doc.id): doc.content[:SHOWN] for doc in dataset.corpus}
    runs = [dict(zip(run.query_ids, run.doc_ids, strict=True)) for run in map(ranking, pair)]
    found = []
    for at in chosen:
        query = dataset.test.queries[at]
        grades = dataset.test.qrels[query.id]
        tops = [next(iter(run.get(trec_id(query.id), ())), "") for run in runs]
        found.append(
            Contrast(
                query=at,
                question=query.text[:SHOWN],
                right=texts[trec_id(max(grades, key=lambda doc_id: grades[doc_id]))],
                first=pair[0].spec,
                second=pair[1].spec,
                ranks=(pair[0].first_ranks[at], pair[1].first_ranks[at]),
                tops=(texts.get(tops[0], ""), texts.get(tops[1], "")),
            )
        )
    return tuple(found)


def _pair(outcomes: Sequence[Outcome], measure: str) -> tuple[Outcome, Outcome] | None:
    """Best lexical and best neural single retriever, else the second best and the best system; the first seed stands for each."""
    done: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.status == "ok" and outcome.spec != CHANCE:
            done.setdefault(outcome.spec, outcome)
    ranked = sorted(done.values(), key=lambda outcome: sum(outcome.scores[measure]), reverse=True)
    single = [outcome for outcome in ranked if isinstance(parse(outcome.spec), Unit)]
    best = [next((outcome for outcome in single if outcome.family == family), None) for family in FAMILIES]
    if best[0] and best[1]:
        return best[0], best[1]
    return (ranked[1], ranked[0]) if len(ranked) > 1 else None
