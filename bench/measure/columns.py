"""Files of TREC: lines of fields between ASCII white space, gzipped when the name ends in ``.gz``."""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from bench.errors import DataError
from bench.files import write_bytes

_SEPARATOR = re.compile(r"[ \t\n\r\f\v]")


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number from 1; DataError for a file that cannot be read."""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            yield from enumerate(file, start=1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write the file whole; same lines, same bytes. StoreError when it cannot be written."""
    content = BytesIO()
    if path.name.endswith(".gz"):
        # A file name or a time in the header would make equal files differ.
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=content, mtime=0) as packed:
            packed.writelines(lines)
    else:
        content.writelines(lines)
    write_bytes(path, content.getvalue())


def check_fields(path: Path, what: str, texts: Iterable[str]) -> None:
    """Raise DataError for a text that is no field: an empty one, or one that would be read back as two."""
    for text in set(texts):
        if not text or _SEPARATOR.search(text):
            raise DataError(f"{path}: {what} {text!r} is empty or has white space, which a TREC file cannot hold")
