"""What one job produced (Outcome) and what the whole run was (RunRecord); ``bench.stored`` turns them into JSON and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ServerTrial:
    """Questions sent at random times (Poisson arrivals) and answered one after another.

    rate: questions sent per second, on average. seconds: one sample for each, from its planned sending to its ids on the
    host, so that waiting behind others counts. kept: whether p99 stayed within the limit; a trial ends early when that
    can no longer be.
    """

    rate: float
    seconds: tuple[float, ...]
    kept: bool


@dataclass(frozen=True)
class Timings:
    """Raw samples; nothing here is averaged.

    fit_seconds: as first measured; ``fit_cached`` tells that this run took the stored fit over instead of learning again.
    fit_device: where it was learned, which need not be where it is searched; empty where nothing was learned.
    fit_pairs: question/solution pairs that were there to learn from.
    index_seconds: documents to a searchable index.
    cold_seconds: the first search of one question after indexing; None where nothing was timed.
    latency_k: hits asked for in every timed search.
    warm_up: warm searches before the first sample that counts; ``stable`` whether their times had settled by then.
    single_seconds: by round of the clock one sample per search of one question, warm, text in to ids on the host.
    batch_seconds: one sample per search of all ``batch_queries`` questions in one call, one or more a round.
    overhead_seconds: median of a search that does nothing, timed in the same way: what the harness itself takes.
    stages: seconds by stage over all timed single searches, for systems that report stages.
    server: one trial for each rate of arrivals that was tried, in that order; ``server_failure`` why there are no (more).
    """

    fit_seconds: float = 0.0
    fit_cached: bool = False
    fit_device: str = ""
    fit_pairs: int = 0
    index_seconds: float = 0.0
    cold_seconds: float | None = None
    latency_k: int = 10
    warm_up: int = 0
    stable: bool = True
    single_seconds: tuple[tuple[float, ...], ...] = ()
    batch_seconds: tuple[float, ...] = ()
    batch_queries: int = 0
    overhead_seconds: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    server: tuple[ServerTrial, ...] = ()
    server_failure: str = ""

    @property
    def singles(self) -> tuple[float, ...]:
        """The single searches of all rounds together."""
        return tuple(seconds for one in self.single_seconds for seconds in one)


@dataclass(frozen=True)
class Sizes:
    """Bytes and counts; None where it was not measured.

    parameters: learned numbers of a neural model. index_bytes: memory reachable from the indexed retriever;
    index_disk_bytes: what it takes when written to a file.
    peaks: by phase (open, fit, index, search) the largest resident memory of the job's process; that of fit is as first
        measured, also where the fit was taken over. All of them hold the collection and the libraries.
    cuda_peaks: by phase the largest allocation on the CUDA device.
    """

    parameters: int | None = None
    index_bytes: int | None = None
    index_disk_bytes: int | None = None
    peaks: Mapping[str, int] = field(default_factory=dict)
    cuda_peaks: Mapping[str, int] = field(default_factory=dict)


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
    family: ``lexical``, ``neural``, ``lexical+neural`` or empty, as its parts say. live: whether it searched here, so that
        its times tell something; results taken from a file did not.
    device: where it ran, which may be cpu although more was asked for.
    status: ok, failed or interrupted; ``failure`` is one line that says why. latency_failure: why there are no (more)
        latencies although there are results.
    fingerprints: ``quality`` and ``latency`` hashes; ``identity`` the components of each, by name.
    scores: measure -> one value per held-out question, in the order of ``RunRecord.query_ids``; an unanswered one is 0.
    bounds: measure -> its mean where among equal scores the right documents come last, and where they come first.
    first_ranks: rank (from 1) of the first relevant document, 0 where none was retrieved.
    unanswered: how many questions got no document at all.
    answers: for each sample question of the record the top answers.
    train_pairs: how many training pairs were asked for; None: all. ``Timings.fit_pairs`` tells how many there were.
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
    family: str = ""
    live: bool = True
    seeded: bool = False
    source_hash: str = ""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    first_ranks: tuple[int, ...] = ()
    unanswered: int = 0
    answers: tuple[tuple[Answer, ...], ...] = ()
    timings: Timings = field(default_factory=Timings)
    sizes: Sizes = field(default_factory=Sizes)
    train_pairs: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that the audit of a split looked for: it concerns ``found`` of ``of`` held-out questions or solutions.

    meaning: one sentence, what that means for the numbers. examples: at most three pairs of texts, cut for display.
    """

    name: str
    found: int
    of: int
    meaning: str
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contrast:
    """A held-out question on which two systems differ much.

    query: index into ``RunRecord.query_ids``. first, second: the systems. ranks: where each has its first right answer, 0
    for nowhere. right: text of a right answer. tops: text of each one's top answer, empty where it has none.
    """

    query: int
    question: str
    right: str
    first: str
    second: str
    ranks: tuple[int, int]
    tops: tuple[str, str]


@dataclass(frozen=True)
class Published:
    """A figure published for this collection: of which system, where, and which spec ought to come within ``tolerance``."""

    system: str
    measure: str
    value: float
    origin: str
    spec: str
    tolerance: float


@dataclass(frozen=True)
class Trial:
    """One system that was tried on dev.

    values: the hyper-parameters that were searched, by name. dev: RR@10 of the dev questions among the dev documents; None
    where the trial failed, and ``failure`` is one line that says why. seconds: fit, index and search together.
    """

    spec: str
    values: Mapping[str, Any]
    dev: float | None
    seconds: float
    failure: str = ""


@dataclass(frozen=True)
class Tuning:
    """A search for the hyper-parameters of a system on dev.

    spec: the system as given; ``trials`` begin with it. found: the system of the best trial, the first of equals.
    budget: as typed, a number of trials or a time. seed: of the search and of every fit in it. device: where it ran.
    questions, documents: of dev. train_pairs: how many pairs every trial learned from; None: all.
    space: by hyper-parameter what was searched, in words.
    ending: why it ended before its budget was spent; empty where it did not.
    """

    spec: str
    found: str
    budget: str
    seed: int
    device: str
    questions: int
    documents: int
    train_pairs: int | None
    space: Mapping[str, str]
    trials: tuple[Trial, ...]
    ending: str = ""


@dataclass(frozen=True)
class Sweep:
    """Systems that differ in one parameter, which search alone reads: they have one fit and one index.

    spec: the system as given. parameter: its name. values: as a spec spells them; systems: the spec for each of them.
    """

    spec: str
    parameter: str
    values: tuple[str, ...]
    systems: tuple[str, ...]


@dataclass(frozen=True)
class RunRecord:
    """What was asked for and on what; one per report folder.

    command: the command line that repeats the run. created: ISO 8601 UTC, to the second.
    dataset: name, fingerprint and facts. counts: documents, pool, train, dev, test (numbers of questions for splits).
    depth: hits asked for when quality was measured; a measure without a cutoff sees no more.
    grades: for each held-out question the grades of the documents judged for it.
    samples: the ten sample questions as (index into query_ids, question text, text of a right answer).
    features: by name one number for each held-out question, by which the report divides them into slices.
    contrasts: questions on which the best lexical and the best neural system (or the best two) differ most.
    audit: what was looked for and found between train and held-out.
    references: published figures, as the collection's card tells them.
    environment: machine, threads, versions, in the order to be printed.
    rounds: the order in which the jobs (by slug) were timed, round by round of the clock, warm-up first.
    others: cores that other processes used during each of these rounds, then during each server trial; empty where the
        system does not tell.
    slo: limit (s) that p99 must keep when questions arrive at random; None: not measured.
    prices: device -> price of an hour, in the user's currency.
    canaries: name -> (passed, one line with expected and measured).
    train_pairs: numbers of training pairs that were learned from, from small to large, None for all. The results are those
        of the last, ``main_size``; the others show how quality grows.
    tunings: searches for hyper-parameters that came before the jobs.
    sweeps: what parameters of the search were varied; the systems are among the others.
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
    depth: int
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
    features: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    contrasts: tuple[Contrast, ...] = ()
    audit: tuple[Finding, ...] = ()
    references: tuple[Published, ...] = ()
    rounds: tuple[tuple[str, ...], ...] = ()
    others: tuple[float, ...] = ()
    slo: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    canaries: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    train_pairs: tuple[int | None, ...] = (None,)
    tunings: tuple[Tuning, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    interrupted: bool = False

    @property
    def main_size(self) -> int | None:
        """The training pairs behind the run's results; None: all."""
        return self.train_pairs[-1]

    @property
    def main_measure(self) -> str:
        """Success@10, the share of questions with a right solution in the top ten; else the first measure of the run."""
        return "Success@10" if "Success@10" in self.measures else self.measures[0]
