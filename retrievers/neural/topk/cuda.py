"""Exact top-k on one CUDA device: a rough product whose scores never reach memory, exact scores of what it leaves.

The proof is in ``survivors``, the kernels in ``triton_kernels``. Nothing here is bound to CUDA but graphs and transfers, so
the same code runs, and is tested, on the CPU.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrievers.neural.topk.graph import Graphs
from retrievers.neural.topk.steps import TorchSteps, product
from retrievers.neural.topk.stream import Stream, fits
from retrievers.neural.topk.survivors import PIECE, Asked, Block, Order, Precision, Steps, Survivors, memory_for, unpack

BATCH = 1024
"""Questions searched at a time; survivors take some 20 kB each, for k = 100."""
SAMPLE = 1 << 17
"""Documents whose scores give the first floor."""
PRODUCT = 1 << 25
"""Scores that are written at most: a small sample's, where there are too few tiles for a maximum of each to tell much."""
GROWTH = 4
"""A chunk is so many times what was searched before it: a question finds about as many times k survivors in it."""
GROUPS = 8
"""Groups of a sample for each of the k best: the k-th best maximum is then close to the k-th best score."""
ROOM = 2048
"""Survivors of a question that there is room for at least."""
WHOLE = 1 << 30
"""Documents of a block at most: kernels count them in 31 bits."""
LONGEST = 2.0**63
"""Norms of vectors are below it: float32 holds it twice."""
LARGEST = 1 << 32
"""Positions and scores are packed into 64 bits together."""


class CudaEngine:
    """The k best of ``N`` documents for any number of questions.

    vectors: float32 ``[N, D]``, a tensor or an array that may be mapped from a file, finite. device: ``cuda``, ``cuda:1``.
    precision: of the first pass; results are the same. norm: the largest Euclidean norm of a document, 1 for cosine.
    block: documents on the device at a time, by default as many as fit; the others stay on the host and pass by. steps: how
    the first pass is computed, by default with Triton where it is installed. ValueError for 2^32 vectors or more, and for
    norms whose scores float32 does not hold.

    One search at a time: searches share memory, and a graph writes its results to one place.
    """

    def __init__(
        self,
        vectors: Tensor | NDArray[np.float32],
        *,
        device: str,
        precision: Precision = "bfloat16",
        norm: float = 1.0,
        block: int | None = None,
        steps: Steps | None = None,
    ) -> None:
        if len(vectors) >= LARGEST:
            raise ValueError(f"{len(vectors)} vectors; at most {LARGEST - 1} can be searched")
        if not 0 <= norm < LONGEST:
            raise ValueError(f"a norm of {norm} is no norm, or its scores overflow")
        self.device = torch.device(device)
        self.precision, self.norm, self._count = precision, norm, len(vectors)
        self.steps: Steps = steps or best_steps(self.device, precision)
        self._rounding: Precision = "tf32" if _rounds(self.steps, self.device, precision) else precision
        block = min(block or fits(vectors, self.device, precision), WHOLE)
        self._resident: list[Block] = []
        self._stream: Stream | None = None
        if block < self._count:
            self._stream = Stream(vectors, self.device, self._rounding, norm, block)
        elif self._count and vectors.shape[1]:
            self._resident = [Block.of(_on_device(vectors, self.device), 0, self._rounding, norm)]
        self._graphs: Graphs | None = None
        if self._resident and self.device.type == "cuda" and not isinstance(self.steps, TorchSteps):
            if steps is None and self._count >= SAMPLE:
                with self._guard():
                    self.steps = _tuned(self.steps, self._resident[0], self._rounding)
            self._graphs = Graphs(self._single, vectors.shape[1], self.device)
            for questions in (1, 2, 32, 128):  # kernels are compiled now, not in the first search
                self.search(self._resident[0].exact[:questions], 10)

    @property
    def path(self) -> str:
        """What a search runs, for a report: ``triton, resident, one question as a graph``."""
        place = "streamed" if self._stream else "resident"
        graph = f", one question {self._graphs.state}" if self._graphs else ""
        return f"{type(self.steps).__name__.removesuffix('Steps').lower()}, {place}{graph}"

    @torch.inference_mode()
    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Positions int64 and scores float32, both ``[Q, min(k, N)]`` on the device, best first; of equal scores the lower position.

        queries: float32 ``[Q, D]`` on any device, finite. RuntimeError rather than results that contradict each other.
        """
        k = min(k, self._count)
        if self._graphs is not None and len(queries) == 1 and k:
            result = self._graphs.run(queries, k)
            if result is not None and not bool(result[2]):  # the only wait for the device
                return result[0].clone(), result[1].clone()
        queries = queries.to(self.device, torch.float32).contiguous()
        positions = torch.arange(k, device=self.device).repeat(len(queries), 1)
        scores = torch.zeros((len(queries), k), device=self.device)
        if not k or not queries.numel():
            return positions, scores  # vectors without columns are all alike
        memory = memory_for(min(BATCH, len(queries)), room_for(k, self._count), self.device)
        batches = [slice(start, start + BATCH) for start in range(0, len(queries), BATCH)]
        states = [self._state(queries[rows], k, memory) for rows in batches]
        for block in self._stream.blocks() if self._stream else self._resident:
            for state in states:
                self._search_block(state, block)
        if bool(torch.cat([state.broken() for state in states]).any()):
            raise RuntimeError(f"a search by {self.path} lost results; no bound allows it, so this is a bug")
        for rows, state in zip(batches, states, strict=True):
            positions[rows], scores[rows] = finish(state)
        return positions, scores

    def _guard(self) -> AbstractContextManager[None]:
        """Triton launches on the current device."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext()

    def _state(self, queries: Tensor, k: int, memory: tuple[Tensor, Tensor] | None = None) -> Survivors:
        columns, rounding = queries.shape[1], self._rounding
        if rounding in {"bfloat16", "float16"}:
            columns = -(-columns // 16) * 16
        if len(queries) == 1 and not isinstance(self.steps, TorchSteps):
            rounding = "float32"  # the kernel for one question has no need to round it
        return Survivors(Asked.of(queries, rounding, columns), k, room_for(k, self._count), memory)

    def _single(self, query: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """One question without ever waiting for the device; whether results were lost is the third of them."""
        state = self._state(query, k)
        order, seen, chunks = self.plan(state, self._resident[0])
        lost = self.first_pass(state, self._resident[0], order, seen, chunks)
        self.settle(state, self._resident[0], state.room)
        return *finish(state), lost.any() | state.broken().any()

    def _search_block(self, state: Survivors, block: Block) -> None:
        with self._guard():
            order, seen, chunks = self.plan(state, block)
            lost = self.first_pass(state, block, order, seen, chunks)
            some, most = torch.stack([lost.any().int(), state.counts.max()]).tolist()  # the only wait for the device
            self.settle(state, block, most)
            for rows, chunk in zip(lost, chunks, strict=True) if some else ():
                self._redo(state, rows.nonzero()[:, 0], block, order, chunk)

    def plan(self, state: Survivors, block: Block) -> tuple[Order, int, list[tuple[int, int]]]:
        """The order of a block's tiles, the documents of the sample, and chunks of tiles, each larger than the one before."""
        count, questions = len(block.rough), len(state.counts)
        order = Order.of(count, self.steps.width(questions))
        seen = min(count, max(SAMPLE, SAMPLE // 64 * state.k))
        if seen // order.width < GROUPS * state.k:  # too few tiles: their maxima would tell little
            seen = min(count, max(2 * state.k, min(SAMPLE, PRODUCT // questions)))
        chunks, first = [], 0
        while first < order.tiles:
            last = min(order.tiles, first + GROWTH * max(1, first, seen // order.width))
            chunks.append((first, last))
            first = last
        return order, seen, chunks

    def first_pass(
        self, state: Survivors, block: Block, order: Order, seen: int, chunks: list[tuple[int, int]]
    ) -> Tensor:
        """Collect the survivors of a block; bool ``[chunks, Q]``: of which chunk some were lost. Never waits for the device."""
        state.enter(block)
        state.lift(self._reached(state, block, order, seen))
        lost = []
        for first, last in chunks:
            self.steps.append(state, block, order, first, last)
            lost.append(self.steps.lift(state))
        return torch.stack(lost)

    def settle(self, state: Survivors, block: Block, count: int) -> None:
        """Score the survivors, ``count`` of a question at most, exactly and keep the best."""
        state.keep_best(self.steps.rescore(state, block, count))

    def _reached(self, state: Survivors, block: Block, order: Order, seen: int) -> Tensor:
        """Rough scores ``[Q]`` that k documents of a sample reach: the k-th best of the maxima of disjoint groups of it."""
        k, asked = state.k, state.asked
        if seen // order.width >= GROUPS * k:
            best = self.steps.maxima(asked, block, order, seen // order.width)
        else:
            documents = block.rough[:: len(block.rough) // seen][:seen]
            narrow = asked.rough.dtype == torch.float32 and asked.rough.is_cuda  # torch may multiply these as tf32
            scores = product(asked.rough.double() if narrow else asked.rough, documents)
            size = max(1, seen // (GROUPS * k))
            best = scores[:, : seen // size * size].view(len(scores), -1, size).amax(2)
        if best.shape[1] < k:
            return torch.full_like(state.floor, -math.inf)
        return best.topk(k).values[:, -1]

    def _redo(self, state: Survivors, rows: Tensor, block: Block, order: Order, chunk: tuple[int, int]) -> None:
        """Search a chunk again for questions whose survivors did not fit, then its halves: the floor has risen meanwhile.

        There is room for all documents of a tile, so that the last part cannot overflow, whatever it holds.
        """
        if not len(rows):
            return
        room = min(max(PRODUCT // len(rows), state.room), 1 << 20, len(block.rough))
        part = state.rows(rows, max(room, order.width, state.k))
        parts = [chunk]
        while parts:
            first, last = parts.pop()
            self.steps.append(part, block, order, first, last)
            most = int(part.counts.max())
            if most > part.room:
                part.counts.zero_()
                middle = (first + last) // 2
                parts += [(middle, last), (first, middle)]
            else:
                self.settle(part, block, most)
        state.put(rows, part)


def room_for(k: int, count: int) -> int:
    """Survivors of a question: twice what a chunk is expected to leave, and never more than there are documents."""
    return min(max(ROOM, 1 << (2 * (GROWTH + 1) * k - 1).bit_length()), max(count, k))


def finish(state: Survivors) -> tuple[Tensor, Tensor]:
    """Positions and scores ``[Q, k]``. A question of zeros scores 0 everywhere: the first documents are its best."""
    positions, scores = unpack(state.best)
    nothing = state.asked.norms == 0
    first = torch.arange(state.k, device=positions.device)
    return torch.where(nothing[:, None], first, positions), scores.masked_fill(nothing[:, None], 0.0)


def best_steps(device: torch.device, precision: Precision) -> Steps:
    """Triton's kernels on a CUDA device where Triton is installed, otherwise torch's products."""
    if device.type != "cuda":
        return TorchSteps()
    try:
        from retrievers.neural.topk.triton_steps import TritonSteps  # noqa: PLC0415 - only there
    except ModuleNotFoundError as error:
        if error.name != "triton":
            raise
        return TorchSteps()
    return TritonSteps(tf32=precision == "tf32")


def _tuned(steps: Any, block: Block, precision: Precision) -> Steps:
    from retrievers.neural.topk.tuning import tuned  # noqa: PLC0415 - needs Triton

    return tuned(steps, block, precision)


def _rounds(steps: Steps, device: torch.device, precision: Precision) -> bool:
    """Whether a float32 product may be one of tf32: torch's is on CUDA, if whoever uses this process allowed it."""
    return precision == "float32" and isinstance(steps, TorchSteps) and device.type == "cuda"


def _on_device(vectors: Tensor | NDArray[np.float32], device: torch.device) -> Tensor:
    """Float32 on the device; what is mapped from a file is read in pieces."""
    if isinstance(vectors, Tensor):
        return vectors.to(device, torch.float32).contiguous()
    exact = torch.empty(vectors.shape, device=device)
    for at in range(0, len(vectors), PIECE):
        exact[at : at + PIECE] = torch.from_numpy(np.array(vectors[at : at + PIECE], np.float32))
    return exact
