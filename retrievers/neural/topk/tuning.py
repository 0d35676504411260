"""Which shapes of tiles are fastest on this device: a short measurement when an index is built. Needs Triton, as its kernels do."""

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter

import torch
from triton.runtime.errors import OutOfResources

from retrievers.neural.topk.survivors import Asked, Block, Order, Precision, Survivors
from retrievers.neural.topk.triton_steps import SHAPES, SINGLES, Shape, TritonSteps

QUESTIONS, DOCUMENTS, ROUNDS = 1024, 1 << 20, 5


def tuned(
    steps: TritonSteps,
    block: Block,
    precision: Precision,
    shapes: tuple[Shape, ...] = SHAPES,
    singles: tuple[Shape, ...] = SINGLES,
) -> TritonSteps:
    """The same steps with the shapes that multiply some documents of the block fastest, for many questions and for one.

    None of the documents survives here. It also compiles what a search needs, so that the first one need not. A shape that the
    device has no room for is left out.
    """
    many = Asked.of(block.exact[:QUESTIONS], precision, block.rough.shape[1])
    one = Asked.of(block.exact[:1], "float32", block.rough.shape[1])
    steps = _fastest([replace(steps, shape=shape) for shape in shapes], many, block) or steps
    return _fastest([replace(steps, single=shape) for shape in singles], one, block) or steps


def _fastest(candidates: list[TritonSteps], asked: Asked, block: Block) -> TritonSteps | None:
    state = Survivors(asked, 1, 1)
    state.thresholds.fill_(math.inf)
    found: list[tuple[float, TritonSteps]] = []
    for candidate in candidates:
        order = Order.of(min(len(block.rough), DOCUMENTS), candidate.width(len(asked.rough)))
        try:
            found.append((_seconds(candidate, state, block, order), candidate))
        except OutOfResources:
            continue
    return min(found, key=lambda each: each[0])[1] if found else None


def _seconds(steps: TritonSteps, state: Survivors, block: Block, order: Order) -> float:
    """Of the median run; the first, which compiles, is not counted."""
    wait: Callable[[], None] = torch.cuda.synchronize if block.rough.is_cuda else lambda: None
    taken = []
    for _ in range(ROUNDS + 1):
        wait()
        start = perf_counter()
        steps.append(state, block, order, 0, order.tiles)
        wait()
        taken.append(perf_counter() - start)
    return median(taken[1:])
