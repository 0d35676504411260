"""What a run was: its record before anything has run, and what the results add to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from psutil import getloadavg

from bench.data.audit import audit
from bench.data.dataset import Dataset, Split
from bench.measure.machine import machine_facts, versions
from bench.measure.slices import features
from bench.outcome import Outcome, Published, RunRecord
from bench.run.canaries import canaries, chance_verdict
from bench.run.contrasts import contrasts
from bench.run.plan import Plan
from bench.run.rounds import Clock
from bench.run.store import Store

PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "scikit-learn",
    "numba",
    "rank-bm25",
    "faiss-cpu",
    "pandas",
    "PyStemmer",
    "retrieverbench",
)
RIGHT = 600
"""Characters of a right answer that are kept for display."""


def make_record(plan: Plan, name: str, command: str) -> RunRecord:
    """What the run is, before anything has run; canaries and the audit of the split included."""
    dataset, test = plan.dataset, plan.dataset.test
    texts = {doc.id: doc.content for doc in dataset.corpus}
    right = [[texts[doc_id] for doc_id in best_first(test, query.id)] for query in test.queries]
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
        depth=plan.depth,
        cutoffs=plan.request.cutoffs,
        measures=plan.measures,
        seeds=plan.request.seeds,
        devices=plan.devices,
        train_pairs=plan.train_pairs,
        tunings=plan.tunings,
        sweeps=plan.sweeps,
        systems=tuple(dict.fromkeys(job.spec for job in plan.jobs)),
        query_ids=tuple(query.id for query in test.queries),
        grades=tuple(tuple(test.qrels[query.id].values()) for query in test.queries),
        groups=tuple(dataset.groups.get(query.id, query.id) for query in test.queries),
        samples=tuple((at, test.queries[at].text, right[at][0][:RIGHT]) for at in plan.samples),
        features=features([query.text for query in test.queries], right, _learned_from(dataset)),
        audit=audit(dataset, plan.pool),
        references=_references(plan),
        environment={**machine_facts(), "threads": str(plan.threads), **versions(PACKAGES)},
        slo=plan.request.slo,
        prices=plan.request.prices,
        canaries=canaries(dataset, plan.pool),
    )


def finished(plan: Plan, store: Store, record: RunRecord, clock: Clock) -> RunRecord:
    """The record with what the outcomes and the clock added to it."""
    outcomes = [outcome for outcome in store.load()[1] if outcome.train_pairs == record.main_size]
    load = {"load average at end (1 / 5 / 15 min)": " / ".join(f"{value:.2f}" for value in getloadavg())}
    return replace(
        record,
        canaries={**record.canaries, **_random_canaries(plan, record, outcomes)},
        contrasts=contrasts(outcomes, plan.dataset, record.main_measure, store.ranking),
        environment={**record.environment, **load},
        rounds=tuple(clock.order),
        others=tuple(clock.others),
    )


def best_first(split: Split, query_id: str) -> list[str]:
    """Ids of a question's right documents, the highest grade first."""
    grades = split.qrels[query_id]
    return sorted((doc_id for doc_id in grades if grades[doc_id] > 0), key=lambda doc_id: -grades[doc_id])


def _references(plan: Plan) -> tuple[Published, ...]:
    """The card's published figures, which hold for its own pool alone."""
    known = plan.card.references if plan.pool == plan.dataset.pool else ()
    return tuple(Published(**vars(reference)) for reference in known)


def _learned_from(dataset: Dataset) -> list[str]:
    """Texts and bodies of all training questions, and their judged documents."""
    train = dataset.pairs("train")
    asked = [text for query in train.queries for text in (query.text, query.body)]
    return [*asked, *(doc.content for doc in train.corpus)]


def _random_canaries(plan: Plan, record: RunRecord, outcomes: Sequence[Outcome]) -> Mapping[str, tuple[bool, str]]:
    """Where the random retriever ran, it must have scored what the closed form says."""
    found = {}
    for outcome in outcomes:
        if outcome.spec == "random" and outcome.status == "ok":
            ranks = outcome.first_ranks
            success = sum(0 < rank <= 10 for rank in ranks) / len(ranks)  # noqa: PLR2004
            verdict = chance_verdict(success, plan.dataset.test.qrels, record.counts["pool"])
            found[f"random (seed {outcome.seed})"] = verdict
    return found
