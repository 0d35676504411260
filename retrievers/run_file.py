"""The ranking that any other system left behind, as a TREC run file, so that it can stand in the same table."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import numpy as np

from bench.api import Doc, Env, Hits, Query, Retriever, opaque_id
from bench.errors import DataError

FLOAT32 = 2.0**128 - 2.0**103
"""From here on a number rounds to an infinite float32."""


@dataclass
class RunFile(Retriever):
    """Results of any other system, read from a TREC run file; it is judged like all others, but not timed."""

    live: ClassVar[bool] = False

    path: str
    """The file, ``query Q0 document rank score tag`` a line, plain or ``.gz``; write ``./runs/x.run`` with the ``./``."""

    def __post_init__(self) -> None:
        """Refuse a file that is not there."""
        if not Path(self.path).expanduser().is_file():
            raise ValueError(f"there is no file {self.path}")

    def content(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(Path(self.path).expanduser().read_bytes()).hexdigest()[:12]

    def index(self, corpus: Sequence[Doc], env: Env) -> None:  # noqa: ARG002 - nothing is computed
        """Read the file; documents that are not in the corpus are left out, and counted."""
        positions = {doc.id: at for at, doc in enumerate(corpus)}
        rows: dict[str, dict[int, float]] = {}
        tags: set[str] = set()
        outside = 0
        for number, (query, document, score, tag) in self._lines():
            at = next((positions[name] for name in _names("document", document) if name in positions), None)
            tags.add(tag)
            row = rows.setdefault(query, {})
            if at is None:
                outside += 1
            elif at in row:
                raise DataError(f"{self.path}:{number}: document {document!r} stands twice for query {query!r}")
            else:
                row[at] = float(np.float32(score))
        self._rows = {name: row for query, row in rows.items() for name in _names("query", query)}
        self.learned: dict[str, Any] = {"tags": sorted(tags), "sha256": self.content()}
        if outside:
            self.learned["hits outside the pool"] = outside

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """The file's k best of each question; none for a question that it does not answer."""
        found = [self._rows.get(query.id, {}) for query in queries]
        best = [sorted(row, key=lambda at, row=row: (-row[at], at))[:k] for row in found]  # type: ignore[misc]
        width = max(map(len, best), default=0)
        positions = np.full((len(queries), width), -1, dtype=np.int64)
        scores = np.zeros((len(queries), width), dtype=np.float32)
        for at, (row, ranked) in enumerate(zip(found, best, strict=True)):
            positions[at, : len(ranked)] = ranked
            scores[at, : len(ranked)] = [row[one] for one in ranked]
        return Hits(positions, scores)

    def _lines(self) -> Iterator[tuple[int, tuple[str, str, float, str]]]:
        """Number of the line, and query, document, score, tag; DataError names a line that is damaged."""
        path = Path(self.path).expanduser()
        try:
            with (
                gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file
            ):
                for number, line in enumerate(file, start=1):
                    parts = line.split()
                    try:
                        query, _, document, _, score, tag = parts
                        row = query, document, float(score), tag
                    except ValueError:
                        raise DataError(
                            f"{self.path}:{number}: not a line of 'query Q0 document rank score tag'"
                        ) from None
                    if not abs(row[2]) < FLOAT32:
                        raise DataError(f"{self.path}:{number}: score {score} is not a finite float32")
                    yield number, row
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise DataError(f"cannot read {self.path}: {error}") from None


def _names(role: str, name: str) -> tuple[str, ...]:
    """Ids under which the harness may show a query or document: opaque, or as they are; blanks may be written as %20."""
    plain = dict.fromkeys([name, unquote(name)])
    return (*(opaque_id(role, one) for one in plain), *plain)
