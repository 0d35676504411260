"""The checks that every retriever passes, also other people's: ``check_retriever(MyIdea())`` in a test of their own.

Each check is a function that raises ConformanceError with one sentence about what the contract asks. Learning may take
long, so one fitted system serves every check that a fresh one would not serve better.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever
from bench.conformance_subject import ConformanceError, Material, Subject, Table, synthetic_material
from bench.errors import HitsError
from bench.explanation import faults
from bench.loading import reason
from bench.measure.ranking import canonical
from bench.pipeline import Exhaustive, is_seeded

TOLERANCE = 1e-4
"""How far a score may depend on what else is in the batch (different summation order), relative to the largest."""


def check_retriever(component: Component, material: Material | None = None, device: str = "cpu") -> list[str]:
    """Run every check; returns their names, raises ConformanceError at the first that fails, whatever it raises.

    component: a fresh Retriever or Scorer (a scorer is checked as a system that ranks the whole pool).
    """
    env = Env(device=device if device in component.devices else "cpu", seed=0, threads=1)
    subject = Subject(component, material or synthetic_material(), env)
    for check in CHECKS:
        try:
            check(subject)
        except Exception as error:
            why = str(error) if isinstance(error, ConformanceError) else reason(error)
            raise ConformanceError(f"{check.__name__}: {why}") from error
    return [check.__name__ for check in CHECKS]


Check = Callable[[Subject], None]


def leaves_the_corpus(subject: Subject) -> None:
    """No reading of the corpus after index(): that would move its cost into search()."""
    subject.ready.search(subject.material.queries, 5)


def returns_rankings(subject: Subject) -> None:
    """Positions and scores of the right shapes and types; no document twice, no NaN, at most k."""
    pool, queries = subject.material.pool, subject.material.queries
    for k in (1, 5, len(pool), len(pool) + 7):
        hits = subject.ready.search(queries, k)
        _ask(isinstance(hits, Hits), "search() must return Hits")
        _ask(hits.positions.dtype == np.int64, "Hits.positions must be int64")
        _ask(hits.scores.dtype == np.float32, "Hits.scores must be float32")
        _ranking(hits, queries, pool, k)


def ranks_best_first(subject: Subject) -> None:
    """Scores never rise along a row; fusion by ranks reads the columns as ranks."""
    hits = subject.ready.search(subject.material.queries, len(subject.material.pool))
    for positions, scores in zip(hits.positions, hits.scores, strict=True):
        found = scores[positions >= 0]
        _ask(bool((found[1:] <= found[:-1]).all()), "the hits of a question must come best first")


def takes_no_queries(subject: Subject) -> None:
    """A search for nothing finds nothing."""
    hits = subject.ready.search((), 3)
    _ask(hits.positions.shape[0] == 0, "search() of no queries must return no rows")


def batch_equals_one_by_one(subject: Subject) -> None:
    """A question's answers do not depend on the questions beside it."""
    together = subject.scores(subject.ready)
    one_by_one = [subject.material._replace(queries=(query,)) for query in subject.material.queries]
    alone = np.vstack([subject.scores(subject.ready, single) for single in one_by_one])
    _ask(_close(together, alone), "one query searched alone must score as it does in a batch")


def indexes_again(subject: Subject) -> None:
    """A second index() replaces the first."""
    system, pool, queries = subject.ready, subject.material.pool, subject.material.queries
    before = subject.scores(system)
    subject.index(system, pool[:3])
    _ranking(system.search(queries, len(pool)), queries, pool[:3], len(pool))
    subject.index(system, pool)
    _ask(_close(before, subject.scores(system)), "index() must replace what was indexed before")


def ranks_one_document(subject: Subject) -> None:
    """A corpus of one document is a corpus."""
    system, pool = subject.ready, subject.material.pool
    subject.index(system, pool[:1])
    positions = system.search(subject.material.queries, 3).positions
    subject.index(system, pool)
    _ask(bool(np.isin(positions, (0, -1)).all()), "a corpus of one document has the position 0 only")


def survives_saving(subject: Subject) -> None:
    """load() of what save() wrote stands for fit(); both or neither are there."""
    system, other = subject.ready, subject.make()
    saves = type(_own(system)).save is not Component.save
    _ask(saves == (type(_own(system)).load is not Component.load), "save() and load() belong together")
    if saves:
        _take_over(system, other)
        subject.index(other, subject.material.pool)
        _ask(
            _close(subject.scores(system), subject.scores(other)), "a loaded fit must score like the one that was saved"
        )


def shares_its_fit(subject: Subject) -> None:
    """A stored fit serves all systems that differ in parameters alone which ``phases`` says it does not read.

    Asked where such a parameter has another value than its default.
    """
    usual = _usual(subject.component, ("index", "search"))
    if not usual or type(subject.component).save is Component.save:
        return
    plain, other = subject.make(**usual), subject.make()
    plain.fit(subject.material.train, subject.material.dev, subject.env)
    _take_over(plain, other)
    subject.index(other, subject.material.pool)
    same = _close(subject.scores(subject.ready), subject.scores(other))
    _ask(same, f"{' or '.join(sorted(usual))} changes what fit() learns: take it out of `phases`")


def retunes_without_indexing(subject: Subject) -> None:
    """retune() does what another value at the time of index() would have done.

    Asked where a parameter that ``search`` alone reads has another value than its default.
    """
    usual = _usual(subject.component, ("search",))
    if not usual:
        return
    other = subject.make(**usual)
    other.fit(subject.material.train, subject.material.dev, subject.env)
    subject.index(other, subject.material.pool)
    _own(other).retune(**{name: getattr(subject.component, name) for name in usual})
    same = _close(subject.scores(subject.ready), subject.scores(other))
    _ask(same, f"retune() of {' and '.join(sorted(usual))} must do what its value in index() would have done")


def explains_its_scores(subject: Subject) -> None:
    """explain(), where there is one, is about the score that search() gives."""
    system, pool, queries = subject.ready, subject.material.pool, subject.material.queries[::4]
    if type(subject.component).explain is Component.explain:
        return
    best = system.search(queries, 1)
    for row in np.flatnonzero((best.positions >= 0).any(axis=1)):
        told = system.explain(queries[row], pool[best.positions[row, 0]], int(best.positions[row, 0]))
        _ask(not faults(told), "; ".join(faults(told)))
        _ask(_close(np.array([told.score]), best.scores[row]), "explain() must give the score of search()")


def repeats_itself(subject: Subject) -> None:
    """The same seed gives the same scores, from fit to search."""
    again = subject.fitted(subject.material, subject.env)
    same = np.array_equal(subject.scores(subject.ready), subject.scores(again), equal_nan=True)
    _ask(same, "two systems with the same seed must give the same scores")


def tells_whether_seeds_matter(subject: Subject) -> None:
    """What is not ``seeded`` is run for one seed only, so another seed must change nothing."""
    if is_seeded(subject.ready):
        return
    other = subject.fitted(subject.material, replace(subject.env, seed=subject.env.seed + 1))
    same = np.array_equal(subject.scores(subject.ready), subject.scores(other), equal_nan=True)
    _ask(same, "the seed changes the results: set `seeded = True`")


def reads_no_ids(subject: Subject) -> None:
    """Ids are names: with all documents and questions renamed, from fit to search, the scores stay the same.

    Asked of what is not ``seeded`` only, since a seed and an id may together decide what is drawn.
    """
    if is_seeded(subject.ready):
        return
    renamed = _renamed(subject.material)
    other = subject.fitted(renamed, subject.env)
    same = _close(subject.scores(subject.ready), subject.scores(other, renamed))
    _ask(same, "other ids of documents and questions change the scores: rank by the texts alone")


CHECKS: tuple[Check, ...] = (
    leaves_the_corpus,
    returns_rankings,
    ranks_best_first,
    takes_no_queries,
    batch_equals_one_by_one,
    indexes_again,
    ranks_one_document,
    survives_saving,
    shares_its_fit,
    retunes_without_indexing,
    explains_its_scores,
    repeats_itself,
    tells_whether_seeds_matter,
    reads_no_ids,
)
"""In this order: each may rely on what those before it have shown of the shared system."""


def _own(system: Retriever) -> Component:
    """Without what ranks with a scorer."""
    return system.scorer if isinstance(system, Exhaustive) else system


def _take_over(fitted: Retriever, fresh: Retriever) -> None:
    with TemporaryDirectory() as folder:
        _own(fitted).save(Path(folder))
        _own(fresh).load(Path(folder))


def _usual(component: Component, phases: tuple[str, ...]) -> dict[str, Any]:
    """Defaults of the parameters of these phases that have another value."""
    defaults = {item.name: item.default for item in fields(component) if item.default is not MISSING}  # type: ignore[arg-type]
    names = [name for name, phase in component.phases.items() if phase in phases and name in defaults]
    return {name: defaults[name] for name in names if getattr(component, name) != defaults[name]}


def _renamed(material: Material) -> Material:
    """The same texts; documents are numbered from the last, questions from the first, so that no numbers match."""
    parts = (material.train, material.dev)
    corpus = [doc.id for docs in (*(part.corpus for part in parts), material.pool) for doc in docs]
    asked = [query.id for queries in (*(part.queries for part in parts), material.queries) for query in queries]
    docs = {doc_id: f"doc-{number:06d}" for number, doc_id in enumerate(dict.fromkeys(reversed(corpus)))}
    queries = {query_id: f"query-{number:06d}" for number, query_id in enumerate(dict.fromkeys(asked))}

    def pairs(part: Pairs) -> Pairs:
        return Pairs(
            [doc._replace(id=docs[doc.id]) for doc in part.corpus],
            [query._replace(id=queries[query.id]) for query in part.queries],
            {queries[query]: {docs[doc]: grade for doc, grade in row.items()} for query, row in part.qrels.items()},
        )

    return Material(
        pairs(material.train),
        pairs(material.dev),
        tuple(doc._replace(id=docs[doc.id]) for doc in material.pool),
        tuple(query._replace(id=queries[query.id]) for query in material.queries),
    )


def _ranking(hits: Hits, queries: tuple[Query, ...], pool: tuple[Doc, ...], k: int) -> None:
    try:
        canonical(hits, [query.id for query in queries], [doc.id for doc in pool], k)
    except HitsError as error:
        raise ConformanceError(f"search() did not return a ranking: {error}") from None


def _close(a: Table, b: Table) -> bool:
    scale = max(1.0, float(np.nanmax(np.abs(a), initial=0)))
    return bool(np.allclose(a, b, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def _ask(truth: bool, what: str) -> None:
    if not truth:
        raise ConformanceError(what)
