"""What a training has reached, on disk, so that a killed fit continues instead of beginning again."""

import json
import warnings
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bench.errors import StoreError
from bench.files import write_bytes

SHARE = 0.05
"""Part of the time that writing checkpoints may take; where a model is large and its epochs are short, some are left out."""


LEAST = 10.0
"""Seconds of training before anything is written: what was lost sooner is soon repeated."""


class State(NamedTuple):
    """What is kept: tensors by name, and plain values."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class Checkpoint:
    """One file that holds the state of one training: safetensors, with the plain values as JSON in its header.

    path: None keeps nothing. identity: what the training began with; the state of another one is not taken over.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path = path
        self._identity = identity
        self._due = self._least = perf_counter() + LEAST

    @property
    def worthwhile(self) -> bool:
        """Whether there would be much to repeat after a kill."""
        return self._path is not None and perf_counter() >= self._least

    @property
    def due(self) -> bool:
        """Whether a checkpoint may be written again without taking more than ``SHARE`` of the time."""
        return self._path is not None and perf_counter() >= self._due

    def write(self, state: State) -> None:
        """Replace the checkpoint, whole or not at all; where that fails it is told by a warning, and training goes on."""
        if self._path is None:
            return
        start = perf_counter()
        tensors = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in state.tensors.items()}
        text = json.dumps({"identity": self._identity, **state.facts})
        header = {"facts": text, "digest": digest(tensors, text)}
        try:
            write_bytes(self._path, safetensors.torch.save(tensors, header))
        except StoreError as error:
            warnings.warn(f"no checkpoint can be kept, so a killed fit would begin again: {error}", stacklevel=2)
            self._path = None
        end = perf_counter()
        self._due = end + (end - start) * (1 / SHARE - 1)

    def read(self) -> tuple[State | None, str]:
        """The state of a killed training, and if there is one that cannot be taken over, why."""
        if self._path is None or not self._path.is_file():
            return None, ""
        try:
            with safe_open(self._path, framework="pt") as file:
                header: dict[str, str] = file.metadata() or {}
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no mapping
            if digest(tensors, header["facts"]) != header["digest"]:
                return None, "its checkpoint is damaged"
        except (OSError, SafetensorError, KeyError) as error:
            return None, f"its checkpoint is damaged ({type(error).__name__})"
        facts = json.loads(header["facts"])
        if facts.pop("identity") != self._identity:
            return None, "its checkpoint is of another training"
        return State(tensors, facts), ""


def digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """Hash of tensors, to the bit, and a text."""
    found = blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with a prefix and a dot before their names."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of ``under``: those with this prefix, without it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def random_state(rng: np.random.Generator | None, device: str) -> State:
    """Where the random numbers stand that training draws: torch's, those of the device, and a generator of numpy's."""
    tensors = {"torch": torch.get_rng_state()}
    if device == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state()
    return State(tensors, {} if rng is None else dict(rng.bit_generator.state))


def restore_random_state(state: State, rng: np.random.Generator | None) -> None:
    """Put them back where they stood."""
    torch.set_rng_state(state.tensors["torch"])
    if "cuda" in state.tensors:
        torch.cuda.set_rng_state(state.tensors["cuda"])
    if rng is not None:
        rng.bit_generator.state = state.facts
