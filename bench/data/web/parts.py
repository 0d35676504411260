"""Files on their way: what one must be in the end, and what has arrived of it so far."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.files import write_json


@dataclass(frozen=True)
class Wanted:
    """What the file must be. ``digest``: algorithm and hexadecimal value, or None."""

    url: str
    digest: tuple[str, str] | None
    size: int

    def flaw(self, path: Path) -> str:
        """What is wrong with a file, empty if nothing is."""
        found = path.stat().st_size
        if self.size and found != self.size:
            return f"{found:,} bytes, expected {self.size:,}"
        if self.digest:
            algorithm, expected = self.digest
            with path.open("rb") as file:
                value = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
            if value != expected:
                return f"{algorithm} is {value}, expected {expected}"
        return ""

    def check(self, path: Path) -> None:
        """DataError for a file that is not it, or cannot be read."""
        try:
            flaw = self.flaw(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        if flaw:
            raise DataError(f"{path}: {flaw}; get the file anew or mend what is expected")


@dataclass(frozen=True)
class Part:
    """What has arrived so far, and beside it whose bytes these are: address, validator and size in all (0 if unknown)."""

    path: Path
    facts: Path
    url: str

    def have(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def known(self) -> tuple[str, int]:
        """Validator and total of the bytes that are here; empty ones where nothing trustworthy is."""
        try:
            facts: dict[str, Any] = json.loads(self.facts.read_bytes())
            url, validator, total = facts["url"], str(facts["validator"]), int(facts["total"])
        except (OSError, ValueError, LookupError, TypeError):
            return "", 0
        return (validator, total) if url == self.url else ("", 0)

    def restart(self, validator: str = "", total: int = 0) -> None:
        """Forget the bytes before saying whose the next ones are: killed in between, there are none to mistake."""
        self.path.write_bytes(b"")
        write_json(self.facts, {"url": self.url, "validator": validator, "total": total})

    def finish(self, wanted: Wanted, path: Path) -> None:
        """Move what has arrived into place; DataError, and nothing left, where it is not what was wanted."""
        flaw = wanted.flaw(self.path)
        if not flaw:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            self.path.replace(path)
        self.remove()
        if flaw:
            raise DataError(f"{wanted.url}: {flaw}; the file is removed: run it again, or the collection has changed")

    def remove(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)
        self.facts.unlink(missing_ok=True)


def digest_of(checksum: str) -> tuple[str, str] | None:
    """``sha256:...`` or ``md5:...`` as algorithm and value, None for none; DataError for anything else."""
    if not checksum:
        return None
    found = re.fullmatch(r"(?:sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})", checksum.strip().casefold())
    if found is None:
        raise DataError(f"checksum {checksum!r}: write sha256: and 64 or md5: and 32 hexadecimal digits")
    algorithm, _, value = found[0].partition(":")
    return algorithm, value
