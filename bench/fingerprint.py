"""Hashes that tell whether two numbers may be compared, and whether a stored fit is still the same fit."""

import ast
import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.imports import HOUSE, package_of, sources_of

MEASURES_VERSION = 2
"""Raised when a measure's definition changes, so that older numbers no longer match."""


def fingerprint(parts: Mapping[str, Any]) -> str:
    """First 12 hex digits of the SHA-256 of the parts as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def quality_identity(content: Mapping[str, str], pool: str) -> dict[str, str]:
    """What scores depend on besides the system: where two runs agree in all of it, their scores may be compared.

    content: hashes of the collection by component (``Dataset.content``). How many hits were asked for is not part of it: it
    touches measures without a cutoff alone.
    """
    return {**content, "pool": pool, "measure definitions": str(MEASURES_VERSION)}


def latency_identity(
    content: Mapping[str, str], machine: Mapping[str, str], *, pool: str, device: str, threads: int, k: int
) -> dict[str, str]:
    """What latencies depend on besides the system: machine, device, threads, and the load that is put on it."""
    kept = ("processor", "cores usable", "gpu")
    load = ("searched documents", "held-out questions")
    return {
        **{key: machine[key] for key in kept if key in machine},
        "device": device,
        "threads": str(threads),
        **{key: content[key] for key in load},
        "pool": pool,
        "hits": str(k),
    }


def source_hash(path: Path, without: Collection[Path] = ()) -> str:
    """Hash of a retriever's source: its file and every file that it imports, directly or not, of its package or this house's.

    The package is the outermost one around the file, or its folder if that is no package; the house's is ``retrievers``.
    Importing ``a.b.c`` runs the ``__init__.py`` of ``a`` and ``a.b`` too, so these are part of it.
    without: files that change no result; what they alone import is left out with them.
    """
    waiting, seen = [path.resolve()], {}
    own, house = package_of(path.resolve()), HOUSE / "retrievers"
    while waiting:
        file = waiting.pop()
        root = next((root for root in (house, own) if file.is_relative_to(root)), None)
        if file in seen or root is None or file in without:
            continue
        text = file.read_bytes()
        base = own if file.is_relative_to(own) else house.parent
        seen[file] = (file.relative_to(base).as_posix(), hashlib.sha256(text).hexdigest())
        waiting.extend(_initialised(file, root))
        waiting.extend(_imported(file, text, root, house))
    return fingerprint(dict(seen.values()))


def _initialised(file: Path, root: Path) -> list[Path]:
    """The ``__init__.py`` files that run before a file is imported."""
    folders = [folder for folder in file.parents if folder.is_relative_to(root)]
    return [folder / "__init__.py" for folder in folders if (folder / "__init__.py").is_file()]


def _imported(file: Path, text: bytes, root: Path, house: Path) -> list[Path]:
    """Files below ``root``, or else below ``house``, that a module imports, by absolute names or relative ones."""
    try:
        tree = ast.parse(text)
    except (
        SyntaxError,
        ValueError,
    ):  # another version's Python that is never reached: its bytes are hashed all the same
        return []
    found: list[Path] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            inner = [f"{base}.{alias.name}" if base else alias.name for alias in node.names]
            names = [(name, node.level) for name in (base, *inner)]
        else:
            continue
        found += [source for name, level in names for source in sources_of(file, name, level, root)]
    return [source for source in found if source.is_relative_to(root) or source.is_relative_to(house)]
