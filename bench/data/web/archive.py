"""Unpacks what was downloaded: zip, tar.gz and gz, whole or not at all, and nothing outside the folder or beyond a limit."""

import gzip
import io
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import Protocol

from bench.data.web.lock import locked, usable
from bench.errors import DataError

MOST_BYTES = 256 << 30
"""Bytes that an archive may unpack to."""
LARGEST_RATIO = 200
"""How many times its own size an archive may unpack to; text shrinks to a third or a tenth."""
SMALL_BYTES = 64 << 20
"""Bytes that any archive may unpack to, whatever the ratio."""
MOST_MEMBERS = 100_000
"""Files and folders that an archive may hold."""

_CHUNK = 1 << 20
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError)


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive."""
    return path.name.casefold().endswith((".zip", ".gz", ".tgz"))


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack a .zip, .tar.gz or .tgz, or the one file of a .gz, into ``folder`` unless that is there; return it.

    Refused, with one DataError that names archive and member: names that lead out of the folder, links and devices of any
    kind (collections need none), encrypted members, members that stand twice, more than ``MOST_MEMBERS`` of them, more bytes
    than ``MOST_BYTES`` or ``LARGEST_RATIO`` allow (both as declared and as they come out), what is damaged or cut off.
    """
    with locked(folder.with_name(f".{folder.name}.lock"), lambda: None), usable(folder.parent):
        for left_over in folder.parent.glob(f".{folder.name}.*.unpacking"):
            shutil.rmtree(left_over)
        if not folder.is_dir():
            inside = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".unpacking"))
            try:
                _Unpacking(archive, inside).run()
                inside.chmod(0o755)
                inside.replace(folder)
            except BaseException:
                shutil.rmtree(inside)
                raise
    return folder


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Unpacking:
    """One archive on its way into an empty folder; ``member`` is where it has got to."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive = archive
        self.folder = folder
        self.member = ""
        self.members = 0
        self.bytes = 0
        self.most = 0

    def run(self) -> None:
        try:
            self.most = min(MOST_BYTES, max(SMALL_BYTES, LARGEST_RATIO * self.archive.stat().st_size))
            self._reader()()
        except _DAMAGE as error:
            raise self._error(f"damaged or cut off ({_line(error)}); get it anew") from None
        except (NotImplementedError, ValueError) as error:
            raise self._error(f"cannot be unpacked: {_line(error)}") from None
        except OSError as error:
            raise self._error(f"cannot be unpacked: {error.strerror or error}") from None

    def count(self, size: int) -> None:
        """Count bytes that come out."""
        self.bytes += size
        self._check_size(self.bytes)

    def _reader(self) -> Callable[[], None]:
        with self.archive.open("rb") as file:
            start = file.read(4)
        name = self.archive.name.casefold()
        if start[:2] == b"PK":
            return self._zip
        if start[:2] == b"\x1f\x8b":
            return self._tar if name.endswith((".tar.gz", ".tgz")) else self._gz
        raise self._error(f"begins with {start!r}, which is neither zip nor gzip")

    def _zip(self) -> None:
        with zipfile.ZipFile(self.archive) as file:
            infos = file.infolist()
            declared = sum(info.file_size for info in infos)
            self._check_size(declared)
            free = shutil.disk_usage(self.folder).free
            if declared > free:
                raise self._error(f"unpacks to {declared:,} bytes, but only {free:,} are free in {self.folder.parent}")
            for info in infos:
                self._enter(info.filename.replace("\\", "/"))
                kind = stat.S_IFMT(info.external_attr >> 16)
                if info.flag_bits & 0x1:
                    raise self._error("encrypted")
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise self._error("a link or a device, which is not unpacked")
                if info.is_dir():
                    self._place().mkdir(parents=True, exist_ok=True)
                else:
                    with file.open(info) as source:
                        self._write(_Counted(source, self))

    def _tar(self) -> None:
        with gzip.open(self.archive) as plain:
            counted = _Counted(plain, self)
            with tarfile.open(fileobj=counted, mode="r|") as file:
                for info in file:
                    self._enter(info.name)
                    if info.isdir():
                        self._place().mkdir(parents=True, exist_ok=True)
                    elif info.isreg() and not info.issparse():
                        self._check_size(info.size)
                        source = file.extractfile(info)
                        if source is not None:
                            self._write(source)
                    else:
                        raise self._error("a link, a device or a sparse file, which is not unpacked")
                    self.member = ""
            # To the end, so that the checksum there is compared.
            for _ in _chunks(counted):
                pass

    def _gz(self) -> None:
        self._enter(re.sub(r"\.gz$", "", self.archive.name, flags=re.IGNORECASE))
        with gzip.open(self.archive) as plain:
            self._write(_Counted(plain, self))

    def _enter(self, member: str) -> None:
        self.member = member
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise self._error(f"the archive holds more than {MOST_MEMBERS:,} members")

    def _place(self) -> Path:
        name = PurePosixPath(self.member)
        if name.is_absolute() or ".." in name.parts or re.match(r"[A-Za-z]:", self.member):
            raise self._error("leads out of the folder it is unpacked into")
        return self.folder.joinpath(*name.parts)

    def _write(self, source: _Readable) -> None:
        place = self._place()
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            target = place.open("xb")
        except FileExistsError:
            raise self._error("stands twice") from None
        with target:
            for chunk in _chunks(source):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())

    def _check_size(self, size: int) -> None:
        if size > self.most:
            raise self._error(
                f"unpacks to more than the {self.most:,} bytes that are allowed, {LARGEST_RATIO} times the archive's size"
            )

    def _error(self, what: str) -> DataError:
        return DataError(f"{self.archive}{f': {self.member!r}' if self.member else ''}: {what}")


class _Counted(io.RawIOBase):
    """Passes bytes on and counts them, a chunk at a time, so that a bomb is noticed before it is in memory."""

    def __init__(self, source: _Readable, unpacking: _Unpacking) -> None:
        self._source = source
        self._unpacking = unpacking

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(_CHUNK if size < 0 else min(size, _CHUNK))
        self._unpacking.count(len(data))
        return data


def _chunks(source: _Readable) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
