"""Documents that do not fit the device pass by in blocks: the next is read and copied while one is searched."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrievers.neural.topk.survivors import DTYPES, Block, Precision

BUFFER = 1 << 28
"""Bytes of a block: long enough for transfers to run at full speed; two lie on the host and two on the device."""
FREE = 0.8
"""Of the device's free memory that documents may take; the rest is for survivors and for others."""

Vectors = Tensor | NDArray[np.float32]


def fits(vectors: Vectors, device: torch.device, precision: Precision) -> int:
    """Documents that a block may have: all of them if they fit the device's free memory, with their copy in half precision."""
    count, size = vectors.shape
    if device.type != "cuda":
        return count
    there = isinstance(vectors, Tensor) and vectors.is_cuda
    row = (0 if there else 4 * size) + (0 if DTYPES[precision] == torch.float32 else 2 * (size + 15))
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(
        device
    )  # torch gives it back when it needs it
    if count * row <= FREE * (torch.cuda.mem_get_info(device)[0] + cached):
        return count
    return max(1, min(BUFFER // (4 * size), count // 4))


class Stream:
    """Blocks of documents that stay on the host, in memory or in a mapped file; one search at a time."""

    def __init__(self, vectors: Vectors, device: torch.device, precision: Precision, norm: float, block: int) -> None:
        self._vectors = vectors.cpu().numpy() if isinstance(vectors, Tensor) else vectors
        self._device, self._precision, self._norm, self._block = device, precision, norm, block
        self._cuda = device.type == "cuda"
        shape = block, vectors.shape[1]
        self._host = [torch.empty(shape, pin_memory=self._cuda) for _ in range(2)]
        self._exact = [torch.empty(shape, device=device) for _ in range(2)] if self._cuda else self._host
        self._rough: Tensor | None = None
        if DTYPES[precision] != torch.float32:
            self._rough = torch.zeros((block, -(-shape[1] // 16) * 16), dtype=DTYPES[precision], device=device)
        if self._cuda:
            self._side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._copied, self._searched = ([torch.cuda.Event() for _ in range(2)] for _ in range(2))  # type: ignore[no-untyped-call]

    def blocks(self) -> Iterator[Block]:
        """All blocks in order; each is gone when the next is asked for."""
        starts = range(0, len(self._vectors), self._block)
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._fetch, 0, 0)
            for at, start in enumerate(starts):
                slot, count = at % 2, coming.result()
                if start + self._block < len(self._vectors):
                    coming = reader.submit(self._fetch, start + self._block, 1 - slot)
                with self._on_device():
                    if self._cuda:
                        torch.cuda.current_stream().wait_event(self._copied[slot])
                    yield Block.of(self._exact[slot][:count], start, self._precision, self._norm, self._rough)
                    if self._cuda:
                        self._searched[slot].record(torch.cuda.current_stream())

    def _fetch(self, start: int, slot: int) -> int:
        """Read a block into a buffer and have it copied, behind the last search and the last copy of that buffer."""
        part = self._vectors[start : start + self._block]
        host = self._host[slot][: len(part)]
        if self._cuda:
            self._copied[slot].synchronize()
        np.copyto(host.numpy(), part)
        if self._cuda:
            with torch.inference_mode(), self._on_device(), torch.cuda.stream(self._side):
                self._side.wait_event(self._searched[slot])
                self._exact[slot][: len(part)].copy_(host, non_blocking=True)
                self._copied[slot].record(self._side)
        return len(part)

    def _on_device(self) -> AbstractContextManager[None]:
        return torch.cuda.device(self._device) if self._cuda else nullcontext()
