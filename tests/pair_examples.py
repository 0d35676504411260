"""Question/solution pairs of which the right answers are known, for whatever learns from pairs."""

import numpy as np

from bench.api import Doc, Env, Pairs, Query

ENV = Env(threads=1)
COLOURS = ["red", "green", "blue", "pink", "black", "white", "brown", "grey"]
THINGS = ["cat", "dog", "house", "tree", "car", "ship", "stone", "flower"]


def synonyms(rng, n, start=0):
    """Questions ``ask colour thing number`` solved by other words for the same: nothing but the number is shared."""
    queries, docs = [], []
    for at in range(start, start + n):
        words = [
            ("ask" + list_[i], "reply" + list_[i])
            for list_, i in ((COLOURS, rng.integers(8)), (THINGS, rng.integers(8)))
        ]
        words += [(f"ask{i}", f"reply{i}") for i in rng.choice(list("abcdefghijklmnop"), 3, replace=False)]
        queries.append(Query(f"q{at}", " ".join(asked for asked, _ in words)))
        docs.append(Doc(f"d{at}", " ".join(replied for _, replied in reversed(words))))
    return Pairs(docs, queries, {query.id: {doc.id: 1} for query, doc in zip(queries, docs, strict=True)})


def success_at_1(retriever, pairs):
    retriever.index(pairs.corpus, ENV)
    hits = retriever.search(pairs.queries, 1)
    return np.mean(
        [pairs.corpus[row[0]].id[1:] == query.id[1:] for row, query in zip(hits.positions, pairs.queries, strict=True)]
    )
