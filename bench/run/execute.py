"""Carries a plan out: each job in a process of its own, then the clock over all of them, every result stored at once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from bench import fingerprint
from bench.outcome import Answer, Outcome, RunRecord, Sizes, Timings
from bench.run import rounds, serving
from bench.run.job import Job
from bench.run.loads import LATENCY_K
from bench.run.plan import Plan
from bench.run.process import JobFailedError, WorkerProcess
from bench.run.record import finished
from bench.run.rounds import Clock, Running, measure_rounds
from bench.run.serving import measure_serving
from bench.run.session import RESTART
from bench.run.store import Store
from bench.run.tenants import Tenant


class Events(Protocol):
    """Who is told what goes on inside a process."""

    def phase(self, name: str) -> None:
        """The job's next phase begins."""

    def progress(self, fraction: float, note: str) -> None:
        """How much of the phase is done."""


class Observer(rounds.Observer, serving.Observer, Events, Protocol):
    """Who is told what is running."""

    def job(self, number: int, total: int, label: str) -> None:
        """A job begins."""

    def ended(self, label: str, failure: str) -> None:
        """A job has its quality results, or failed."""


def execute(plan: Plan, store: Store, record: RunRecord, observer: Observer) -> RunRecord:
    """Run every job and store what it gives as soon as it is there; Ctrl-C keeps what is finished.

    Returns the record with what the results added to it, and whether the run was interrupted.
    """
    store.save_record(record)
    store.save_qrels(plan.dataset.test.qrels)
    clock = Clock(len(plan.dataset.test.queries), plan.request.seeds[0], store.save_outcome)
    running = clock.running
    hosts: dict[tuple[str, int, str, int | None], Tenant] = {}
    try:
        for number, job in enumerate(plan.jobs, start=1):
            observer.job(number, len(plan.jobs), job.label)
            running.append(_joined(store, job, hosts[job.house]) if job.host else _started(plan, store, job, running))
            if isinstance(running[-1].worker, Tenant):
                hosts.setdefault(job.house, running[-1].worker)
            _prepare(plan, store, record, running[-1], observer)
            if not (job.timed and running[-1].outcome.status == "ok"):
                running.pop().worker.close()
        measure_rounds(clock, observer)
        if plan.request.slo is not None:
            measure_serving(clock, plan.request.slo, observer)
    except KeyboardInterrupt:
        record = replace(record, interrupted=True)
        store.save_record(record)
        for job in plan.jobs:
            if not store.has_outcome(job):
                store.save_outcome(_without_result(job, "interrupted", "interrupted before it finished"))
    finally:
        for one in running:
            one.worker.close()
        for host in hosts.values():
            host.end()
    record = finished(plan, store, record, clock)
    store.save_record(record)
    return record


def _started(plan: Plan, store: Store, job: Job, running: list[Running]) -> Running:
    """A fresh process for a job; the processes that wait for the clock share the memory limit with it."""
    job = replace(job, run_file=str(store.run_file(job)))
    waiting = sum(one.worker.unshared() for one in running)
    memory = plan.request.memory - waiting
    worker = WorkerProcess(job, store.log_file(job), timeout=plan.request.timeout, memory=memory, waiting=waiting)
    return Running(job, Tenant(worker, job) if job.guests else worker, _without_result(job, "interrupted", ""))


def _joined(store: Store, job: Job, host: Tenant) -> Running:
    """A job that uses the process and the index of another one, which came before it."""
    job = replace(job, run_file=str(store.run_file(job)))
    return Running(job, host.guest(job), _without_result(job, "interrupted", ""))


def _without_result(job: Job, status: str, failure: str) -> Outcome:
    return Outcome(job.spec, job.seed, job.device, status, failure, train_pairs=job.train_pairs)


def _prepare(plan: Plan, store: Store, record: RunRecord, one: Running, observer: Observer) -> None:
    """Fit, index and search in the job's process, and store what comes of it."""
    job = one.job
    try:
        result = one.worker.prepare(event_handler(observer))
        if RESTART in result:
            one.worker.close()
            again = replace(job, refit=False, fit_cached=result["cached"])
            one.worker = one.worker.again(again)
            result = one.worker.prepare(event_handler(observer))
        one.outcome = _outcome(plan, record, job, result)
        observer.ended(job.label, "")
    except JobFailedError as error:
        one.outcome = _without_result(job, "failed", str(error))
        observer.ended(job.label, str(error))
    store.save_outcome(one.outcome)


def event_handler(observer: Events) -> Callable[[Mapping[str, Any]], None]:
    """Pass on what a process tells of its phases."""

    def handle(event: Mapping[str, Any]) -> None:
        if event["event"] == "phase":
            observer.phase(event["phase"])
        else:
            observer.progress(event["fraction"], event["note"])

    return handle


def _outcome(plan: Plan, record: RunRecord, job: Job, result: Mapping[str, Any]) -> Outcome:
    """What the process told, with what its numbers may be compared with."""
    pool = f"{plan.pool}, {record.counts['pool']} documents"
    content = plan.content[job.train_pairs]
    identity = {
        "quality": fingerprint.quality_identity(content, pool),
        "latency": fingerprint.latency_identity(
            content, record.environment, pool=pool, device=job.device, threads=job.threads, k=LATENCY_K
        ),
    }
    plain = ("description", "parameters", "learned", "family", "live", "seeded", "source_hash", "unanswered")
    return Outcome(
        spec=job.spec,
        seed=job.seed,
        device=job.device,
        status="ok",
        train_pairs=job.train_pairs,
        **{name: result[name] for name in plain},
        fingerprints={name: fingerprint.fingerprint(parts) for name, parts in identity.items()},
        identity=identity,
        scores={name: tuple(values) for name, values in result["scores"].items()},
        bounds={name: tuple(values) for name, values in result["bounds"].items()},
        first_ranks=tuple(result["first_ranks"]),
        answers=tuple(tuple(Answer(**answer) for answer in row) for row in result["answers"]),
        timings=Timings(**result["timings"], latency_k=LATENCY_K),
        sizes=Sizes(**result["sizes"]),
    )
