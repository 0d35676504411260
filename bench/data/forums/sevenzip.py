"""One member of a .7z archive as a stream of blocks, never written to disk; needs the optional library py7zr."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from bench.data.tables.extras import needed
from bench.errors import DataError

_BLOCK = 1 << 20


class Reader(Protocol):
    """What takes the blocks of a member: ``feed`` for each, then ``close``."""

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""

    def close(self) -> None:
        """All bytes have come, and their checksum is right."""


def member_blocks(path: Path, member: str, opened: Callable[[str], Reader], progress: Callable[[float], None]) -> None:
    """Feed the one file called ``member``, in any folder and case, to ``opened(its path in the archive)`` block by block.

    progress: called with the fraction read after each block. Raises DataError where py7zr is missing, the archive is
    damaged, cut off or encrypted, or does not hold exactly one such file; errors of the reader pass through.
    """
    py7zr = needed("py7zr", extra="stackexchange", what=f"{path}: reading .7z")
    try:
        # An open file, not its path: py7zr then unpacks in this thread, so that errors of the reader arrive here.
        with path.open("rb") as file, _opened(py7zr, file, path) as archive:
            inside = _only(path, archive, member)
            writer = _Writer(opened(inside.filename), inside.uncompressed, progress)
            try:
                archive.extract(targets=[inside.filename], factory=writer)
            except Exception as error:
                if writer.failure is not None:
                    raise writer.failure from None
                # Damage surfaces in py7zr and the decompressors below it as exceptions of many types.
                raise _damaged(path, error) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    writer.reader.close()


def _opened(py7zr: Any, file: Any, path: Path) -> Any:
    try:
        archive = py7zr.SevenZipFile(file, "r")
    except Exception as error:
        raise _damaged(path, error) from error
    if archive.needs_password():
        raise DataError(f"{path}: encrypted; unpack the file yourself")
    return archive


def _only(path: Path, archive: Any, member: str) -> Any:
    files = [info for info in archive.list() if not info.is_directory]
    found = [info for info in files if PurePosixPath(info.filename).name.casefold() == member.casefold()]
    if len(found) != 1:
        names = ", ".join(sorted(info.filename for info in (found or files))[:9]) or "nothing"
        raise DataError(f"{path}: {'several' if found else 'no'} {member} in it; it holds {names}")
    return found[0]


def _damaged(path: Path, error: Exception) -> DataError:
    what = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path}: not a whole 7z archive ({what}); download it again")


class _Writer:
    """What py7zr writes to, and the factory that it asks for that: hands the blocks on and remembers a reader's failure."""

    def __init__(self, reader: Reader, size: int, progress: Callable[[float], None]) -> None:
        self.reader = reader
        self.failure: Exception | None = None
        self._size, self._progress = size, progress
        self._done = 0

    def create(self, _name: str) -> "_Writer":
        return self

    def write(self, data: bytes) -> int:
        # py7zr's blocks grow to 128 MB where a text compresses well.
        try:
            for start in range(0, len(data), _BLOCK):
                block = bytes(memoryview(data)[start : start + _BLOCK])
                self.reader.feed(block)
                self._done += len(block)
                self._progress(min(1.0, self._done / self._size))
        except Exception as error:
            self.failure = error
            raise
        return len(data)

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
