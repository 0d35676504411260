"""What a conformance check is made on: a tiny collection, and a system that has learned from it and indexed it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.errors import BenchError
from bench.pipeline import Exhaustive
from bench.run.corpus import CorpusHandle

Table = NDArray[np.float64]


class ConformanceError(BenchError):
    """A retriever breaks the contract; the message names the check and says what was expected."""


class Material(NamedTuple):
    """A tiny collection: ``pool`` is what is indexed, ``queries`` are asked of it."""

    train: Pairs
    dev: Pairs
    pool: tuple[Doc, ...]
    queries: tuple[Query, ...]


def synthetic_material(pairs: int = 120) -> Material:
    """Questions and solutions that share a rare word and topic words; the last 20 pairs are held out."""
    rng = np.random.default_rng(7)
    topics = [[f"topic{t}word{w}" for w in range(12)] for t in range(8)]
    docs, queries = [], []
    for at in range(pairs):
        topic = topics[at % len(topics)]
        key = f"key{at // 2}"
        docs.append(Doc(f"d{at:03d}", " ".join([key, *rng.choice(topic, 8), "return value"])))
        queries.append(Query(f"q{at:03d}", " ".join(["how to", key, *rng.choice(topic, 2)])))
    return Material(
        train=_pairs(docs[:-40], queries[:-40]),
        dev=_pairs(docs[-40:-20], queries[-40:-20]),
        pool=(*docs[-20:], Doc("empty", ""), Doc("code", "def f(x):\n    return x", "a title")),
        queries=(*queries[-20:], Query("unseen", "zzzz qqqq"), Query("empty", "")),
    )


@dataclass
class Subject:
    """What is checked, on what and where."""

    component: Component
    material: Material
    env: Env

    @cached_property
    def ready(self) -> Retriever:
        """The one system that the checks share, fitted and indexed; who indexes it anew indexes it back."""
        return self.fitted(self.material, self.env)

    def make(self, **changed: Any) -> Retriever:
        """A fresh system with the same parameters, but for some, prepared as a run prepares it."""
        fresh: Component = replace(self.component, **changed)  # type: ignore[type-var]  # components are dataclasses
        if not isinstance(fresh, Retriever | Scorer):
            raise ConformanceError(f"{type(fresh).__name__} is neither a Retriever nor a Scorer")
        system = Exhaustive(fresh) if isinstance(fresh, Scorer) else fresh
        system.prepare(self.env)
        return system

    def fitted(self, material: Material, env: Env) -> Retriever:
        """A fresh system that has learned from the material and indexed its pool."""
        system = self.make()
        system.fit(material.train, material.dev, env)
        self.index(system, material.pool, env)
        return system

    def index(self, system: Retriever, pool: tuple[Doc, ...], env: Env | None = None) -> None:
        """Index documents that cannot be read afterwards."""
        handle = CorpusHandle(pool)
        system.index(handle, env or self.env)
        handle.close()

    def scores(self, system: Retriever, material: Material | None = None) -> Table:
        """Every question's score of every document ``[Q, N]``, NaN where it was not retrieved."""
        queries, size = (material or self.material).queries, len(self.material.pool)
        return _by_document(system.search(queries, size), size)


def _pairs(docs: list[Doc], queries: list[Query]) -> Pairs:
    return Pairs(docs, queries, {query.id: {doc.id: 1} for query, doc in zip(queries, docs, strict=True)})


def _by_document(hits: Hits, size: int) -> Table:
    """Scores ``[Q, size]`` by position; NaN where a document was not retrieved."""
    table = np.full((len(hits.positions), size + 1), np.nan, dtype=np.float64)
    np.put_along_axis(table, np.where(hits.positions < 0, size, hits.positions), hits.scores, axis=1)
    return table[:, :size]
