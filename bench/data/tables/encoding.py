"""What a text file is written in: decided on all of its bytes before the first line is read, damage named by its line."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, IncrementalNewlineDecoder, TextIOWrapper
from pathlib import Path
from typing import TextIO

from bench.errors import DataError

_CHUNK = 1 << 20
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NAMES = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-8": "UTF-8", "cp1252": "Windows-1252"}


@contextmanager
def opened(path: Path) -> Iterator[gzip.GzipFile | BufferedReader]:
    """Open a file for reading, unpacked when its name ends in ``.gz``; DataError for what cannot be read or unpacked."""
    try:
        with gzip.open(path) if path.suffix.casefold() == ".gz" else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


@contextmanager
def opened_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file of the encoding that ``encoding_of`` found, line breaks as line feeds."""
    with opened(path) as file, TextIOWrapper(file, encoding=encoding) as text:
        yield text


def encoding_of(path: Path, *, legacy: bool = False) -> str:
    """Codec of a whole file: UTF-8, UTF-16 with a byte-order mark or, where ``legacy`` lets it, Windows-1252.

    A file is Windows-1252, which older spreadsheets write, where all its bytes are characters there and none of them look
    like UTF-8: characters of UTF-8 are two to four bytes of a pattern that hardly occurs in text by chance. Raises
    DataError, with the line, for a file that mixes the two, for what is neither, and for NUL bytes; and for a file without
    any text.
    """
    with opened(path) as file:
        start = file.read(4)
    encoding = next((codec for mark, codec in _MARKS.items() if start.startswith(mark)), "utf-8")
    try:
        _check(path, encoding)
    except _UndecodableError as damage:
        if encoding != "utf-8" or not legacy:
            wanted = "" if encoding == "utf-16" else f" (byte 0x{damage.byte:02x})"
            raise DataError(f"{path}:{damage.line}: not {_NAMES[encoding]}{wanted}; save the file as UTF-8") from None
        _check_legacy(path, damage)
        return "cp1252"
    return encoding


def told(encoding: str) -> str:
    """Name of a codec for people."""
    return _NAMES[encoding]


class _UndecodableError(Exception):
    def __init__(self, line: int, byte: int) -> None:
        super().__init__(line, byte)
        self.line = line
        self.byte = byte


def _check(path: Path, encoding: str) -> None:
    line, blank = 1, True
    breaks = IncrementalNewlineDecoder(None, translate=True)
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened(path) as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                decoded = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = breaks.decode(error.object[: error.start].decode(encoding, "ignore"))
                raise _UndecodableError(line + before.count("\n"), error.object[error.start]) from None
            text = breaks.decode(decoded, final=not chunk)
            if "\0" in text:
                line += text.count("\n", 0, text.index("\0"))
                raise DataError(f"{path}:{line}: a NUL byte, which no text holds; save the file as UTF-8")
            line += text.count("\n")
            blank = blank and not text.strip()
            if not chunk:
                break
    if blank:
        raise DataError(f"{path}: empty")


def _check_legacy(path: Path, damage: _UndecodableError) -> None:
    """Check that a file that is not UTF-8 is nothing but Windows-1252."""
    with opened(path) as file:
        # Like UTF-8, Windows-1252 leaves the byte of a line feed to line feeds.
        for number, line in enumerate(file, start=1):
            if b"\0" in line:
                raise DataError(f"{path}:{number}: a NUL byte, which no text holds; save the file as UTF-8")
            try:
                line.decode("cp1252")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}:{number}: neither UTF-8 nor Windows-1252 (byte 0x{line[error.start]:02x}); "
                    "save the file as UTF-8"
                ) from None
            if not line.isascii() and _is_utf8(line):
                raise DataError(
                    f"{path}:{damage.line}: not UTF-8 (byte 0x{damage.byte:02x}), but line {number} is: "
                    "the file mixes encodings; save it as UTF-8"
                )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
