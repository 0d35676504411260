"""The surroundings of torch code: threads, seed, number formats; all put back afterwards."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import numpy as np
import torch

from bench.api import Env


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


def portion(env: Env, start: float, stop: float) -> Env:
    """``env`` for a part of the work: its progress from 0 to 1 is told as progress from ``start`` to ``stop``."""

    def progress(fraction: float, note: str) -> None:
        env.progress(start + fraction * (stop - start), note)

    return replace(env, progress=progress)


def half_precision(device: str) -> bool:
    """Whether bfloat16 multiplies faster than float32: on CUDA, and on a CPU with instructions for it.

    Asked of the processor, not measured, so that the same machine always computes the same weights.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases cannot be asked
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def autocast(device: str) -> AbstractContextManager[object]:
    """Products in bfloat16 where that is faster, sums and losses in float32."""
    return torch.autocast(device, torch.bfloat16, enabled=half_precision(device))
