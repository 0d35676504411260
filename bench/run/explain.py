"""One question, one system: fit or take over a stored fit, index, search, and say why documents matched."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it tells no types

from bench.api import Doc, Env, Query, Retriever, opaque_id
from bench.build import build, canonical
from bench.data.dataset import POOLS, Dataset
from bench.data.load import open_dataset
from bench.errors import BenchError, OptionError, PluginError, StoreError
from bench.explanation import faults
from bench.files import write_bytes
from bench.loading import located
from bench.match import Match, Matches
from bench.measure.machine import usable_cores
from bench.measure.memory import reset_peaks
from bench.measure.ranking import canonical as canonical_run
from bench.occlusion import explained
from bench.pipeline import devices_of, env_for, is_seeded
from bench.plugins import find
from bench.run.corpus import CorpusHandle, search_order
from bench.run.fits import FitStore
from bench.run.opaque import opaque_docs, opaque_pairs
from bench.run.plan import MIN_DEPTH, resolve_devices
from bench.run.process_start import seed_generators, tell_torch
from bench.run.store import Store
from bench.spec import parse
from bench.suggest import closest

PAGE = "explain.md"
LONGEST = 80
"""Characters of a folder's name."""


@dataclass(frozen=True)
class Asked:
    """What is to be explained, as typed.

    query: a question in words, or question: a held-out one by its id or its number from 1. doc: an id, or rank: from 1; the
    best hit without either, and beside it a right answer where one is known.
    """

    spec: str
    dataset: str
    query: str | None = None
    question: str | None = None
    doc: str | None = None
    rank: int | None = None
    seed: int = 0
    device: str = "cpu"
    pool: str | None = None
    limit: int | None = None
    threads: int | None = None
    cards: tuple[Path, ...] = ()
    plugins: tuple[Path, ...] = ()
    cache: Path = Path()
    refit: bool = False
    out: Path | None = None


class Observer(Protocol):
    """Who is told what is running."""

    def opening(self, fraction: float, note: str) -> None:
        """The dataset is being opened or built."""

    def phase(self, name: str) -> None:
        """The next phase begins."""

    def progress(self, fraction: float, note: str) -> None:
        """How much of the phase is done."""


def explain(asked: Asked, command: str, observer: Observer) -> Matches:
    """Search as a run does, then explain.

    BenchError for a question or document that is not there, where nothing is found, and for a plug-in that fails. What is
    learned here may be taken over by a run, so it is learned as there: with its seed, its threads and a peak of its own.
    """
    _check(asked)
    with threadpool_limits(asked.threads or usable_cores()):
        return _explained(asked, command, observer)


def _explained(asked: Asked, command: str, observer: Observer) -> Matches:
    plugins = find(asked.plugins)
    system = build(parse(asked.spec), plugins)
    device = resolve_devices(asked.device, devices_of(system))[-1]
    dataset = open_dataset(
        asked.dataset, cards=asked.cards, cache=asked.cache, limit=asked.limit, progress=observer.opening
    )
    pool = asked.pool or dataset.pool
    docs = search_order(dataset.documents(pool))
    query = _query(asked, dataset)
    _known(asked, dataset, docs, pool)
    env = Env(device, asked.seed, asked.threads or usable_cores(), asked.cache, observer.progress)
    observer.phase("fit")
    fits = FitStore(
        asked.cache / "fits", plugins, dataset.fingerprint, refit=asked.refit, checkpoints=asked.cache / "checkpoints"
    )
    train, dev = opaque_pairs(dataset.pairs("train")), opaque_pairs(dataset.pairs("dev"))
    seed_generators(env.seed)
    tell_torch(env.seed, env.threads)
    with _failing(asked.spec, "prepare"):
        system.prepare(env_for(system, env))
    reset_peaks(env_for(system, env).device)
    with _failing(asked.spec, "fit"):
        fits.fit(system, train, dev, env)
    observer.phase("index")
    hidden = opaque_docs(docs)
    handle = CorpusHandle(hidden)
    with _failing(asked.spec, "index"):
        system.index(handle, env_for(system, env))
    handle.close()
    observer.phase("search and explain")
    search = _Search(system, Query(opaque_id("query", query.id), query.text), docs)
    grades = dataset.test.qrels.get(query.id)
    right = None if grades is None else [doc_id for doc_id, grade in grades.items() if grade > 0]
    found = []
    with _failing(asked.spec, "search"):
        chosen = _chosen(asked, search, right)
    for doc_id in chosen:
        at = search.position[doc_id]
        with _failing(asked.spec, "explain"):
            explanation = explained(system, search.query, hidden[at], at, len(docs))
        if wrong := faults(explanation):
            raise PluginError(f"{asked.spec}: explain() returned no explanation: {wrong[0]}")
        doc, solves = docs[at], None if right is None else doc_id in right
        found.append(Match(doc_id, doc.title, doc.text, search.rank(doc_id), solves, explanation))
    return Matches(
        command=command,
        spec=str(canonical(system)),
        seed=asked.seed if is_seeded(system) else None,
        device=env_for(system, env).device,
        dataset=dataset.name,
        pool=pool,
        documents=len(docs),
        query_id=query.id if grades is not None else "",
        question=query.text,
        found=tuple(found),
    )


@contextmanager
def _failing(spec: str, method: str) -> Iterator[None]:
    """Whatever a plug-in raises becomes a PluginError that names system, method, file and line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        raise PluginError(f"{spec}: {method}() failed: {located(error)}") from error


def save(matches: Matches, files: Mapping[str, bytes], out: Path | None) -> Path:
    """Write a rendered page and its figures, by default into a new folder below ``reports``; returns the path of the page."""
    name = re.sub(r"[^A-Za-z0-9.+=-]+", "_", f"explain-{matches.dataset}-{matches.spec}")[:LONGEST]
    folder = Store.create(out, name).folder
    for file, content in files.items():
        write_bytes(folder / file, content)
    return folder / PAGE


class _Search:
    """One question asked of an indexed system, first for as many hits as a run asks for."""

    def __init__(self, system: Retriever, query: Query, docs: Sequence[Doc]) -> None:
        self.query = query
        self.position = {doc.id: at for at, doc in enumerate(docs)}
        self._system = system
        self._ids = [doc.id for doc in docs]
        self._asked = 0
        self._ranking: tuple[str, ...] = ()

    def ranking(self, depth: int) -> tuple[str, ...]:
        """Ids of the best documents, by the one ranking rule; at least ``depth`` of them if so many are found."""
        if depth > self._asked:
            self._asked = depth
            hits = self._system.search([self.query], depth)
            self._ranking = canonical_run(hits, [self.query.id], self._ids, depth).doc_ids[0]
        return self._ranking

    def rank(self, doc_id: str) -> int | None:
        """The document's rank; that of a search for all documents where it is not among the first hundred."""
        for depth in (MIN_DEPTH, len(self._ids)):
            ranking = self.ranking(depth)
            if doc_id in ranking:
                return ranking.index(doc_id) + 1
        return None


def _check(asked: Asked) -> None:
    if (asked.query is None) == (asked.question is None):
        raise OptionError("say what was asked: either --query TEXT or --question ID, a held-out one")
    if asked.query is not None and not asked.query.strip():
        raise OptionError("--query is empty")
    if asked.doc is not None and asked.rank is not None:
        raise OptionError("give --doc or --rank, not both")
    if asked.out is not None and (asked.out / PAGE).exists():
        raise StoreError(f"{asked.out} already holds an explanation; give another --out or remove it")
    if asked.pool not in (None, *POOLS):
        raise OptionError(f"--pool {asked.pool}: there are: {', '.join(POOLS)}")
    for option, least, value in (
        ("--rank", 1, asked.rank), ("--limit", 1, asked.limit), ("--threads", 1, asked.threads), ("--seed", 0, asked.seed)
    ):  # fmt: skip
        if value is not None and value < least:
            raise OptionError(f"{option} must be {least} or more")


def _query(asked: Asked, dataset: Dataset) -> Query:
    """The held-out question meant, by id, number or its exact words; else the question as typed, which has no id."""
    queries = dataset.test.queries
    if asked.question is None:
        typed = asked.query or ""
        return next((query for query in queries if query.text.strip() == typed.strip()), Query("", typed))
    known = {query.id: query for query in queries}
    if asked.question in known:
        return known[asked.question]
    if asked.question.isdecimal() and 1 <= int(asked.question) <= len(queries):
        return queries[int(asked.question) - 1]
    meant = closest(asked.question, known)
    raise OptionError(
        f"--question {asked.question}: {dataset.name} has no held-out question of this id{meant}, nor of this number; "
        f"numbers go from 1 to {len(queries):,}"
    )


def _known(asked: Asked, dataset: Dataset, docs: Sequence[Doc], pool: str) -> None:
    """Refuse a document that is not searched, before anything is learned."""
    ids = {doc.id for doc in docs}
    if asked.doc is None or asked.doc in ids:
        return
    if any(doc.id == asked.doc for doc in dataset.corpus):
        raise OptionError(f"--doc {asked.doc} is not in the pool {pool!r}; search all documents with --pool all")
    raise OptionError(f"--doc {asked.doc}: {dataset.name} has no document of this id{closest(asked.doc, ids)}")


def _chosen(asked: Asked, search: _Search, right: Sequence[str] | None) -> list[str]:
    """Ids of the documents to explain."""
    if asked.doc is not None:
        return [asked.doc]
    rank = asked.rank or 1
    ranking = search.ranking(max(rank, MIN_DEPTH))
    if not ranking:
        raise OptionError(f"{asked.spec} finds no document for this question; name one with --doc to see its score")
    if rank > len(ranking):
        raise OptionError(f"--rank {rank}: {asked.spec} finds {len(ranking):,} documents only")
    chosen = ranking[rank - 1]
    others = [doc_id for doc_id in right or () if doc_id in search.position]
    if not others or chosen in others:
        return [chosen]
    best = min(others, key=lambda doc_id: (search.rank(doc_id) or len(search.position) + 1, doc_id))
    return [chosen, best]
