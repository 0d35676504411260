"""A report's folder on disk: the run's record, one outcome per job, the rankings, the rendered report."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from math import inf
from pathlib import Path
from urllib.parse import quote

from bench.api import Qrels
from bench.errors import StoreError
from bench.files import read_json, write_bytes, write_json
from bench.measure.qrels import write_qrels
from bench.measure.ranking import Run, read_trec
from bench.outcome import Outcome, RunRecord
from bench.run.job import Job, slug
from bench.stored import outcome_from_json, record_from_json, to_json


def refuse_used(out: Path) -> None:
    """StoreError when a folder holds a run already: it is never overwritten, nor mixed with another."""
    if any((out / name).exists() for name in ("run.json", "report.md", "outcomes")):
        raise StoreError(f"{out} already holds a report; give another --out or remove it")


def trec_id(text: str) -> str:
    """An id with white space written as %XX, since a TREC file separates its fields by it."""
    return re.sub(r"\s", lambda blank: quote(blank.group()), text)


def _slug(outcome: Outcome) -> str:
    return slug(outcome.spec, outcome.seed, outcome.device, outcome.train_pairs)


@dataclass(frozen=True)
class Store:
    """Reads and writes one folder: ``run.json``, ``outcomes/*.json``, ``runs/*.run.gz``, ``runs/test.qrels.gz``, ``logs/``, the report."""

    folder: Path

    @classmethod
    def create(cls, out: Path | None, name: str) -> "Store":
        """A fresh folder: the given one, which must not hold a run, or ``reports/NAME``, numbered if it exists."""
        try:
            if out is not None:
                refuse_used(out)
                out.mkdir(parents=True, exist_ok=True)
                return cls(out)
            for number in count(1):
                folder = Path("reports") / (name if number == 1 else f"{name}-{number}")
                with suppress(FileExistsError):  # also when another run takes the name at the same moment
                    folder.mkdir(parents=True)
                    return cls(folder)
        except OSError as error:
            raise StoreError(f"cannot make {out or 'reports'}: {error.strerror}") from None
        raise AssertionError("count() does not end")

    @classmethod
    def named(cls, name: str) -> "Store":
        """An existing report by its folder or its name below ``reports/``."""
        for folder in (Path(name), Path("reports") / name):
            if (folder / "run.json").is_file():
                return cls(folder)
        there = sorted(path.parent.name for path in Path("reports").glob("*/run.json"))
        raise StoreError(f"no report {name!r}; there are: {', '.join(there) or 'none in reports/'}")

    def save_record(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_json(self.folder / "run.json", to_json(record))

    def save_outcome(self, outcome: Outcome) -> None:
        """Write ``outcomes/SLUG.json``, replacing an earlier state of the same job."""
        write_json(self._outcome_file(_slug(outcome)), to_json(outcome))

    def has_outcome(self, job: Job) -> bool:
        """Whether anything is stored of a job."""
        return self._outcome_file(job.slug).exists()

    def save_report(self, files: Mapping[str, bytes]) -> Path:
        """Write the rendered files; returns the report's path."""
        for name, content in files.items():
            write_bytes(self.folder / name, content)
        return self.folder / "report.md"

    def load(self) -> tuple[RunRecord, list[Outcome]]:
        """The record and the outcomes in the order of the record's systems; StoreError names a damaged file."""
        record = self._record()
        outcomes = []
        for path in sorted((self.folder / "outcomes").glob("*.json")):
            try:
                outcomes.append(outcome_from_json(read_json(path)))
            except StoreError as error:
                raise StoreError(f"{path}: {error}") from None
        order = {spec: at for at, spec in enumerate(record.systems)}
        outcomes.sort(key=lambda one: (order.get(one.spec, len(order)), one.device, one.seed, one.train_pairs or inf))
        return record, outcomes

    def run_file(self, job: Job) -> Path:
        """Where a job's ranking goes."""
        return self.folder / "runs" / f"{job.slug}.run.gz"

    def ranking(self, outcome: Outcome) -> Run:
        """The stored ranking of a finished job; its ids are those of ``trec_id``."""
        return read_trec(self.folder / "runs" / f"{_slug(outcome)}.run.gz")

    def save_qrels(self, qrels: Qrels) -> None:
        """Write ``runs/test.qrels.gz``, so that any tool can judge the rankings beside it."""
        named = {trec_id(q): {trec_id(d): grade for d, grade in row.items()} for q, row in qrels.items()}
        write_qrels(named, self.folder / "runs" / "test.qrels.gz")

    def log_file(self, job: Job) -> Path:
        """Where a job's standard error goes; removed when nothing was written."""
        return self.folder / "logs" / f"{job.slug}.log"

    def _outcome_file(self, name: str) -> Path:
        return self.folder / "outcomes" / f"{name}.json"

    def _record(self) -> RunRecord:
        path = self.folder / "run.json"
        try:
            return record_from_json(read_json(path))
        except StoreError as error:
            raise StoreError(f"{path}: {error}") from None
