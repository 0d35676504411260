"""What one job produced (Outcome) and what the whole run was (RunRecord); both are stored as JSON, whole or not at all."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.errors import StoreError

SCHEMA = 1
"""Raised when a field changes meaning; ``from_json`` then says what wrote the file."""

STATUSES = ("ok", "failed", "interrupted")


@dataclass(frozen=True)
class Timings:
    """Raw samples; nothing here is averaged.

    fit_seconds: as first measured; ``fit_cached`` tells that this run took the stored fit over instead of learning again.
    fit_device: where it was learned, which need not be where it is searched; empty where nothing was learned.
    index_seconds: documents to a searchable index.
    latency_k: hits asked for in every timed search.
    single_seconds: one sample per search of one question, warm, text in to ids on the host.
    batch_seconds: one sample per search of all ``batch_queries`` questions in one call.
    stages: seconds by stage over all timed single searches, for systems that report stages.
    """

    fit_seconds: float = 0.0
    fit_cached: bool = False
    fit_device: str = ""
    index_seconds: float = 0.0
    latency_k: int = 10
    single_seconds: tuple[float, ...] = ()
    batch_seconds: tuple[float, ...] = ()
    batch_queries: int = 0
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """Bytes and counts; None where it was not measured.

    parameters: learned numbers of a neural model. index_bytes: memory reachable from the indexed retriever.
    fit_peak_bytes, peak_bytes: largest resident memory of the job's process until fit ended (as first measured, also where
        the fit was taken over), and while it indexed and searched; both hold the collection and the libraries.
    fit_cuda_peak_bytes, cuda_peak_bytes: largest allocation on the CUDA device, likewise.
    """

    parameters: int | None = None
    index_bytes: int | None = None
    fit_peak_bytes: int | None = None
    peak_bytes: int | None = None
    fit_cuda_peak_bytes: int | None = None
    cuda_peak_bytes: int | None = None


@dataclass(frozen=True)
class Answer:
    """One retrieved document of a sample question, its text cut for display."""

    doc_id: str
    text: str
    relevant: bool


@dataclass(frozen=True)
class Outcome:
    """Everything that one job (a system, a seed, a device) produced.

    spec: canonical text of the system; ``parameters`` and ``description`` tell what it is, ``learned`` what fit chose.
    device: where it ran, which may be cpu although more was asked for.
    status: ok, failed or interrupted; ``failure`` is one line that says why. latency_failure: why there are no (more)
        latencies although there are results.
    scores: measure -> one value per held-out question, in the order of ``RunRecord.query_ids``; an unanswered one is 0.
    first_ranks: rank (from 1) of the first relevant document, 0 where none was retrieved.
    unanswered: how many questions got no document at all.
    answers: for each sample question of the record the top answers.
    """

    spec: str
    seed: int
    device: str
    status: str
    failure: str = ""
    latency_failure: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, Any] = field(default_factory=dict)
    seeded: bool = False
    source_hash: str = ""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    first_ranks: tuple[int, ...] = ()
    unanswered: int = 0
    answers: tuple[tuple[Answer, ...], ...] = ()
    timings: Timings = field(default_factory=Timings)
    sizes: Sizes = field(default_factory=Sizes)


@dataclass(frozen=True)
class RunRecord:
    """What was asked for and on what; one per report folder.

    command: the command line that repeats the run. created: ISO 8601 UTC, to the second.
    dataset: name, fingerprint and facts. counts: documents, pool, train, dev, test (numbers of questions for splits).
    grades: for each held-out question the grades of the documents judged for it.
    samples: the ten sample questions as (index into query_ids, question text, text of a right answer).
    environment: machine, threads, versions, in the order to be printed.
    canaries: name -> (passed, one line with expected and measured).
    interrupted: whether the user ended the run before everything was measured.
    """

    command: str
    created: str
    name: str
    dataset: str
    fingerprint: str
    facts: Mapping[str, str]
    counts: Mapping[str, int]
    pool: str
    cutoffs: tuple[int, ...]
    measures: tuple[str, ...]
    seeds: tuple[int, ...]
    devices: tuple[str, ...]
    systems: tuple[str, ...]
    query_ids: tuple[str, ...]
    grades: tuple[tuple[int, ...], ...]
    groups: tuple[str, ...]
    samples: tuple[tuple[int, str, str], ...]
    environment: Mapping[str, str]
    canaries: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    interrupted: bool = False


def to_json(value: Outcome | RunRecord) -> dict[str, Any]:
    """Plain data for ``json.dumps``, with the schema version."""
    return {"schema": SCHEMA, **asdict(value)}


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """Inverse of ``to_json`` for an outcome; raises StoreError for another schema or a missing field."""
    fields = _checked(data)
    try:
        return Outcome(
            **{
                **fields,
                "scores": {name: tuple(values) for name, values in fields["scores"].items()},
                "first_ranks": tuple(fields["first_ranks"]),
                "answers": tuple(tuple(Answer(**answer) for answer in row) for row in fields["answers"]),
                "timings": Timings(**{k: _frozen(v) for k, v in fields["timings"].items()}),
                "sizes": Sizes(**fields["sizes"]),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"not an outcome: {error}") from None


def record_from_json(data: Mapping[str, Any]) -> RunRecord:
    """Inverse of ``to_json`` for a run's record; raises StoreError for another schema or a missing field."""
    fields = _checked(data)
    try:
        return RunRecord(
            **{
                **{key: _frozen(value) for key, value in fields.items()},
                "grades": tuple(map(tuple, fields["grades"])),
                "samples": tuple((int(i), q, a) for i, q, a in fields["samples"]),
                "canaries": {name: (ok, line) for name, (ok, line) in fields["canaries"].items()},
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"not a run record: {error}") from None


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    if data.get("schema") != SCHEMA:
        raise StoreError(f"schema {data.get('schema')!r}, this version reads {SCHEMA}")
    return {key: value for key, value in data.items() if key != "schema"}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
