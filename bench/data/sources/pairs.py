"""A file of question/solution pairs: JSONL, CSV, TSV or Parquet, one pair a record, columns found by their usual names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.data.dataset import Dataset
from bench.data.source import Opening, Source, slug
from bench.data.tables.columns import SYNONYMS, Table, dataset_from_tables
from bench.data.tables.encoding import encoding_of, told
from bench.data.tables.parquet import parquet_rows
from bench.data.tables.records import content_hash, json_lines
from bench.data.tables.rows import delimiter_of, table_rows
from bench.data.web.address import file_name, shown
from bench.data.web.download import download, is_address
from bench.errors import DataError

_LINES = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".txt")
_PARQUET = ".parquet"


@dataclass(frozen=True)
class Pairs(Source):
    """A file of question/solution pairs: JSONL, CSV, TSV or Parquet, here or on the web, one pair a record."""

    argument: ClassVar[str] = "path"

    path: str
    """The file, or its address; text may be gzipped."""
    question: str = ""
    """Column of the question, where it has another name than usual; likewise the others."""
    solution: str = ""
    id: str = ""
    group: str = ""
    """Pairs of one group are never divided between splits."""
    date: str = ""
    """ISO 8601 or seconds since 1970; where there is one, the latest questions are held out."""
    body: str = ""
    """What was asked beside the question, as in a post below its title; for learning alone."""
    checksum: str = ""
    """``sha256:`` or ``md5:`` and the digits that the file must have."""

    def name(self) -> str:
        """The file's name without its endings."""
        return slug(re.sub(r"\.\w+(\.gz)?$", "", file_name(self.path), flags=re.IGNORECASE))

    def versions(self, opening: Opening) -> Mapping[str, str]:
        """Hash of the file."""
        return {"content": content_hash(self._file(opening))}

    def read(self, opening: Opening) -> Dataset:
        """Read, group and split the pairs; DataError names the line of anything damaged."""
        path = self._file(opening)
        opening.progress(0.0, f"reading {path}")
        facts: dict[str, str] = {"address": shown(self.path)} if is_address(self.path) else {}
        wanted = {role: str(getattr(self, role)) for role in SYNONYMS}
        return dataset_from_tables([_table(path, facts)], wanted, opening, facts)

    def _file(self, opening: Opening) -> Path:
        path = self.path if is_address(self.path) else str(opening.located(self.path))
        return download(path, opening.cache / "pairs", checksum=self.checksum, progress=opening.progress)


def _table(path: Path, facts: dict[str, str]) -> Table:
    """Open a file by its ending; the facts tell of an encoding that is not UTF-8."""
    suffix = Path(path.name.casefold().removesuffix(".gz")).suffix
    if suffix in _LINES:
        return Table(str(path), json_lines(path))
    if suffix == _PARQUET:
        return Table(str(path), parquet_rows(path))
    if suffix not in _TABLES:
        raise DataError(f"{path}: the name must end in one of {', '.join((*_LINES, *_TABLES, _PARQUET))}")
    encoding = encoding_of(path, legacy=True)
    if not encoding.startswith("utf-8"):
        facts["encoding"] = f"the file is not UTF-8; it was read as {told(encoding)}"
    delimiter = "\t" if suffix == ".tsv" else delimiter_of(path, encoding)
    return Table(str(path), table_rows(path, encoding, delimiter))
