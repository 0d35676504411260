"""The life of one system inside its process: open, fit, index, search, and the actions that the clock repeats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.api import Doc, Env, Hits, Query, Retriever
from bench.build import build, canonical, parameters
from bench.data.dataset import Dataset
from bench.data.subset import pair_count, with_train_pairs
from bench.errors import DataError, HitsError
from bench.fingerprint import fingerprint
from bench.measure.clock import synchroniser
from bench.measure.memory import (
    cuda_peak_bytes,
    held_bytes,
    parameter_count,
    peak_bytes,
    reset_peaks,
    stored_bytes,
)
from bench.measure.quality import evaluate, first_relevant_ranks, parse_measure
from bench.measure.ranking import Run, write_trec
from bench.measure.ranking import canonical as canonical_run
from bench.measure.ties import tie_bounds
from bench.outcome import Answer
from bench.pipeline import Composite, contents_of, family_of, is_live, is_seeded
from bench.plugins import find
from bench.run.corpus import CorpusHandle, search_order
from bench.run.fits import FitStore, sources_of
from bench.run.job import Job
from bench.run.loads import Loads
from bench.run.opaque import opaque_docs, opaque_pairs, opaque_queries
from bench.run.process_start import opened, tell_torch
from bench.run.store import trec_id
from bench.run.sweeps import settings_of
from bench.spec import parse

RESTART = "restart"
"""Key of an answer that asks for a fresh process."""
COMPILING = 1.0
"""Seconds of ``prepare`` beyond which it has compiled, which leaves tens of megabytes in memory."""

ANSWERS = 3
"""Top answers kept for each sample question."""

SNIPPET = 600
"""Characters of an answer's text that are kept for display."""


class Session:
    """One job from its data to its measurements; ``report`` gets events (phase, progress) as they happen."""

    def __init__(self, job: Job, report: Callable[[dict[str, Any]], None]) -> None:
        self.job = job
        self._report = report
        logs = Path(job.logs) / job.slug if job.logs else None
        self._env = Env(job.device, job.seed, job.threads, Path(job.cache), self._progress, logs=logs)
        self._synchronise = synchroniser(job.device)
        self._peaks: dict[str, int] = {}
        self._cuda_peaks: dict[str, int] = {}

    def prepare(self) -> dict[str, Any]:
        """Fit, index, search once for quality; returns the parts of an Outcome that this process knows.

        A process that has learned something ends there, if it could store it: indexing and searching are measured in a
        fresh one that takes the fit over, or what learning leaves in memory would count as theirs. So does one that had to
        compile, where nothing is learned: the next one loads what was compiled.
        """
        with self._phase("open"):
            dataset = opened(self.job)
            plugins = find([Path(path) for path in self.job.plugins])
            self._system = build(parse(self.job.spec), plugins)
            tell_torch(self.job.seed, self.job.threads)
            start = perf_counter()
            self._system.prepare(self._env)
            compiled = perf_counter() - start > COMPILING
        with self._phase("fit"):
            learning = with_train_pairs(dataset, self.job.train_pairs)
            cache = Path(self.job.cache)
            fits = FitStore(
                cache / "fits",
                plugins,
                learning.fingerprint,
                refit=self.job.refit,
                checkpoints=cache / "checkpoints",
            )
            train, dev = opaque_pairs(learning.pairs("train")), opaque_pairs(dataset.pairs("dev"))
            fits.fit(self._system, train, dev, self._env)
            pairs = pair_count(train.qrels)
            del train, dev, learning
        if (fits.renewable or (compiled and not fits.device)) and self.job.fit_cached is None:
            return {RESTART: True, "cached": fits.cached}
        self._peaks.pop("fit")  # what counts is the fit itself, also where it was done by an earlier process
        self._cuda_peaks.pop("fit", None)
        self._remember("fit", fits.peak, fits.cuda_peak)
        docs = search_order(dataset.documents(self.job.pool))
        with self._phase("index"):
            index_seconds = self._index(docs)
        self._loads = Loads(self._system.search, opaque_queries(dataset.test.queries), self._synchronise)
        self._searching, self._guests, self._dataset = self.job.spec, self.job.guests, dataset
        self._settings = {self.job.spec: settings_of(self._system)}
        self._costs = {
            "fit_seconds": fits.seconds,
            "fit_cached": fits.cached if self.job.fit_cached is None else self.job.fit_cached,
            "fit_device": fits.device,
            "fit_pairs": pairs if fits.device else 0,
            "index_seconds": index_seconds,
        }
        self._source = fingerprint({**sources_of(self._system, plugins), "contents": contents_of(self._system)})
        return self._results(self.job, [doc.id for doc in docs])

    def measure(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """What the clock asks for, of the system named, with the seconds by stage that it took.

        A command with a job in it brings in another system, which searches this one's index; it is answered like ``prepare``.
        """
        if "job" in command:
            job = Job.from_json(command["job"])
            self._guests -= 1
            self._search_as(job.spec)
            return self._results(job, [doc.id for doc in search_order(self._dataset.documents(job.pool))])
        self._search_as(command.get("system", self._searching))
        self._env.stages.clear()
        return {**self._loads.carry_out(command), "stages": dict(self._env.stages)}

    def _search_as(self, spec: str) -> None:
        """Search with the parameters of this system from now on."""
        if spec not in self._settings:
            self._settings[spec] = settings_of(build(parse(spec), find([Path(path) for path in self.job.plugins])))
        if spec != self._searching:
            self._system.retune(**self._settings[spec])
            self._searching = spec

    def _results(self, job: Job, doc_ids: list[str]) -> dict[str, Any]:
        """Search once for quality; the parts of an Outcome that this process knows. Guests have no first search of all."""
        dataset = self._dataset
        if not self._guests:
            del self._dataset  # nobody will come who needs it, and it is large
        queries = opaque_queries(dataset.test.queries)
        with self._phase("search"):
            cold = self._loads.cold() if job.timed and not job.host else None
            run = self._search(queries, [query.id for query in dataset.test.queries], doc_ids)
        write_trec(_named(run), Path(job.run_file), job.spec)
        if not is_live(self._system) and not any(run.doc_ids):
            raise DataError(f"{job.spec} answers none of the {len(queries)} questions; are its ids the dataset's?")
        return {
            **self._about(),
            **self._judged(run, dataset),
            "source_hash": self._source,
            "timings": {**self._costs, "cold_seconds": cold},
            "sizes": {
                "parameters": parameter_count(self._system),
                "index_bytes": held_bytes(self._system),
                "index_disk_bytes": stored_bytes(self._system),
                "peaks": self._peaks,
                "cuda_peaks": self._cuda_peaks,
            },
        }

    def _about(self) -> dict[str, Any]:
        """What the system is."""
        return {
            "description": _description(self._system),
            "parameters": parameters(self._system),
            "learned": _learned(self._system),
            "family": family_of(self._system),
            "live": is_live(self._system),
            "seeded": is_seeded(self._system),
        }

    def _judged(self, run: Run, dataset: Dataset) -> dict[str, Any]:
        """How good its ranking is."""
        ids, qrels = run.query_ids, dataset.test.qrels
        measures = [parse_measure(text) for text in self.job.measures]
        bounds = tie_bounds(run, qrels, ids, measures)
        return {
            "scores": {name: values.tolist() for name, values in evaluate(run, qrels, ids, measures).items()},
            "bounds": {name: (float(low.mean()), float(high.mean())) for name, (low, high) in bounds.items()},
            "first_ranks": first_relevant_ranks(run, qrels, ids).tolist(),
            "unanswered": sum(not found for found in run.doc_ids),
            "answers": [[asdict(answer) for answer in self._answers(run, at, dataset)] for at in self.job.samples],
        }

    def _index(self, docs: list[Doc]) -> float:
        handle = CorpusHandle(opaque_docs(docs))
        self._synchronise()
        start = perf_counter()
        self._system.index(handle, self._env)
        self._synchronise()
        seconds = perf_counter() - start
        handle.close()
        return seconds

    def _search(self, queries: Sequence[Query], query_ids: list[str], doc_ids: list[str]) -> Run:
        """Search all held-out questions in blocks, so that progress shows; the clock is not running yet."""
        k = min(self.job.depth, len(doc_ids))
        step = max(1, -(-len(queries) // 20))
        found = []
        for start in range(0, len(queries), step):
            found.append(_checked(self._system.search(queries[start : start + step], k)))
            self._progress(min(1.0, (start + step) / len(queries)), "")
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

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Tell the parent what begins, and keep the largest memory that it took."""
        self._report({"event": "phase", "phase": name})
        reset_peaks(self.job.device)
        yield
        self._remember(name, peak_bytes(), cuda_peak_bytes(self.job.device))

    def _remember(self, phase: str, peak: int | None, cuda_peak: int | None) -> None:
        if peak is not None:
            self._peaks[phase] = peak
        if cuda_peak is not None:
            self._cuda_peaks[phase] = cuda_peak

    def _progress(self, fraction: float, note: str) -> None:
        self._report({"event": "progress", "fraction": fraction, "note": note})


def _named(run: Run) -> Run:
    """The run with ids that a TREC file can hold."""
    return Run(tuple(map(trec_id, run.query_ids)), tuple(tuple(map(trec_id, row)) for row in run.doc_ids), run.scores)


def _description(system: Retriever) -> str:
    """First line of the docstring; for a system of parts, that of each."""
    if isinstance(system, Composite):
        kind = (type(system).__doc__ or "").partition("\n")[0]
        inner = [f"{canonical(part)}: {(type(part).__doc__ or '').partition(chr(10))[0]}" for part in system.components]
        return " ".join([kind, *dict.fromkeys(inner)])
    return (type(system).__doc__ or "").partition("\n")[0]


def _learned(system: Any) -> dict[str, Any]:
    """What fit chose, as the components tell it; the parts of a system by their spec."""
    own = dict(getattr(system, "learned", {}))
    if isinstance(system, Composite):
        told = [(str(canonical(part)), _learned(part)) for part in system.components]
        names = [name for name, _ in told]
        numbered = [f"{name} ({at + 1})" if names.count(name) > 1 else name for at, name in enumerate(names)]
        return {**{name: learned for name, (_, learned) in zip(numbered, told, strict=True) if learned}, **own}
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
