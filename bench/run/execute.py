"""Carries a plan out: each job in a process of its own, latencies in interleaved rounds, every result stored at once."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any, Protocol

from bench import fingerprint
from bench.measure.clock import fit_to
from bench.measure.machine import machine_facts, versions
from bench.outcome import Answer, Outcome, RunRecord, Sizes, Timings
from bench.run.canaries import canaries, chance_verdict
from bench.run.job import Job
from bench.run.plan import Plan
from bench.run.process import JobFailedError, WorkerProcess
from bench.run.session import LATENCY_K
from bench.run.store import Store

ROUNDS = 5
SINGLES = 1000
"""Single searches timed per system when they fit the budget: enough for a p99."""
SINGLE_BUDGET = 15.0
"""Seconds of single searches per system, over all rounds."""
BATCH_BUDGET = 10.0
"""Seconds of batch searches per system, over all rounds."""
WARM_UP = 1.0
"""Seconds of searches before the first sample that counts, at most."""

PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "rank-bm25", "pandas", "PyStemmer", "retrieverbench")


class Observer(Protocol):
    """Who is told what is running."""

    def job(self, number: int, total: int, label: str) -> None:
        """A job begins."""

    def phase(self, name: str) -> None:
        """The job's next phase begins."""

    def progress(self, fraction: float, note: str) -> None:
        """How much of the phase is done."""

    def ended(self, label: str, failure: str) -> None:
        """A job has its quality results, or failed."""

    def round(self, number: int, total: int) -> None:
        """A round of the clock begins."""


@dataclass
class _Running:
    """A job whose process is alive for the clock."""

    job: Job
    worker: WorkerProcess
    outcome: Outcome
    seconds_each: float = 0.0
    batch: int = 0
    singles: list[float] = field(default_factory=list)
    batches: list[float] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)


def make_record(plan: Plan, name: str, command: str) -> RunRecord:
    """What the run is, before anything has run; canaries included."""
    dataset, test = plan.dataset, plan.dataset.test
    texts = {doc.id: doc.content for doc in dataset.corpus}
    right = {query.id: max(test.qrels[query.id].items(), key=lambda item: item[1])[0] for query in test.queries}
    samples = [(at, test.queries[at]) for at in plan.samples]
    return RunRecord(
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        name=name,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        facts=dataset.facts,
        counts={
            "documents": len(dataset.corpus),
            "pool": len(dataset.documents(plan.pool)),
            "train": len(dataset.train.queries),
            "dev": len(dataset.dev.queries),
            "test": len(test.queries),
        },
        pool=plan.pool,
        cutoffs=plan.request.cutoffs,
        measures=plan.measures,
        seeds=plan.request.seeds,
        devices=plan.devices,
        systems=tuple(dict.fromkeys(job.spec for job in plan.jobs)),
        query_ids=tuple(query.id for query in test.queries),
        grades=tuple(tuple(test.qrels[query.id].values()) for query in test.queries),
        groups=tuple(dataset.groups.get(query.id, query.id) for query in test.queries),
        samples=tuple((at, query.text, texts[right[query.id]][:600]) for at, query in samples),
        environment={**machine_facts(), "threads": str(plan.threads), **versions(PACKAGES)},
        canaries=canaries(dataset, plan.pool),
    )


def execute(plan: Plan, store: Store, record: RunRecord, observer: Observer) -> RunRecord:
    """Run every job and store what it gives as soon as it is there; Ctrl-C keeps what is finished.

    Returns the record with the canaries that the outcomes added, and whether the run was interrupted.
    """
    store.save_record(record)
    running: list[_Running] = []
    try:
        for number, job in enumerate(plan.jobs, start=1):
            observer.job(number, len(plan.jobs), job.label)
            running.append(_started(plan, store, job, running))
            _prepare(plan, store, record, running[-1], observer)
            if not (job.timed and running[-1].outcome.status == "ok"):
                running.pop().worker.close()
        _measure_latency(plan, store, running, observer)
    except KeyboardInterrupt:
        record = replace(record, interrupted=True)
        for job in plan.jobs:
            if not store.has_outcome(job):
                store.save_outcome(_without_result(job, "interrupted", "interrupted before it finished"))
    finally:
        for one in running:
            one.worker.close()
    return _with_random_canary(plan, store, record)


def _started(plan: Plan, store: Store, job: Job, running: list[_Running]) -> _Running:
    """A fresh process for a job; the processes that wait for the clock share the memory limit with it."""
    job = replace(job, run_file=str(store.run_file(job)))
    memory = plan.request.memory - sum(one.worker.resident() for one in running)
    worker = WorkerProcess(job, store.log_file(job), timeout=plan.request.timeout, memory=memory)
    return _Running(job, worker, _without_result(job, "interrupted", ""))


def _without_result(job: Job, status: str, failure: str) -> Outcome:
    return Outcome(job.spec, job.seed, job.device, status, failure)


def _prepare(plan: Plan, store: Store, record: RunRecord, one: _Running, observer: Observer) -> None:
    """Fit, index and search in the job's process, and store what comes of it."""
    job = one.job
    try:
        result = one.worker.prepare(_event_handler(observer))
        one.outcome = _outcome(plan, record, job, result)
        observer.ended(job.label, "")
    except JobFailedError as error:
        one.outcome = _without_result(job, "failed", str(error))
        observer.ended(job.label, str(error))
    store.save_outcome(one.outcome)


def _event_handler(observer: Observer) -> Callable[[Mapping[str, Any]], None]:
    def handle(event: Mapping[str, Any]) -> None:
        if event["event"] == "phase":
            observer.phase(event["phase"])
        else:
            observer.progress(event["fraction"], event["note"])

    return handle


def _outcome(plan: Plan, record: RunRecord, job: Job, result: Mapping[str, Any]) -> Outcome:
    machine = record.environment
    pool, data = plan.pool, record.fingerprint
    return Outcome(
        spec=job.spec,
        seed=job.seed,
        device=job.device,
        status="ok",
        description=result["description"],
        parameters=result["parameters"],
        learned=result["learned"],
        seeded=result["seeded"],
        source_hash=result["source_hash"],
        fingerprints={
            "quality": fingerprint.quality(data, pool, plan.measures),
            "latency": fingerprint.latency(
                dataset=data, pool=pool, device=job.device, threads=job.threads, k=LATENCY_K, machine=machine
            ),
        },
        scores={name: tuple(values) for name, values in result["scores"].items()},
        first_ranks=tuple(result["first_ranks"]),
        unanswered=result["unanswered"],
        answers=tuple(tuple(Answer(**answer) for answer in row) for row in result["answers"]),
        timings=Timings(
            fit_seconds=result["fit_seconds"],
            fit_cached=result["fit_cached"],
            fit_device=result["fit_device"],
            index_seconds=result["index_seconds"],
            latency_k=LATENCY_K,
        ),
        sizes=Sizes(**result["sizes"]),
    )


def _measure_latency(plan: Plan, store: Store, running: list[_Running], observer: Observer) -> None:
    """Rounds over all systems in an order drawn anew each time, so that a drift of the machine hits all alike."""
    rng = random.Random(plan.request.seeds[0])
    questions = len(plan.dataset.test.queries)
    for number in range(ROUNDS + 1 if running else 0):
        observer.round(number, ROUNDS)
        asked = [rng.randrange(questions) for _ in range(SINGLES // ROUNDS)]  # the same for all; slow ones do the first
        for one in rng.sample(running, len(running)):
            try:
                if number == 0:
                    _warm_up(one, questions)
                else:
                    _time(one, asked)
            except JobFailedError as error:
                one.worker.close()
                running.remove(one)
                one.outcome = replace(one.outcome, latency_failure=str(error))
            one.outcome = replace(one.outcome, timings=_timings(one))
            store.save_outcome(one.outcome)


def _warm_up(one: _Running, questions: int) -> None:
    """Search until caches and clocks have settled, and learn how much fits a round."""
    samples = one.worker.time("single", [at % questions for at in range(200)], WARM_UP)["samples"]
    one.seconds_each = median(samples)
    trial = min(questions, fit_to(BATCH_BUDGET / ROUNDS, questions, one.seconds_each))
    seconds = one.worker.time("batch", [trial], WARM_UP)["samples"][0]
    one.batch = fit_to(BATCH_BUDGET / ROUNDS, questions, seconds / trial)


def _time(one: _Running, asked: list[int]) -> None:
    answer = one.worker.time("single", asked, SINGLE_BUDGET / ROUNDS)
    one.singles += answer["samples"]
    for stage, seconds in answer["stages"].items():
        one.stages[stage] = one.stages.get(stage, 0.0) + seconds
    one.batches += one.worker.time("batch", [one.batch], BATCH_BUDGET / ROUNDS)["samples"]


def _timings(one: _Running) -> Timings:
    return replace(
        one.outcome.timings,
        single_seconds=tuple(one.singles),
        batch_seconds=tuple(one.batches),
        batch_queries=one.batch,
        stages=dict(one.stages),
    )


def _with_random_canary(plan: Plan, store: Store, record: RunRecord) -> RunRecord:
    """Where the random retriever ran, it must have scored what the closed form says."""
    added = {}
    for outcome in store.load()[1]:
        if outcome.spec == "random" and outcome.status == "ok":
            ranks = outcome.first_ranks
            success = sum(0 < rank <= 10 for rank in ranks) / len(ranks)  # noqa: PLR2004
            verdict = chance_verdict(success, plan.dataset.test.qrels, record.counts["pool"])
            added[f"random (seed {outcome.seed})"] = verdict
    record = replace(record, canaries={**record.canaries, **added})
    store.save_record(record)
    return record
