"""Trials of hyper-parameters in a process of their own, which lets go of the test split before a plug-in is imported."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.api import Component, Env, Pairs, Retriever
from bench.build import build
from bench.combining import tuned, usable
from bench.data.subset import with_train_pairs
from bench.pipeline import env_for
from bench.plugins import find
from bench.run.corpus import CorpusHandle, search_order
from bench.run.job import Job
from bench.run.opaque import opaque_pairs
from bench.run.process_start import opened, seed_generators, tell_torch
from bench.spec import parse

DEPTH = 10
"""RR@10 sees no more."""


def learning_data(job: Job) -> tuple[Pairs, Pairs]:
    """Train and dev of the job's collection; the rest of it is let go before a retriever is even imported."""
    dataset = with_train_pairs(opened(job), job.train_pairs)
    return opaque_pairs(dataset.pairs("train")), opaque_pairs(dataset.pairs("dev"))


class Trials:
    """Tries one system after the other; ``report`` gets events (phase, progress) as they happen."""

    def __init__(self, job: Job, report: Callable[[dict[str, Any]], None]) -> None:
        self.job = job
        self._report = report

    def prepare(self) -> dict[str, Any]:
        """Open train and dev."""
        self._phase("open")
        self._train, self._dev = learning_data(self.job)
        return {}

    def measure(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Fit the system ``spec`` on train, index the dev documents, search the dev questions: RR@10 and seconds.

        Every trial begins as if it were the first, so that it does not matter after which others it is run.
        """
        job = self.job
        seed_generators(job.seed)
        system = build(parse(command["spec"]), find([Path(path) for path in job.plugins]))
        tell_torch(job.seed, job.threads)
        env = Env(job.device, job.seed, job.threads, Path(job.cache), self._progress, fit_afresh)
        system.prepare(env_for(system, env))
        start = perf_counter()
        self._phase("fit")
        fit_afresh(system, self._train, self._dev, env)
        value = self._mean_rr(system, env)
        return {"dev": value, "seconds": perf_counter() - start}

    def _mean_rr(self, system: Retriever, env: Env) -> float:
        docs = search_order(self._dev.corpus)
        self._phase("index")
        handle = CorpusHandle(docs)
        system.index(handle, env)
        handle.close()
        self._phase("search")
        hits = usable(system.search(self._dev.queries, DEPTH), len(docs), type(system).__name__)
        return tuned((hits,), lambda found: found, self._dev._replace(corpus=docs))[1]

    def _phase(self, name: str) -> None:
        self._report({"event": "phase", "phase": name})

    def _progress(self, fraction: float, note: str) -> None:
        self._report({"event": "progress", "fraction": fraction, "note": note})


def fit_afresh(component: Component, train: Pairs, dev: Pairs, env: Env) -> None:
    """Fit a component, and through ``Env.fitter`` its parts, without keeping what they learn: trials would fill the disk."""
    component.fit(train, dev, env_for(component, env))
