"""The checks that every retriever passes, also other people's: ``check_retriever(MyIdea())`` in a test of their own.

Each check is a function that raises ConformanceError with one sentence about what the contract asks.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.errors import BenchError, CorpusClosedError, HitsError
from bench.measure.ranking import canonical
from bench.pipeline import Exhaustive, is_seeded
from bench.run.corpus import CorpusHandle

TOLERANCE = 1e-4
"""How far a score may depend on what else is in the batch (different summation order), relative to the largest."""


class ConformanceError(BenchError):
    """A retriever breaks the contract; the message names the check and says what was expected."""


class Material(NamedTuple):
    """A tiny collection: ``pool`` is what is indexed, ``queries`` are asked of it."""

    train: Pairs
    dev: Pairs
    pool: tuple[Doc, ...]
    queries: tuple[Query, ...]


def check_retriever(component: Component, material: Material | None = None, device: str = "cpu") -> list[str]:
    """Run every check; returns their names, raises ConformanceError at the first that fails.

    component: a fresh Retriever or Scorer (a scorer is checked as a system that ranks the whole pool).
    """
    material = material or synthetic_material()
    make = _maker(component)
    for check in CHECKS:
        env = Env(device=device if device in component.devices else "cpu", seed=0, threads=1)
        try:
            check(make, material, env)
        except CorpusClosedError as error:
            raise ConformanceError(f"{check.__name__}: {error}") from None
    return [check.__name__ for check in CHECKS]


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


Make = Callable[[], Retriever]
Check = Callable[[Make, Material, Env], None]


def returns_rankings(make: Make, material: Material, env: Env) -> None:
    """Positions and scores of the right shapes and types; no document twice, no NaN, at most k."""
    system = _ready(make(), material, env)
    for k in (1, 5, len(material.pool), len(material.pool) + 7):
        hits = system.search(material.queries, k)
        _ask(isinstance(hits, Hits), "search() must return Hits")
        _ask(hits.positions.dtype == np.int64, "Hits.positions must be int64")
        _ask(hits.scores.dtype == np.float32, "Hits.scores must be float32")
        _ranking(hits, material, k)


def takes_no_queries(make: Make, material: Material, env: Env) -> None:
    """A search for nothing finds nothing."""
    hits = _ready(make(), material, env).search((), 3)
    _ask(hits.positions.shape[0] == 0, "search() of no queries must return no rows")


def ranks_one_document(make: Make, material: Material, env: Env) -> None:
    """A corpus of one document is a corpus."""
    system = _ready(make(), material._replace(pool=material.pool[:1]), env)
    positions = system.search(material.queries, 3).positions
    _ask(bool(np.isin(positions, (0, -1)).all()), "a corpus of one document has the position 0 only")


def leaves_the_corpus(make: Make, material: Material, env: Env) -> None:
    """No reading of the corpus after index(): that would move its cost into search()."""
    _ready(make(), material, env).search(material.queries, 5)


def batch_equals_one_by_one(make: Make, material: Material, env: Env) -> None:
    """A question's answers do not depend on the questions beside it."""
    system = _ready(make(), material, env)
    k = len(material.pool)
    together = _by_document(system.search(material.queries, k), k)
    alone = np.vstack([_by_document(system.search([query], k), k) for query in material.queries])
    _ask(_close(together, alone), "one query searched alone must score as it does in a batch")


def repeats_itself(make: Make, material: Material, env: Env) -> None:
    """The same seed gives the same scores, from fit to search."""
    k = len(material.pool)
    first, second = (_by_document(_ready(make(), material, env).search(material.queries, k), k) for _ in range(2))
    _ask(
        bool(np.array_equal(first, second, equal_nan=True)), "two systems with the same seed must give the same scores"
    )


def indexes_again(make: Make, material: Material, env: Env) -> None:
    """A second index() replaces the first."""
    k = len(material.pool)
    system = _ready(make(), material, env)
    expected = _by_document(system.search(material.queries, k), k)
    _index(system, material._replace(pool=material.pool[:3]), env)
    _ranking(system.search(material.queries, k), material._replace(pool=material.pool[:3]), k)
    _index(system, material, env)
    again = _by_document(system.search(material.queries, k), k)
    _ask(_close(expected, again), "index() must replace what was indexed before")


def survives_saving(make: Make, material: Material, env: Env) -> None:
    """load() of what save() wrote stands for fit(); both or neither are there."""
    system = make()
    part = system.scorer if isinstance(system, Exhaustive) else system
    saves = type(part).save is not Component.save
    _ask(saves == (type(part).load is not Component.load), "save() and load() belong together")
    if not saves:
        return
    k = len(material.pool)
    _ready(system, material, env)
    other = make()
    with TemporaryDirectory() as folder:
        part.save(Path(folder))
        (other.scorer if isinstance(other, Exhaustive) else other).load(Path(folder))
    _index(other, material, env)
    before, after = (_by_document(one.search(material.queries, k), k) for one in (system, other))
    _ask(_close(before, after), "a loaded fit must score like the one that was saved")


def tells_whether_seeds_matter(make: Make, material: Material, env: Env) -> None:
    """What is not ``seeded`` is run for one seed only, so another seed must change nothing."""
    system = make()
    if is_seeded(system):
        return
    k = len(material.pool)
    first = _by_document(_ready(system, material, env).search(material.queries, k), k)
    second = _by_document(_ready(make(), material, replace(env, seed=env.seed + 1)).search(material.queries, k), k)
    _ask(bool(np.array_equal(first, second, equal_nan=True)), "the seed changes the results: set `seeded = True`")


CHECKS: tuple[Check, ...] = (
    returns_rankings,
    takes_no_queries,
    ranks_one_document,
    leaves_the_corpus,
    batch_equals_one_by_one,
    repeats_itself,
    indexes_again,
    survives_saving,
    tells_whether_seeds_matter,
)


def _maker(component: Component) -> Make:
    def make() -> Retriever:
        fresh: Component = replace(component)  # type: ignore[type-var]  # components are dataclasses
        if isinstance(fresh, Scorer):
            return Exhaustive(fresh)
        if isinstance(fresh, Retriever):
            return fresh
        raise ConformanceError(f"{type(component).__name__} is neither a Retriever nor a Scorer")

    return make


def _pairs(docs: list[Doc], queries: list[Query]) -> Pairs:
    return Pairs(docs, queries, {query.id: {doc.id: 1} for query, doc in zip(queries, docs, strict=True)})


def _ready(system: Retriever, material: Material, env: Env) -> Retriever:
    system.fit(material.train, material.dev, env)
    _index(system, material, env)
    return system


def _index(system: Retriever, material: Material, env: Env) -> None:
    handle = CorpusHandle(material.pool)
    system.index(handle, env)
    handle.close()


def _ranking(hits: Hits, material: Material, k: int) -> None:
    try:
        canonical(hits, [query.id for query in material.queries], [doc.id for doc in material.pool], k)
    except HitsError as error:
        raise ConformanceError(f"search() did not return a ranking: {error}") from None


def _by_document(hits: Hits, size: int) -> np.ndarray:
    """Scores ``[Q, size]`` by position; NaN where a document was not retrieved."""
    table = np.full((len(hits.positions), size + 1), np.nan, dtype=np.float64)
    np.put_along_axis(table, np.where(hits.positions < 0, size, hits.positions), hits.scores, axis=1)
    return table[:, :size]


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    scale = max(1.0, float(np.nanmax(np.abs(a), initial=0)))
    return bool(np.allclose(a, b, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def _ask(truth: bool, what: str) -> None:
    if not truth:
        raise ConformanceError(what)
