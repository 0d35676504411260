"""Built collections kept in a folder: one file each, whole or not at all, rebuilt when damaged or when anything it depends on changed."""

import glob
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.api import Doc, Query
from bench.data.card import Card
from bench.data.dataset import Dataset, Split
from bench.errors import StoreError
from bench.files import write_bytes

_KEPT = 4
_ABANDONED = 24 * 3600.0


def cached(folder: Path, card: Card, versions: Mapping[str, str], build: Callable[[], Dataset]) -> Dataset:
    """Return the stored collection, or build and store it.

    The key is the card, ``versions`` and the text of the code that builds. Two processes that build at once write the same
    file one after the other; readers see one or the other.
    """
    path = folder / f"{card.name}-{_key(card, versions)}.json"
    found = _read(path, card.name)
    if found is None:
        found = build()
        _write(path, found)
        _forget_older(path, card.name)
        _sweep(folder)
    return found


def _key(card: Card, versions: Mapping[str, str]) -> str:
    facts = {**asdict(card), "path": None, "versions": dict(versions)}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _write(path: Path, dataset: Dataset) -> None:
    table = {
        "corpus": dataset.corpus,
        "splits": [[split.queries, split.qrels] for split in (dataset.train, dataset.dev, dataset.test)],
        "pool": dataset.pool,
        "facts": dict(dataset.facts),
        "groups": dict(dataset.groups),
    }
    # Escaped to ASCII, so that unpaired surrogates survive too.
    content = json.dumps(table, separators=(",", ":")).encode()
    write_bytes(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def _read(path: Path, name: str) -> Dataset | None:
    """Read what ``_write`` wrote; None where there is nothing or its checksum is wrong."""
    try:
        checksum, _, content = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; delete it or choose another cache folder") from None
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        return None
    table: dict[str, Any] = json.loads(content)
    train, dev, test = (Split(tuple(Query(*row) for row in queries), qrels) for queries, qrels in table["splits"])
    corpus = tuple(Doc(*row) for row in table["corpus"])
    return Dataset(name, corpus, train, dev, test, table["pool"], table["facts"], table["groups"])


def _forget_older(path: Path, name: str) -> None:
    """Keep the newest few builds, for environments that share the folder; each is tens of megabytes."""
    others = [
        other
        for other in path.parent.glob(f"{glob.escape(name)}-*.json")
        if re.fullmatch(r"[0-9a-f]{16}", other.stem[len(name) + 1 :])
    ]
    dated = []
    for other in others:
        with suppress(FileNotFoundError):
            dated.append((other.stat().st_mtime, other))
    for _, other in sorted(dated, reverse=True)[_KEPT:]:
        other.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind: temporary files that nobody has written to for a day."""
    for path in folder.glob(".*.*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
