"""Rows of a table as spreadsheets export it: CSV and TSV (RFC 4180), with whatever stands between the cells."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bench.data.tables.encoding import opened_text
from bench.data.tables.records import Record
from bench.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
"""What may stand between the cells of a ``.csv``, the more usual first."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n?', re.IGNORECASE)


def table_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Record]:
    """Yield the rows below the header; quotes may hold delimiters and line breaks.

    Blank rows, a first line ``sep=;`` as Excel writes it, columns without a name and blank cells behind the last column are
    passed over. DataError names file and line of a row of any other length than the header's, and of quotes that do not
    fit.
    """
    header: list[str] | None = None
    for line, row in _rows(path, encoding, delimiter):
        if header is None:
            header = _header(path, line, row)
            continue
        cells = row[: len(header)]
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
            raise DataError(
                f"{path}:{line}: {len(row)} columns where the header has {len(header)}; "
                f"quote cells that hold {_NAMES.get(delimiter, delimiter)} or line breaks"
            )
        yield Record(line, {name: cell for name, cell in zip(header, cells, strict=True) if name})


def delimiter_of(path: Path, encoding: str) -> str:
    """What stands between the cells: what a line ``sep=`` says, else what divides all rows into as many as the header.

    Of several the one that fewer rows contradict, then the one with more columns. Cells in quotes count as one.
    """
    with opened_text(path, encoding) as file:
        told = _SEPARATOR_LINE.fullmatch(file.readline())
    if told:
        return told[1]
    columns = {
        mark: len(next((row for _, row in _rows(path, encoding, mark, strict=False)), [])) for mark in DELIMITERS
    }
    dividing = [mark for mark in DELIMITERS if columns[mark] > 1]
    if len(dividing) <= 1:
        return dividing[0] if dividing else DELIMITERS[0]
    return min(dividing, key=lambda mark: (_ragged(path, encoding, mark, columns[mark]), -columns[mark]))


def _ragged(path: Path, encoding: str, delimiter: str, columns: int) -> int:
    return sum(len(row) != columns for _, row in islice(_rows(path, encoding, delimiter, strict=False), 1, None))


def _rows(path: Path, encoding: str, delimiter: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row begins and its cells, without blank rows and the line ``sep=``."""
    with opened_text(path, encoding) as file, _any_field_size():
        skipped = 1 if _SEPARATOR_LINE.fullmatch(file.readline()) else 0
        if not skipped:
            file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=strict)
        line = 1 + skipped
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield line, row
                line = reader.line_num + skipped + 1
        except csv.Error as error:
            raise DataError(
                f"{path}:{line}: {error}; quote fields that hold quotes, and double the quotes in them"
            ) from None


def _header(path: Path, line: int, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    while not names[-1]:
        names.pop()
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path}:{line}: the header names {', '.join(map(repr, twice))} more than once")
    return names


_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}


@contextmanager
def _any_field_size() -> Iterator[None]:
    """Lift csv's limit of 131,072 characters a field while a file is read; the limit is the whole process's."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
