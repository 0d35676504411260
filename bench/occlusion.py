"""Explains any component: by itself where it can, else by leaving out the words of the question one at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.api import Component, Doc, Query, Retriever, Scorer
from bench.explanation import Explanation, Terms

TITLE = (
    "what each word of the question adds, found by leaving it out: the score minus the score without it (a document that is "
    "then no hit counts 0); the sum is not the score"
)
AT_ONCE = 32
"""Questions asked in one search: each holds as many hits as there are documents."""


def explained(component: Component, query: Query, doc: Doc, position: int, size: int) -> Explanation:
    """Why the document at this position has its score; ``size`` is the number of documents indexed."""
    if type(component).explain is not Component.explain:
        return component.explain(query, doc, position)
    return without_words(component, query, position, size)


def without_words(component: Component, query: Query, position: int, size: int) -> Explanation:
    """Occlusion (Zeiler & Fergus, ECCV 2014) over the words between white space."""
    words = query.text.split()
    fewer = [query._replace(text=" ".join([*words[:at], *words[at + 1 :]])) for at in range(len(words))]
    scores = _scores(component, [query, *fewer], position, size)
    whole = float(scores[0])
    if np.isnan(whole):
        return Explanation(whole)
    weights = whole - np.nan_to_num(scores[1:])
    return Explanation(whole, (Terms(TITLE, tuple(words), tuple(weights.tolist())),))


def _scores(component: Component, queries: Sequence[Query], position: int, size: int) -> NDArray[np.float64]:
    """The document's score for each question, NaN where it is no hit."""
    scores = np.full(len(queries), np.nan)
    for start in range(0, len(queries), AT_ONCE):
        asked = queries[start : start + AT_ONCE]
        if isinstance(component, Scorer):
            scores[start : start + len(asked)] = component.score(asked, np.full((len(asked), 1), position))[:, 0]
        elif isinstance(component, Retriever):
            hits = component.search(asked, size)
            rows, columns = np.nonzero(hits.positions == position)
            scores[start + rows] = hits.scores[rows, columns]
        else:
            raise TypeError(f"{type(component).__name__} is neither a Retriever nor a Scorer")
    return scores
