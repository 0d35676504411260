"""Hashes that tell whether two numbers may be compared, and whether a stored fit is still the same fit."""

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEASURES_VERSION = 1
"""Raised when a measure's definition changes, so that older numbers no longer match."""


def fingerprint(parts: Mapping[str, Any]) -> str:
    """First 12 hex digits of the SHA-256 of the parts as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def quality(dataset: str, pool: str, measures: tuple[str, ...]) -> str:
    """Scores with the same hash are over the same questions, documents, judgements, pool and measure definitions."""
    return fingerprint({"dataset": dataset, "pool": pool, "measures": measures, "version": MEASURES_VERSION})


def latency(*, dataset: str, pool: str, device: str, threads: int, k: int, machine: Mapping[str, str]) -> str:
    """Latencies with the same hash are of the same machine, device, threads, pool and load."""
    kept = {key: machine[key] for key in ("processor", "cores usable", "gpu") if key in machine}
    return fingerprint(
        {"dataset": dataset, "pool": pool, "device": device, "threads": threads, "k": k, "machine": kept}
    )


def source_hash(path: Path) -> str:
    """Hash of a retriever's source: its file and, through their imports, the files beside it that it shares."""
    waiting, seen = [path.resolve()], {}
    root = path.resolve().parent
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        text = file.read_bytes()
        seen[file] = hashlib.sha256(text).hexdigest()
        waiting.extend(_imported(ast.parse(text), root))
    return fingerprint({str(file.relative_to(root)): digest for file, digest in seen.items()})


def _imported(tree: ast.AST, root: Path) -> list[Path]:
    """Files below ``root`` (the package ``root.name``) that a module imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    below = [name.split(".")[1:] for name in names if name.startswith(f"{root.name}.")]
    files = [root.joinpath(*parts) for parts in below]
    candidates = [path.with_suffix(".py") for path in files] + [path / "__init__.py" for path in files]
    return [path for path in candidates if path.is_file()]
