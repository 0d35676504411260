"""Records of a text file with the line each begins on; every message about damage names both."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import DataError


class Record(NamedTuple):
    """Fields of one record; ``line`` is where it begins, from 1."""

    line: int
    fields: Mapping[str, Any]


def json_lines(path: Path) -> Iterator[Record]:
    """Yield the objects of a JSONL file; blank lines are passed over. DataError names file and line."""
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}") from None
        except RecursionError:
            raise DataError(f"{path}:{number}: JSON nested too deep") from None
        if not isinstance(fields, dict):
            raise DataError(f"{path}:{number}: a {type(fields).__name__} where an object {{...}} should stand")
        yield Record(number, fields)


def table_rows(path: Path, delimiter: str) -> Iterator[Record]:
    """Yield the rows below the header of a CSV or TSV file (RFC 4180: quotes may hold delimiters and line breaks)."""
    with _any_field_size():
        reader = csv.reader(StringIO(text_of(path), newline=""), delimiter=delimiter, strict=True)
        header: list[str] | None = None
        line = 1
        try:
            for row in reader:
                if not row:
                    pass
                elif header is None:
                    header = _header(path, row)
                elif len(row) != len(header):
                    raise DataError(f"{path}:{line}: {len(row)} columns where the header has {len(header)}")
                else:
                    yield Record(line, dict(zip(header, row, strict=True)))
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{path}:{line}: {error}; quote fields that hold quotes, and double the quotes in them"
            ) from None


def text_of(path: Path) -> str:
    """Read a whole file as UTF-8, with or without a byte-order mark, line breaks as line feeds; DataError names the bad line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}:{line}: not UTF-8 (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{path}: empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def content_hash(*paths: Path) -> str:
    """SHA-256 over the bytes of files; DataError names the one that cannot be read."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _header(path: Path, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}:1: the header names {', '.join(map(repr, twice))} more than once")
    return names


@contextmanager
def _any_field_size() -> Iterator[None]:
    """Lift csv's limit of 131,072 characters a field while a file is read; the limit is the whole process's."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
