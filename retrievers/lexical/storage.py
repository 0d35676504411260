"""Arrays on disk that are mapped into memory, each in a file of its own, beside a header that tells damage."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import StoreError
from bench.files import write_bytes

HEADER = "index.json"
_FORMAT = 1
_PIECE = 1 << 20


def write(folder: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write the arrays, then the header: a folder without one was not finished. StoreError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HEADER).unlink(missing_ok=True)
        parts = {}
        for name, array in arrays.items():
            content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).view(np.uint8).data
            write_bytes(folder / f"{name}.bin", content)
            parts[name] = {"bytes": content.nbytes, "checksum": blake2b(content, digest_size=16).hexdigest()}
        body = json.dumps({"format": _FORMAT, "arrays": parts, **facts})
        header = json.dumps({"checksum": _checksum(body), "body": body})
        write_bytes(folder / HEADER, header.encode())
    except OSError as error:
        raise StoreError(f"cannot write the index {folder}: {error.strerror or error}") from None


def read(
    folder: Path, dtypes: Mapping[str, np.dtype[Any]], *, verify: bool
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays, mapped and not yet read unless ``verify`` compares their checksums, and the header.

    What is written to them afterwards never reaches the files. StoreError where anything is missing or damaged.
    """
    try:
        outer = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        if _checksum(outer["body"]) != outer["checksum"]:
            raise ValueError("checksum of the header")  # noqa: TRY301 - said as any other damage
        header = json.loads(outer["body"])
        if header["format"] != _FORMAT:
            raise ValueError(f"format {header['format']}")  # noqa: TRY301
        return {
            name: _mapped(folder / f"{name}.bin", dtype, header["arrays"][name], verify=verify)
            for name, dtype in dtypes.items()
        }, header
    except OSError as error:
        raise StoreError(f"cannot read the index {folder}: {error.filename}: {error.strerror}; index again") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"the index {folder} is damaged: {error}; index again") from None


def _mapped(path: Path, dtype: np.dtype[Any], told: Mapping[str, Any], *, verify: bool) -> NDArray[Any]:
    if path.stat().st_size != told["bytes"]:
        raise ValueError(f"size of {path.name}")
    if verify:
        found = blake2b(digest_size=16)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                found.update(piece)
        if found.hexdigest() != told["checksum"]:
            raise ValueError(f"checksum of {path.name}")
    if not told["bytes"]:  # which cannot be mapped
        return np.empty(0, dtype=dtype)
    # Copy on write, since compiled code tells arrays that may be written from those that may not, and is compiled for one.
    return np.asarray(np.memmap(path, dtype=dtype, mode="c"))


def _checksum(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
