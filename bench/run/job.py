"""One job: a system, a seed and a device, with everything its process must know; plain data, sent as JSON."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Self

LONGEST = 60
"""Characters of a spec in a file name."""


@dataclass(frozen=True)
class Job:
    """What a worker process is told.

    spec: canonical text of the system. device: where it shall run. timed: whether its latency is measured.
    dataset, cards, cache, limit, fingerprint: how to open the collection, and what it must turn out to be.
    depth: hits asked for when quality is measured. samples: indices of the sample questions.
    train_pairs: so many training pairs are learned from; None: all.
    tuning: whether its process tries hyper-parameters (``Trials``) instead of measuring; it is told one system at a time.
    logs: a folder for TensorBoard, in which the job takes one of its name; empty: none are written.
    host: spec of the system whose process and index it uses, with other values of what search alone reads; empty: its own.
    guests: how many jobs use those of this one.
    fit_cached: whether the fit that an earlier process of this job has just made was taken over in part; None before.
    """

    spec: str
    seed: int
    device: str
    threads: int
    timed: bool
    dataset: str
    cards: tuple[str, ...]
    plugins: tuple[str, ...]
    cache: str
    limit: int | None
    pool: str
    fingerprint: str
    depth: int
    measures: tuple[str, ...]
    samples: tuple[int, ...]
    run_file: str
    refit: bool
    train_pairs: int | None = None
    tuning: bool = False
    logs: str = ""
    host: str = ""
    guests: int = 0
    fit_cached: bool | None = None

    @property
    def label(self) -> str:
        """Short name for progress and messages."""
        pairs = "" if self.train_pairs is None else f", {self.train_pairs:,} pairs"
        return f"{self.spec} (seed {self.seed}, {self.device}{pairs})"

    @property
    def slug(self) -> str:
        """File name that no other job of the run has."""
        return slug(self.spec, self.seed, self.device, self.train_pairs)

    @property
    def house(self) -> tuple[str, int, str, int | None]:
        """The same for the jobs that share a process, and for no other of the run."""
        return self.host or self.spec, self.seed, self.device, self.train_pairs

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of ``to_json``."""
        fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in data.items()}
        return cls(**fields)


def slug(spec: str, seed: int, device: str, train_pairs: int | None = None) -> str:
    """Readable file name of a job: the spec with everything but letters, digits and ``. + = -`` replaced."""
    text = re.sub(r"[^A-Za-z0-9.+=-]", "_", spec)
    if text != spec or len(text) > LONGEST:
        text = f"{text[:LONGEST]}-{sha256(spec.encode()).hexdigest()[:8]}"
    pairs = "" if train_pairs is None else f".pairs{train_pairs}"
    return f"{text}.seed{seed}.{device}{pairs}"
