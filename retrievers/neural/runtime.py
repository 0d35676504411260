"""The surroundings of torch code: threads, seed, number formats; all put back afterwards."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from bench.api import Env
from bench.errors import DeviceError

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Format of products; ``auto`` is bfloat16 where that is faster than float32."""


@contextmanager
def pinned(env: Env) -> Iterator[None]:
    """Use as many threads as ``env`` allows."""
    before = torch.get_num_threads()
    torch.set_num_threads(env.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(env: Env) -> Iterator[np.random.Generator]:
    """``pinned``, and torch draws from the seed of ``env``; for numpy there is the generator that this gives."""
    with pinned(env), torch.random.fork_rng(devices=[torch.cuda.current_device()] if env.device == "cuda" else []):
        torch.manual_seed(env.seed)
        yield np.random.default_rng(env.seed)


def portion(env: Env, start: float, stop: float, name: str = "") -> Env:
    """``env`` for a part of the work: its progress from 0 to 1 is told as progress from ``start`` to ``stop``.

    name: where a fit trains several times, each part needs a name of its own, below which its checkpoints and logs lie.
    """

    def progress(fraction: float, note: str) -> None:
        env.progress(start + fraction * (stop - start), note)

    return replace(
        env,
        progress=progress,
        checkpoints=env.checkpoints and env.checkpoints / name,
        logs=env.logs and env.logs / name,
    )


def half_precision(device: str) -> bool:
    """Whether bfloat16 multiplies faster than float32: on CUDA, and on a CPU with instructions for it.

    Asked of the processor, not measured, so that the same machine always computes the same weights.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases cannot be asked
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def autocast(device: str, precision: Precision = "auto") -> AbstractContextManager[object]:
    """Products in this format, sums and losses in float32. DeviceError for float16 on a CPU, which cannot train in it."""
    if precision == "float16" and device != "cuda":
        raise DeviceError("precision=float16 needs a CUDA device; on a CPU use auto, float32 or bfloat16")
    half = torch.float16 if precision == "float16" else torch.bfloat16
    enabled = half_precision(device) if precision == "auto" else precision != "float32"
    return torch.autocast(device, half, enabled=enabled)
