"""From what a source's ``path`` says (a folder, an archive, the address of an archive) to a folder on this machine."""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote

from bench.data.source import Opening
from bench.data.web.address import checked
from bench.data.web.archive import unpacked
from bench.data.web.download import download, is_address
from bench.data.web.lock import locked, usable
from bench.errors import DataError


def fetched_folder(path: str, opening: Opening, home: Path, *, checksum: str = "", size: int = 0) -> Path:
    """Return the folder itself, or the one in ``home`` that the archive is unpacked into, once and for all.

    checksum, size: what the archive must be, see ``download``; an address whose checksum changes is fetched anew, and so
    is a file unpacked anew that changes. What was downloaded is removed once it is unpacked. Raises DataError.
    """
    if is_address(path):
        origin, name = path, unquote(checked(path).path)
    else:
        place = opening.located(path)
        with usable(place.parent):
            if place.is_dir():
                if checksum or size:
                    raise DataError(
                        f"{place}: a folder has no checksum or size; give those of an archive, or leave them out"
                    )
                return place
            if not place.is_file():
                raise DataError(f"{place}: no such folder or archive")
            facts = place.stat()
            origin, name = f"{place.resolve()} {facts.st_size} {facts.st_mtime_ns}", place.name
    key = hashlib.sha256(f"{origin} {checksum} {size}".encode()).hexdigest()[:10]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name.rpartition("/")[2])[-80:]
    folder = home / f"{key}-{stem.partition('.')[0]}"
    note = f"waiting for another process: {path}"
    with locked(home / f".{folder.name}.fetch", lambda: opening.progress(0.0, note)), usable(home):
        if not folder.is_dir():
            given = path if is_address(path) else str(opening.located(path))
            archive = download(given, home, checksum=checksum, size=size, progress=opening.progress)
            opening.progress(1.0, f"unpacking {archive.name}")
            try:
                unpacked(archive, folder)
            except DataError:
                if is_address(path) and not checksum:
                    archive.unlink()
                raise
            if is_address(path):
                archive.unlink()
    return folder
