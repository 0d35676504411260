"""Files of word vectors, word2vec's and fastText's, as text and binary: which one it is, and its content through gensim."""

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from bench.errors import DataError

FASTTEXT = struct.pack("<i", 793712314)
"""What fastText's own binary files begin with."""
START = 1 << 16
"""Bytes that tell the format."""
HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""No text has these bytes, and binary numbers have them everywhere."""
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    AssertionError,
    NotImplementedError,
    MemoryError,
    OverflowError,
    zlib.error,
    struct.error,
)
"""How gensim, and what it reads with, complain about a file."""


class Layout(NamedTuple):
    """How a file is written.

    kind: ``text`` is a word and its numbers a line, ``binary`` a word and its float32 numbers, ``fasttext`` fastText's own model, with
    vectors for parts of words. header: whether the first line tells the number of words and dimensions.
    """

    kind: Literal["text", "binary", "fasttext"]
    dimensions: int
    header: bool


def layout(path: Path) -> Layout:
    """Recognise a file by its first bytes; DataError if it is of no known format or cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(START)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    if start.startswith(FASTTEXT):
        if path.suffix == ".gz":
            raise DataError(f"{path} is a packed fastText model: unpack it with gunzip first")
        return Layout("fasttext", int.from_bytes(start[8:12], "little"), header=False)
    first, _, rest = start.partition(b"\n")
    if told := HEADER.fullmatch(first):
        count, dimensions = map(int, told.groups())
        if path.suffix != ".gz" and count * dimensions * 2 > path.stat().st_size:
            raise DataError(f"{path} is too short for the {count} words of {dimensions} dimensions that it announces")
        return Layout("binary" if CONTROL.search(rest) else "text", dimensions, header=True)
    dimensions = _numbers(first)
    if dimensions < 2:  # noqa: PLR2004 - any line that ends in a number would be a vector of one
        raise DataError(f"{path} holds no word vectors: neither word2vec's text or binary format nor a fastText model")
    return Layout("text", dimensions, header=False)


def read(path: Path, how: Layout, wanted: Callable[[str], bool] = lambda _: True) -> tuple[Any, list[int]]:
    """A file's words, as gensim's ``KeyedVectors``, and the place of each in the file, from 0; DataError if it is damaged.

    wanted: of a text only these words are parsed, since gensim takes half a second for a thousand of them.
    """
    try:
        if how.kind == "fasttext":
            _check_model(path)
            words = import_module("gensim.models.fasttext").load_facebook_vectors(str(path))
            return words, list(range(len(words)))
        reader = import_module("gensim.models.keyedvectors").KeyedVectors
        if how.kind == "binary":
            words = reader.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
            return words, list(range(len(words)))
        lines = _lines(path, how, wanted)
        with TemporaryDirectory() as folder:  # gensim reads files alone
            kept = Path(folder) / "kept.vec"
            kept.write_bytes(b"%d %d\n" % (len(lines), how.dimensions) + b"".join(line for _, line in lines.values()))
            words = reader.load_word2vec_format(str(kept), binary=False, unicode_errors="replace")
        return words, [place for place, _ in lines.values()]
    except DAMAGE as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}") from None


def require_gensim() -> None:
    """DataError where the library is missing."""
    if find_spec("gensim") is None:
        raise DataError("vectors need gensim, which is not installed: pip install 'retrieverbench[vectors]'")


def _lines(path: Path, how: Layout, wanted: Callable[[str], bool]) -> dict[str, tuple[int, bytes]]:
    """Place and line of the wanted words of a text, each where it first stands; EOFError for fewer lines than announced."""
    kept: dict[str, tuple[int, bytes]] = {}
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        announced = int(file.readline().split()[0]) if how.header else None
        lines = 0
        for place, line in enumerate(file):
            word = line.rstrip().partition(b" ")[0].decode("utf-8", "replace")
            lines = place + 1
            if word not in kept and wanted(word):
                kept[word] = place, line.rstrip() + b"\n"
    if announced is not None and lines < announced:
        raise EOFError(f"unexpected end: {lines} lines of {announced} words")
    return kept


def _numbers(line: bytes) -> int:
    """How many numbers follow the word on a line, 0 if something else does."""
    parts = line.split()[1:]
    try:
        return len([float(part) for part in parts])
    except ValueError:
        return 0


def _check_model(path: Path) -> None:
    """ValueError for a fastText model that was cut off or compressed by ``quantize``: gensim would wait for ever, or read nonsense.

    The layout is that of fastText's ``FastText::saveModel``: 2 + 12 integers and a double, the dictionary, the matrix.
    """
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        words, _, _, _, pruned = struct.unpack_from("<3i2q", data, 64)
        at = 92
        for _ in range(words):
            end = data.find(b"\0", at)
            if end < 0:
                raise ValueError("it ends within its dictionary")
            at = end + 10  # 8 bytes of its count, 1 of its kind
        at += 8 * max(pruned, 0)
        quantised, rows, columns = struct.unpack_from("<?2q", data, at)
        if quantised:
            raise ValueError("a quantised model holds no plain vectors; use the .bin file that it was made of")
        if at + 17 + 4 * rows * columns > len(data):
            raise ValueError("it ends within its vectors")


def file_hash(path: Path) -> str:
    """First 12 hex digits of a file's SHA-256; while it does not change it is read once."""
    facts = path.stat()
    return _digest(path, facts.st_size, facts.st_mtime_ns)


@cache
def _digest(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - what tells that the file is another one
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
