"""A lock between processes on one machine: held by an open file, so that it ends with the process, whatever ends that."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bench.errors import DataError

if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_POLL = 0.2


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock that the file ``path`` stands for; ``waiting`` is called once if another process holds it.

    DataError names the folder where no file can be made. The file is made and left there empty: whoever removed it would let two processes hold two locks of one name.
    """
    with usable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        with usable(path.parent):
            _wait_for(file, waiting)
        yield


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Make of what the system refuses below a folder one DataError that names the folder."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be used: {error.strerror or error}; mend its permissions or choose another folder"
        ) from None


def _wait_for(file: BinaryIO, waiting: Callable[[], None]) -> None:
    told = False
    while True:
        try:
            _take(file)
        except (BlockingIOError, PermissionError):
            if not told:
                waiting()
            told = True
            time.sleep(_POLL)
        else:
            return
