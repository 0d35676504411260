"""The life of one system inside its process: open, fit, index, search, and the actions that the clock repeats."""

import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import numpy as np

from bench.api import Doc, Env, Hits, Retriever
from bench.build import build, canonical, parameters
from bench.data.dataset import Dataset
from bench.data.load import open_dataset
from bench.errors import DataError, HitsError, OptionError
from bench.fingerprint import fingerprint
from bench.measure.clock import synchroniser
from bench.measure.memory import cuda_peak_bytes, held_bytes, parameter_count, peak_bytes, reset_peaks
from bench.measure.quality import evaluate, first_relevant_ranks, parse_measure
from bench.measure.ranking import Run, write_trec
from bench.measure.ranking import canonical as canonical_run
from bench.outcome import Answer, Sizes
from bench.pipeline import Composite, is_seeded
from bench.plugins import find
from bench.run.corpus import CorpusHandle, search_order
from bench.run.fits import FitStore, names_of, source_of
from bench.run.job import Job
from bench.run.opaque import opaque_docs, opaque_pairs, opaque_queries
from bench.spec import parse

LATENCY_K = 10
"""Hits asked for in every timed search."""

ANSWERS = 3
"""Top answers kept for each sample question."""

SNIPPET = 600
"""Characters of an answer's text that are kept for display."""


class Session:
    """One job from its data to its measurements; ``report`` gets events (phase, progress) as they happen."""

    def __init__(self, job: Job, report: Callable[[dict[str, Any]], None]) -> None:
        self.job = job
        self._report = report
        self._env = Env(job.device, job.seed, job.threads, Path(job.cache), self._progress)
        self.synchronise = synchroniser(job.device)

    def prepare(self) -> dict[str, Any]:
        """Fit, index, search once for quality; returns the parts of an Outcome that this process knows."""
        self._phase("open")
        dataset = self._open()
        plugins = find([Path(path) for path in self.job.plugins])
        self._system = build(parse(self.job.spec), plugins)
        self._pin_threads()

        self._phase("fit")
        fits = FitStore(Path(self.job.cache) / "fits", plugins, dataset.fingerprint, refit=self.job.refit)
        train, dev = opaque_pairs(dataset.pairs("train")), opaque_pairs(dataset.pairs("dev"))
        fits.fit(self._system, train, dev, self._env)
        del train, dev

        self._phase("index")
        reset_peaks(self.job.device)
        docs = search_order(dataset.documents(self.job.pool))
        index_seconds = self._index(docs)

        self._phase("search")
        self._queries = opaque_queries(dataset.test.queries)
        run = self._search([query.id for query in dataset.test.queries], [doc.id for doc in docs])
        ids = run.query_ids
        qrels = dataset.test.qrels
        write_trec(_without_blanks(run), Path(self.job.run_file), self.job.spec)
        sources = {name: source_of(plugins[name]) for name in names_of(self._system)}
        measures = [parse_measure(text) for text in self.job.measures]
        scores = evaluate(run, qrels, ids, measures)
        return {
            "description": _description(self._system),
            "parameters": parameters(self._system),
            "seeded": is_seeded(self._system),
            "source_hash": fingerprint({name: sources[name] for name in sorted(sources)}),
            "learned": _learned(self._system),
            "scores": {str(measure): values.tolist() for measure, values in scores.items()},
            "first_ranks": first_relevant_ranks(run, qrels, ids).tolist(),
            "unanswered": sum(not found for found in run.doc_ids),
            "answers": [[asdict(answer) for answer in self._answers(run, at, dataset)] for at in self.job.samples],
            "fit_seconds": fits.seconds,
            "fit_cached": fits.cached,
            "fit_device": fits.device,
            "index_seconds": index_seconds,
            "sizes": asdict(self._sizes(fits)),
        }

    def action(self, name: str) -> Callable[[int], object]:
        """What one sample of the clock does: search question number n alone, or the first n questions in one call."""
        queries, search = self._queries, self._system.search
        if name == "single":
            return lambda at: search(queries[at : at + 1], LATENCY_K)
        if name == "batch":
            return lambda count: search(queries[:count], LATENCY_K)
        raise OptionError(f"no such measurement: {name!r}")

    def stages(self) -> dict[str, float]:
        """Seconds by stage since the last call, and start anew."""
        stages = dict(self._env.stages)
        self._env.stages.clear()
        return stages

    def _open(self) -> Dataset:
        job = self.job
        dataset = open_dataset(
            job.dataset, cards=[Path(card) for card in job.cards], cache=Path(job.cache), limit=job.limit
        )
        if dataset.fingerprint != job.fingerprint:
            raise DataError(f"{job.dataset} changed while the run was going on; run again")
        return dataset

    def _pin_threads(self) -> None:
        """Numerical libraries were pinned by the environment; torch, where the system uses it, is told."""
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(self.job.threads)
            torch.manual_seed(self.job.seed)

    def _index(self, docs: list[Doc]) -> float:
        handle = CorpusHandle(opaque_docs(docs))
        self.synchronise()
        start = perf_counter()
        self._system.index(handle, self._env)
        self.synchronise()
        seconds = perf_counter() - start
        handle.close()
        return seconds

    def _search(self, query_ids: list[str], doc_ids: list[str]) -> Run:
        """Search all held-out questions in blocks, so that progress shows; the clock is not running yet."""
        k = min(self.job.depth, len(doc_ids))
        step = max(1, -(-len(self._queries) // 20))
        found = []
        for start in range(0, len(self._queries), step):
            found.append(_checked(self._system.search(self._queries[start : start + step], k)))
            self._progress(min(1.0, (start + step) / len(self._queries)), "")
        width = max(hits.positions.shape[1] for hits in found)
        merged = Hits(
            np.vstack([_padded(hits.positions, width, -1) for hits in found]),
            np.vstack([_padded(hits.scores, width, 0) for hits in found]),
        )
        return canonical_run(merged, query_ids, doc_ids, k)

    def _answers(self, run: Run, at: int, dataset: Dataset) -> list[Answer]:
        top = run.doc_ids[at][:ANSWERS]
        texts = {doc.id: doc.content for doc in dataset.corpus if doc.id in top}
        grades = dataset.test.qrels[run.query_ids[at]]
        return [Answer(doc_id, texts[doc_id][:SNIPPET], grades.get(doc_id, 0) > 0) for doc_id in top]

    def _sizes(self, fits: FitStore) -> Sizes:
        peak, cuda_peak = peak_bytes(), cuda_peak_bytes(self.job.device)  # before the walk below adds to them
        return Sizes(
            parameters=parameter_count(self._system),
            index_bytes=held_bytes(self._system),
            fit_peak_bytes=fits.peak,
            peak_bytes=peak,
            fit_cuda_peak_bytes=fits.cuda_peak,
            cuda_peak_bytes=cuda_peak,
        )

    def _phase(self, name: str) -> None:
        self._report({"event": "phase", "phase": name})

    def _progress(self, fraction: float, note: str) -> None:
        self._report({"event": "progress", "fraction": fraction, "note": note})


def _without_blanks(run: Run) -> Run:
    """The run with white space in ids written as %XX, since a TREC file separates its fields by it."""

    def name(text: str) -> str:
        return re.sub(r"\s", lambda blank: quote(blank.group()), text)

    return Run(tuple(map(name, run.query_ids)), tuple(tuple(map(name, row)) for row in run.doc_ids), run.scores)


def _description(system: Retriever) -> str:
    """First line of the docstring; for a system of parts, that of each."""
    if isinstance(system, Composite):
        kind = (type(system).__doc__ or "").partition("\n")[0]
        inner = [f"{canonical(part)}: {(type(part).__doc__ or '').partition(chr(10))[0]}" for part in system.components]
        return " ".join([kind, *inner])
    return (type(system).__doc__ or "").partition("\n")[0]


def _learned(system: Any) -> dict[str, Any]:
    """What fit chose, as the components tell it; the parts of a system by their spec."""
    own = dict(getattr(system, "learned", {}))
    if isinstance(system, Composite):
        return {**{str(canonical(part)): _learned(part) for part in system.components if _learned(part)}, **own}
    return own


def _checked(hits: object) -> Hits:
    """What ``search`` returned, as arrays of two dimensions; everything else about it is checked with the ranking."""
    if not isinstance(hits, Hits):
        raise HitsError(f"search() returned {type(hits).__name__}, not Hits")
    positions, scores = np.asarray(hits.positions), np.asarray(hits.scores)
    if positions.ndim != 2 or positions.shape != scores.shape:  # noqa: PLR2004
        raise HitsError(
            f"search() returned positions {positions.shape} and scores {scores.shape}, not two [Q, k] arrays"
        )
    return Hits(positions, scores)


def _padded(array: Any, width: int, fill: int) -> Any:
    missing = width - array.shape[1]
    return np.pad(array, ((0, 0), (0, missing)), constant_values=fill) if missing else array
