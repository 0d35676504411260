"""Files that are written whole or not at all."""

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from bench.errors import StoreError


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write through a temporary file, fsync and rename; StoreError (disk full, no permission) leaves the old file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:32]}.", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o644)  # noqa: PTH101 - mkstemp makes it private
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON; keys keep their order, so that the same data gives the same bytes.

    In ASCII, so that any text can be written, unpaired surrogates too, which UTF-8 cannot hold.
    """
    write_bytes(path, (json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii"))


def read_json(path: Path) -> Any:
    """Read JSON; StoreError names the file that is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}") from None
