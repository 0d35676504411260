"""Analysed texts, kept on disk: a collection's terms are the same for every seed and every retriever that reads alike."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bench.errors import StoreError
from bench.files import write_bytes
from retrievers.text.analysis import Analyzer

Terms = list[list[str]]

LEAST = 1_000_000
"""Characters; fewer are analysed as fast as they are read back."""
DAYS = 14
"""An entry that was not used for so long is removed when another one is written."""


def analysed(texts: Sequence[str], analyze: Callable[[str], list[str]], cache: Path | None = None) -> Terms:
    """Terms of each text, taken over from ``cache`` where the same texts were analysed by the same rules before.

    cache: a folder, shared by processes; only what an ``Analyzer`` made is kept there (not one of a subclass, whose rules
    have no name). What cannot be kept is told by a warning.
    """
    if cache is None or type(analyze) is not Analyzer or sum(map(len, texts)) < LEAST:
        return [analyze(text) for text in texts]
    place = cache / "tokens" / f"{_key(texts, analyze)}.npz"
    found = _read(place, len(texts))
    if found is None:
        found = [analyze(text) for text in texts]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _sweep(place.parent)
            write_bytes(place, _packed(found))
        except (OSError, StoreError) as error:
            warnings.warn(f"analysed texts cannot be kept, so they are analysed again next time: {error}", stacklevel=2)
    return found


def _key(texts: Sequence[str], analyze: Analyzer) -> str:
    """Hash of the texts and of all that decides their terms."""
    found = blake2b(digest_size=16)
    for part in (analyze.identity.encode(), *(text.encode("utf-8", "surrogatepass") for text in texts)):
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def _packed(texts: Terms) -> bytes:
    """The distinct terms, one a line (a term has no line break), the number of each term in order, and each text's end."""
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(term, len(numbers)) for terms in texts for term in terms]
    file = BytesIO()
    np.savez(
        file,
        words=np.frombuffer("\n".join(numbers).encode("utf-8", "surrogatepass"), dtype=np.uint8),
        ids=np.array(ids, dtype=np.min_scalar_type(len(numbers))),
        ends=np.cumsum([0, *map(len, texts)], dtype=np.int64),
    )
    return file.getvalue()


def _read(place: Path, count: int) -> Terms | None:
    """Inverse of ``_packed``; None where there is no file, or a damaged one, which its checksums tell."""
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as parts:
            words = bytes(parts["words"]).decode("utf-8", "surrogatepass").split("\n")
            terms = list(map(words.__getitem__, parts["ids"].tolist()))
            ends: list[int] = parts["ends"].tolist()
        os.utime(place)
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, BadZipFile):
        return None
    return [terms[start:end] for start, end in pairwise(ends)] if len(ends) == count + 1 else None


def _sweep(folder: Path) -> None:
    """Remove what nobody uses any more, and what killed processes left."""
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):  # another process has just removed it
            if time.time() - entry.stat().st_mtime > DAYS * 86_400:
                entry.unlink()
