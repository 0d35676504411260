"""A report's folder on disk: the run's record, one outcome per job, the rankings, the rendered report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import StoreError
from bench.files import read_json, write_bytes, write_json
from bench.outcome import Outcome, RunRecord, outcome_from_json, record_from_json, to_json
from bench.run.job import Job, slug


@dataclass(frozen=True)
class Store:
    """Reads and writes one folder: ``run.json``, ``outcomes/*.json``, ``runs/*.run.gz``, ``logs/``, the report."""

    folder: Path

    @classmethod
    def create(cls, out: Path | None, name: str) -> "Store":
        """A fresh folder: the given one, which must not hold a report, or ``reports/NAME``, numbered if it exists."""
        if out is None:
            candidates = (Path("reports") / (name if n == 1 else f"{name}-{n}") for n in range(1, 10_000))
            out = next(folder for folder in candidates if not folder.exists())
        if (out / "run.json").exists() or (out / "report.md").exists():
            raise StoreError(f"{out} already holds a report; give another --out or remove it")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make {out}: {error.strerror}") from None
        return cls(out)

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
        name = slug(outcome.spec, outcome.seed, outcome.device)
        write_json(self.folder / "outcomes" / f"{name}.json", to_json(outcome))

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
        outcomes.sort(key=lambda outcome: (order.get(outcome.spec, len(order)), outcome.device, outcome.seed))
        return record, outcomes

    def run_file(self, job: Job) -> Path:
        """Where a job's ranking goes."""
        return self.folder / "runs" / f"{job.slug}.run.gz"

    def log_file(self, job: Job) -> Path:
        """Where a job's standard error goes; removed when nothing was written."""
        return self.folder / "logs" / f"{job.slug}.log"

    def _record(self) -> RunRecord:
        path = self.folder / "run.json"
        try:
            return record_from_json(read_json(path))
        except StoreError as error:
            raise StoreError(f"{path}: {error}") from None
