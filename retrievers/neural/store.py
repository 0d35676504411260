"""A learned model on disk: tensors as safetensors, everything else as JSON, each file whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from bench.errors import StoreError
from bench.files import write_bytes

TENSORS, FACTS = "model.safetensors", "model.json"


def save_model(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write both files into a folder."""
    on_host = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(folder / TENSORS, safetensors.torch.save(on_host))
    write_bytes(folder / FACTS, json.dumps(facts).encode())


def load_model(folder: Path, parameters: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read both back; StoreError where one is missing or damaged, or learned with other hyper-parameters."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        tensors = safetensors.torch.load((folder / TENSORS).read_bytes())
    except OSError as error:
        raise StoreError(f"cannot read a stored model: {error.filename}: {error.strerror}") from None
    except (ValueError, SafetensorError) as error:
        raise StoreError(
            f"the model stored in {folder} is damaged: {error}; delete the folder to learn it again"
        ) from None
    if facts.get("parameters") != parameters:
        raise StoreError(f"the model stored in {folder} was learned with other parameters: {facts.get('parameters')}")
    return tensors, facts
