"""The steps of the first pass in plain torch, on any device: where Triton is absent, and what its kernels are tested against."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from retrievers.neural.topk.survivors import PIECE, Asked, Block, Order, Survivors

DOUBLED = 1 << 13
"""Documents that are turned into float64 at a time."""
GROUP = 64
"""Scores whose maximum is compared with the threshold first."""


@dataclass(frozen=True)
class TorchSteps:
    """Tiles of scores by ``torch.mm``, compared with the thresholds; a tile of ``[Q, tile]`` float32 is what is ever held."""

    tile: int = 1 << 15

    def width(self, queries: int) -> int:  # noqa: ARG002 - the product of any number of questions likes wide tiles
        """Documents in a tile."""
        return self.tile

    def maxima(self, asked: Asked, block: Block, order: Order, last: int) -> Tensor:
        """Float32 ``[Q, last]``: the best rough score in each of the first tiles."""
        tiles = [_scores(asked, block, order, at)[0].amax(1) for at in range(last)]
        return torch.stack(tiles, 1)

    def append(self, state: Survivors, block: Block, order: Order, first: int, last: int) -> None:
        """Add the documents that reach the threshold to the survivors."""
        for at in range(first, last):
            scores, start = _scores(state.asked, block, order, at)
            rows, columns = _reaching(scores, state.thresholds)
            found = torch.bincount(rows, minlength=len(scores))
            earlier = found.cumsum(0) - found
            slots = state.counts[rows] + torch.arange(len(rows), device=rows.device) - earlier[rows]
            fits = slots < state.room
            rows, columns, slots = rows[fits], columns[fits], slots[fits]
            state.values[rows, slots] = scores[rows, columns]
            state.positions[rows, slots] = columns + (block.start + start)
            state.counts += found.int()

    def lift(self, state: Survivors) -> Tensor:
        """Lift the floor to the survivors' k-th best and drop those below it; bool ``[Q]``: where some were lost."""
        lost = state.counts > state.room
        places = torch.arange(state.room, device=lost.device)
        filled = places < state.counts[:, None]
        state.lift(state.values.masked_fill(~filled, -math.inf).topk(state.k).values[:, -1])
        before = torch.where(lost, state.settled, state.counts)
        kept = (places < before[:, None]) & (state.values >= state.thresholds[:, None])
        state.counts.copy_(kept.sum(1))
        front = (
            (~kept).to(torch.uint8).argsort(dim=1, stable=True)
        )  # all places: to ask how many are filled would be to wait
        state.values.copy_(state.values.gather(1, front))
        state.positions.copy_(state.positions.gather(1, front))
        state.settled.copy_(state.counts)
        return lost

    def rescore(self, state: Survivors, block: Block, count: int) -> Tensor:
        """Exact scores float32 ``[Q, count]`` of the first survivors; anything in the places that are not filled."""
        filled = torch.arange(count, device=state.counts.device) < state.counts[:, None]
        rows, places = filled.nonzero(as_tuple=True)
        scores = torch.empty(filled.shape, device=filled.device)
        for at in range(0, len(rows), PIECE):
            row, place = rows[at : at + PIECE], places[at : at + PIECE]
            vectors = block.exact[state.positions[row, place] - block.start].double()
            scores[row, place] = vectors.mul_(state.asked.exact[row]).sum(1).float()
        return scores


def _reaching(scores: Tensor, thresholds: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the scores ``[Q, n]`` that reach their row's threshold, by row: groups whose best does are looked at."""
    if scores.shape[1] % GROUP:
        rows, columns = (scores >= thresholds[:, None]).nonzero(as_tuple=True)
        return rows, columns
    groups = scores.view(len(scores), -1, GROUP)
    rows, found = (groups.amax(2) >= thresholds[:, None]).nonzero(as_tuple=True)
    places, columns = (groups[rows, found] >= thresholds[rows, None]).nonzero(as_tuple=True)
    return rows[places], found[places] * GROUP + columns


def _scores(asked: Asked, block: Block, order: Order, at: int) -> tuple[Tensor, int]:
    """Rough scores float32 of the ``at``-th tile read, and where it starts in the block."""
    start = at * order.step % order.tiles * order.width
    return product(asked.rough, block.rough[start : start + order.width]), start


def product(queries: Tensor, documents: Tensor) -> Tensor:
    """Inner products float32 ``[Q, n]``; sums are not rounded to half precision, as those of ``queries @ documents.T`` are.

    In float64 where the questions are.
    """
    if queries.dtype == torch.float64:
        return torch.cat([(queries @ some.double().T).float() for some in torch.split(documents, DOUBLED)], 1)
    if queries.dtype == documents.dtype != torch.float32 and queries.is_cuda and hasattr(torch.ops.aten.mm, "dtype"):
        return torch.mm(queries, documents.T, out_dtype=torch.float32)
    return queries.float() @ documents.float().T
