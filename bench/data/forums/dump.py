"""Large XML tables of ``<row .../>`` elements, as database dumps are: read in one stream, plain or out of a .7z archive.

The parser is expat itself, which hands each row over and keeps none; a document with a DTD is refused, and without one
there are no entities to expand and nothing external to load.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from bench.data.forums.sevenzip import member_blocks
from bench.errors import DataError

Take = Callable[[Mapping[str, str]], None]
"""Called with the attributes of each row; a RowError from it gets file and line."""

_BLOCK = 1 << 20
_LONGEST_ROW = 16 << 20
_ASCII = 0x80
_SPACE = 0x20


class RowError(ValueError):
    """What is wrong with one row; ``read_rows`` turns it into a DataError that names file and line."""


def read_rows(path: Path, member: str, root: str, take: Take, progress: Callable[[float], None]) -> None:
    """Call ``take`` with every row below ``<root>``, in the order of the file.

    path: an XML file, or a .7z archive that holds ``member`` (a file name, in any folder and case).
    progress: called with the fraction read, about once a megabyte.
    Memory: a few blocks, whatever the size of the file. Raises DataError for anything that is no such table: not XML, cut
    off, another root, a DTD, a row of more than 16 MiB.
    """
    if path.suffix.casefold() == ".7z":
        member_blocks(path, member, lambda inside: _Table(f"{path}/{inside}", root, take), progress)
        return
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            table = _Table(str(path), root, take)
            while block := file.read(_BLOCK):
                table.feed(block)
                progress(min(1.0, file.tell() / size))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    table.close()


class _Table:
    """Feeds blocks to expat and its rows to ``take``; ``name`` is what messages call the file."""

    def __init__(self, name: str, root: str, take: Take) -> None:
        self._name, self._root, self._take = name, root, take
        self._depth = 0
        self._fed = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, block: bytes) -> None:
        self._parse(block, last=False)
        self._fed += len(block)
        # expat keeps what it has not made sense of; without a limit one endless attribute would fill the memory.
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_ROW:
            self._refuse(f"a row of more than {_LONGEST_ROW >> 20} MiB; the file is damaged or something else")

    def close(self) -> None:
        self._parse(b"", last=True)

    def _parse(self, block: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError as error:
            at = max(0, self._parser.ErrorByteIndex)
            where = at - self._fed
            byte = block[where] if 0 <= where < len(block) else None
            raise DataError(f"{self._name}:{error.lineno}: {_explained(error, byte, last)} at byte {at:,}") from None
        except RowError as error:
            self._refuse(str(error))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2 and tag == "row":  # noqa: PLR2004 - the level below the root
            self._take(attributes)
        elif self._depth > 1:
            raise RowError(f"<{tag}> where a <row> should stand")
        elif tag != self._root:
            raise RowError(f"the root is <{tag}>, not <{self._root}>; this is another file")

    def _end(self, _tag: str) -> None:
        self._depth -= 1

    def _doctype(self, *_declared: object) -> None:
        raise RowError("a document type declaration (DTD), which can hold entity bombs and is not read; take it out")

    def _refuse(self, what: str) -> None:
        raise DataError(f"{self._name}:{self._parser.CurrentLineNumber}: {what}") from None


def _explained(error: expat.ExpatError, byte: int | None, last: bool) -> str:
    if last:
        return f"the file ends too early ({expat.ErrorString(error.code)})"
    if error.code == _INVALID_TOKEN and byte is not None and byte >= _ASCII:
        return f"not UTF-8 (byte 0x{byte:02x})"
    if error.code == _INVALID_TOKEN and byte is not None and byte < _SPACE:
        return f"a control character (byte 0x{byte:02x}), which XML does not allow,"
    return f"not XML: {expat.ErrorString(error.code)}"


_INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
