"""Judgements in files: read in TREC's format or BEIR's, written in TREC's."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from bench.api import Qrels
from bench.errors import DataError
from bench.measure.columns import check_fields, numbered_lines, write_lines

_BEIR_HEADER = ["query-id", "corpus-id", "score"]
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GRADE = re.compile(r"[+-]?[0-9]{1,9}")

_Row = tuple[int, str, str, str]


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Query -> document -> grade, gzipped when the name ends in ``.gz``.

    TREC's lines of ``query 0 document grade`` between white space, or BEIR's table between tabs below the header
    ``query-id corpus-id score``; the first line tells which. Raises DataError naming file and line for a damaged line,
    a grade that is no integer of at most nine digits, a document twice for a query.
    """
    found: dict[str, dict[str, int]] = {}
    for number, query_id, doc_id, text in _rows(path):
        if not _GRADE.fullmatch(text):
            raise DataError(f"{path}:{number}: grade {text!r} is not an integer of at most nine digits")
        grades = found.setdefault(query_id, {})
        if doc_id in grades:
            raise DataError(f"{path}:{number}: document {doc_id!r} stands twice for query {query_id!r}")
        grades[doc_id] = int(text)
    return found


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write lines of ``query 0 document grade`` ordered by ids, gzipped when the name ends in ``.gz``.

    Same judgements, same bytes; a query without judgements leaves no line. Raises DataError for an id that the format
    cannot hold, StoreError when the file cannot be written.
    """
    check_fields(path, "query id", qrels)
    check_fields(path, "document id", chain(*qrels.values()))
    lines = (
        f"{query_id} 0 {doc_id} {grade}\n".encode("utf-8", "surrogatepass")
        for query_id, grades in sorted(qrels.items())
        for doc_id, grade in sorted(grades.items())
    )
    write_lines(path, lines)


def _rows(path: Path) -> Iterator[_Row]:
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        return
    start = first[1].removeprefix(_BYTE_ORDER_MARK)
    if start.decode("utf-8", "replace").strip().split("\t") == _BEIR_HEADER:
        yield from _beir_rows(path, lines)
    else:
        yield from _trec_rows(path, chain([(1, start)], lines))


def _trec_rows(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[_Row]:
    for number, line in lines:
        try:
            query_id, _, doc_id, grade = (part.decode("utf-8", "surrogatepass") for part in line.split())
        except ValueError:
            hint = " (nor is line 1 BEIR's header 'query-id corpus-id score' between tabs)" if number == 1 else ""
            raise DataError(f"{path}:{number}: not a line of 'query 0 document grade'{hint}") from None
        yield number, query_id, doc_id, grade


def _beir_rows(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[_Row]:
    for number, line in lines:
        try:
            (fields,) = csv.reader([line.decode("utf-8", "surrogatepass")], delimiter="\t", strict=True)
            query_id, doc_id, grade = fields
        except (ValueError, csv.Error):
            query_id = doc_id = grade = ""
        if not (query_id and doc_id):
            raise DataError(f"{path}:{number}: not a line of query, document and score between tabs")
        yield number, query_id, doc_id, grade.strip()
