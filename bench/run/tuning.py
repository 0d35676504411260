"""Hyper-parameters chosen on dev before the run, in a process that lets go of the test split before a plug-in is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

from bench.build import build, canonical, index_spec
from bench.errors import SpecError
from bench.outcome import Trial, Tuning
from bench.plugins import Plugin, find
from bench.run.execute import Events, event_handler
from bench.run.job import Job
from bench.run.plan import Plan
from bench.run.process import JobFailedError, WorkerProcess
from bench.run.proposals import propose
from bench.run.refits import learned_once
from bench.run.search_space import Value, assigned
from bench.run.studies import Study
from bench.spec import parse

HOPELESS = 5
"""Failed trials in a row after which a study ends."""


class Observer(Events, Protocol):
    """Who is told what is tried."""

    def trial(self, number: int, fraction: float, label: str) -> None:
        """A trial begins; so much of the budget is spent."""

    def ended(self, label: str, failure: str) -> None:
        """A study is done, or a trial has failed."""


def tuned(plan: Plan, observer: Observer) -> Plan:
    """The plan with the best system of every study beside the one that was given, and with what the studies found.

    After Ctrl-C the trials so far are in the cache, and the same command goes on from there.
    """
    plugins = find(plan.request.plugins)
    jobs, tunings = list(plan.jobs), []
    for study in plan.studies:
        try:
            tunings.append(_search(plan, study, plugins, observer))
        except KeyboardInterrupt:
            again = "the same command without --refit" if study.job.refit else "the same command"
            raise KeyboardInterrupt(
                f"interrupted while tuning; {again} goes on after the trials that have ended"
            ) from None
        given, found = tunings[-1].spec, tunings[-1].found
        if found not in {job.spec for job in jobs}:
            for job in [job for job in jobs if job.spec == given]:
                _insert(jobs, job, replace(job, spec=found, host="", guests=0, refit=plan.request.refit), plugins)
    return replace(plan, jobs=learned_once(jobs, plugins), tunings=tuple(tunings))


def _insert(jobs: list[Job], given: Job, found: Job, plugins: Mapping[str, Plugin]) -> None:
    """A job after that of the given system: in the house whose index it can search, else after all who share given's."""
    index = _index_of(found.spec, plugins)
    host = next(
        (job for job in jobs if job.guests and _index_of(job.spec, plugins) == index and _beside(job, given)), None
    )
    if host is not None:
        jobs[jobs.index(host)] = replace(host, guests=host.guests + 1)
        found = replace(found, host=host.spec)
    house = (host or given).house
    last = max(at for at, job in enumerate(jobs) if job.house == house)
    jobs.insert(last + 1, found)


def _beside(one: Job, other: Job) -> bool:
    """Whether they differ in the system alone."""
    return (one.seed, one.device, one.train_pairs) == (other.seed, other.device, other.train_pairs)


def _index_of(spec: str, plugins: Mapping[str, Plugin]) -> str:
    return str(index_spec(build(parse(spec), plugins)))


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest RR@10, the first of equals; None where all have failed."""
    ended = [trial for trial in trials if trial.dev is not None]
    return max(ended, key=lambda trial: trial.dev or 0.0, default=None)


def _search(plan: Plan, study: Study, plugins: dict[str, Plugin], observer: Observer) -> Tuning:
    """Take over the stored trials, then try until the budget is spent; each trial is stored when it ends."""
    stored, trials, ending = study.load(), list[Trial](), ""
    process = _Process(plan, study, observer)
    try:
        while study.request.budget.spent(trials) < 1 and not ending:
            if len(trials) < len(stored):
                trials.append(stored[len(trials)])
            else:
                spec, values = _next(study, trials, plugins)
                if values is None:
                    ending = "every setting has been tried"
                    break
                observer.trial(len(trials) + 1, study.request.budget.spent(trials), f"tuning {study.job.spec}")
                trials.append(process.run(spec, values))
                study.save(trials)
            if len(trials) >= HOPELESS and all(trial.dev is None for trial in trials[-HOPELESS:]):
                ending = f"{HOPELESS} trials in a row have failed"
    finally:
        process.close()
    best = best_of(trials)
    observer.ended(f"tuning {study.job.spec}", "" if best else trials[-1].failure)
    return Tuning(
        spec=study.job.spec,
        found=best.spec if best else study.job.spec,
        budget=study.request.budget.text,
        seed=study.job.seed,
        device=study.job.device,
        questions=study.questions,
        documents=study.documents,
        train_pairs=study.job.train_pairs,
        space={one.name: str(one) for one in study.dimensions},
        trials=tuple(trials),
        ending=ending,
    )


def _next(study: Study, trials: Sequence[Trial], plugins: dict[str, Plugin]) -> tuple[str, dict[str, Value] | None]:
    """The system as given first; then what is proposed, and the spec that says so."""
    if not trials:
        return study.job.spec, {one.name: one.given for one in study.dimensions}
    values = propose(study.dimensions, trials, study.job.seed)
    if values is None:
        return "", None
    spec = assigned(study.request.spec, study.dimensions, values)
    try:
        return str(canonical(build(spec, plugins))), values
    except SpecError:  # values that do not go together; the trial will say so
        return str(spec), values


@dataclass
class _Process:
    """Runs trials in one process; in a fresh one after a failure, which may have left anything behind."""

    plan: Plan
    study: Study
    observer: Observer
    _worker: WorkerProcess | None = None

    def run(self, spec: str, values: dict[str, Value]) -> Trial:
        """One trial; what goes wrong is its failure."""
        start = monotonic()
        try:
            result = self._ready().trial(spec, event_handler(self.observer))
        except JobFailedError as error:
            self.close()
            self.observer.ended(spec, str(error))
            return Trial(spec, values, None, monotonic() - start, str(error))
        return Trial(spec, values, result["dev"], result["seconds"])

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _ready(self) -> WorkerProcess:
        if self._worker is None:
            request = self.plan.request
            self._worker = WorkerProcess(self.study.job, self.study.log, timeout=request.timeout, memory=request.memory)
            self._worker.prepare(event_handler(self.observer))
        return self._worker
