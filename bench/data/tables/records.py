"""Records of a text file with the line each begins on; every message about damage names both."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.data.tables.encoding import encoding_of, opened_text
from bench.errors import DataError


class Record(NamedTuple):
    """Fields of one record; ``line`` is where it begins, from 1."""

    line: int
    fields: Mapping[str, Any]


def json_lines(path: Path) -> Iterator[Record]:
    """Yield the objects of a JSONL file; blank lines are passed over. DataError names file and line."""
    for number, line in text_lines(path):
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


def text_lines(path: Path, *, legacy: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers from 1, without line breaks; see ``encoding_of``."""
    with opened_text(path, encoding_of(path, legacy=legacy)) as file:
        for number, line in enumerate(file, start=1):
            yield number, line.removesuffix("\n")


def text_of(path: Path) -> str:
    """Read a whole text file, line breaks as line feeds; see ``encoding_of``."""
    with opened_text(path, encoding_of(path)) as file:
        return file.read()


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
