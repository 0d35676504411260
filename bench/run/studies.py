"""Studies: what is searched for a system, and its trials on disk, so that a search goes on where it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from bench.build import build, canonical
from bench.data.dataset import Dataset
from bench.errors import DataError, OptionError, StoreError
from bench.files import read_json, write_json
from bench.fingerprint import fingerprint
from bench.measure.machine import versions
from bench.outcome import Trial
from bench.pipeline import contents_of
from bench.plugins import Plugin
from bench.run.fits import libraries_of, sources_of
from bench.run.job import Job
from bench.run.proposals import require_optuna
from bench.run.search_space import Dimension, dimensions
from bench.run.tuning_request import TuningRequest

FOLDER = "studies"
SCHEMA = 1
"""Raised when trials of an earlier version can no longer be gone on from."""


@dataclass(frozen=True)
class Study:
    """One search: what was asked for, the job that its process is told, the dimensions, the file of its trials.

    questions, documents: of dev.
    """

    request: TuningRequest
    job: Job
    dimensions: tuple[Dimension, ...]
    path: Path
    questions: int
    documents: int

    @property
    def log(self) -> Path:
        """Where its process writes standard error."""
        return self.path.with_suffix(".log")

    def load(self) -> list[Trial]:
        """The trials so far, without the failed ones at their end, which are tried again: their cause may be gone.

        StoreError says how to be rid of a damaged file.
        """
        if self.job.refit or not self.path.is_file():
            return []
        try:
            trials = msgspec.convert(read_json(self.path)["trials"], list[Trial])
        except (StoreError, msgspec.ValidationError, KeyError, TypeError) as error:
            raise StoreError(f"the stored trials in {self.path} are damaged ({error}); run with --refit") from None
        while trials and trials[-1].dev is None:
            trials.pop()
        return trials

    def save(self, trials: Sequence[Trial]) -> None:
        """Write all trials so far."""
        about = {"schema": SCHEMA, "spec": self.job.spec, "dataset": self.job.dataset, "seed": self.job.seed}
        space = {one.name: str(one) for one in self.dimensions}
        write_json(self.path, {**about, "space": space, "trials": [asdict(trial) for trial in trials]})


def studies_of(
    requests: Sequence[TuningRequest], jobs: Sequence[Job], plugins: Mapping[str, Plugin], dataset: Dataset
) -> tuple[Study, ...]:
    """The studies that are asked for; OptionError and DataError for what cannot be searched, before any work is done.

    A study runs with the first seed, on the device that the system's first job runs on, the fastest.
    """
    if not requests:
        return ()
    require_optuna()
    dev = dataset.pairs("dev")
    if not dev.queries:
        raise DataError(f"--tune chooses on development questions, and {dataset.name} has none")
    found: dict[str, Study] = {}
    for request in requests:
        system = build(request.spec, plugins)
        spec = str(canonical(system))
        job = next((job for job in jobs if job.spec == spec), None)
        if job is None:
            there = ", ".join(dict.fromkeys(job.spec for job in jobs))
            raise OptionError(f"--tune {request.text}: {spec} is not among --retrievers ({there})")
        if spec in found:
            raise OptionError(f"--tune {request.text}: {spec} is named twice")
        searched = dimensions(request.spec, plugins, request.ranges)
        parts = {
            "schema": SCHEMA,
            "spec": spec,
            "sources": sources_of(system, plugins),
            "contents": contents_of(system),
            "data": dataset.fingerprint,
            "seed": job.seed,
            "device": job.device,
            "space": [(one.name, one.values) for one in searched],
            "versions": versions(libraries_of(system)),
        }
        name = f"{spec.partition(':')[0].replace('/', '-')[:40]}-{fingerprint(parts)}.json"
        path = Path(job.cache) / FOLDER / name
        job = replace(job, tuning=True, timed=False)
        found[spec] = Study(request, job, searched, path, len(dev.queries), len(dev.corpus))
    return tuple(found.values())
