"""The steps of the first pass by Triton's kernels, and the shapes of tiles that they are compiled for.

Imported only where Triton is installed: it comes with torch for CUDA.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from retrievers.neural.topk.steps import TorchSteps
from retrievers.neural.topk.survivors import Asked, Block, Order, Survivors
from retrievers.neural.topk.triton_kernels import lift_kernel, rescore_kernel, single_kernel, tiles_kernel

WIDEST = 8192
"""Survivors of a question that one program sorts out in registers."""


@dataclass(frozen=True)
class Shape:
    """Of a tile: questions, documents; warps and registers a thread of a program, programs at a time on a multiprocessor.

    A program multiplies, then compares: the tensor cores only stay busy if there are others beside it.
    """

    rows: int = 128
    width: int = 64
    warps: int = 4
    registers: int | None = None
    programs: int = 3

    @property
    def options(self) -> dict[str, int | None]:
        """What Triton's compiler is told."""
        return {"num_warps": self.warps, "num_stages": 3, "maxnreg": self.registers}


SHAPES = (
    Shape(),
    Shape(width=128, warps=8, registers=128, programs=2),
    Shape(rows=256, warps=8, registers=128, programs=2),
    Shape(width=128, programs=2),
    Shape(rows=64, width=128, programs=2),
)
"""Those among which ``tuning`` chooses for many questions: accumulators and the next tile fit the registers of each."""
SINGLES = (Shape(rows=1), Shape(rows=1, width=128), Shape(rows=1, width=256, warps=8))
"""And for one question."""
WHOLE_BYTES = 512
"""Of a row that is multiplied at once."""


@dataclass(frozen=True)
class TritonSteps:
    """The steps as kernels (see ``survivors.Steps``), with the shapes for many questions, for some, for a few and for one."""

    shape: Shape = SHAPES[0]
    medium: Shape = SHAPES[-1]
    narrow: Shape = Shape(rows=16, width=128, programs=2)
    single: Shape = SINGLES[0]
    tf32: bool = False

    def shape_for(self, queries: int) -> Shape:
        """For so many questions; 2 fill 16 rows, the fewest that tensor cores multiply, and one is no product of matrices."""
        if queries == 1:
            return self.single
        fitting = [shape for shape in (self.narrow, self.medium) if queries <= shape.rows]
        return fitting[0] if fitting else self.shape

    def width(self, queries: int) -> int:
        """Documents in a tile."""
        return self.shape_for(queries).width

    def maxima(self, asked: Asked, block: Block, order: Order, last: int) -> Tensor:
        """Float32 ``[Q, last]``: the best rough score in each of the first tiles."""
        out = torch.empty((len(asked.rough), last), device=asked.rough.device)
        none = torch.empty(0, device=out.device)
        nothing = out.new_zeros(len(out))
        self._tiles(asked, block, order, (0, last), (nothing, none.int(), none.long(), none, out), room=0, maxima=True)
        return out

    def append(self, state: Survivors, block: Block, order: Order, first: int, last: int) -> None:
        """Add the documents that reach the threshold to the survivors."""
        arrays = (state.thresholds, state.counts, state.positions, state.values, state.values)
        self._tiles(state.asked, block, order, (first, last), arrays, room=state.room, maxima=False)

    def _tiles(
        self, asked: Asked, block: Block, order: Order, span: tuple[int, int], arrays: Any, *, room: int, maxima: bool
    ) -> None:
        (first, last), count, n = span, len(asked.rough), len(block.rough)
        size, bytes_each, shape = asked.rough.shape[1], block.rough.element_size(), self.shape_for(len(asked.rough))
        columns = max(16, triton.next_power_of_2(size))
        common: dict[str, Any] = {"SIZE": size, "WIDTH": order.width, "MAXIMA": maxima}
        stride = block.rough.stride(0)
        if count == 1:
            depth = min(128, columns)
            single_kernel[(last - first,)](
                asked.rough, block.rough, *arrays, n, stride, order.tiles, order.step, first, block.start, room,
                DEPTH=depth, EVEN=size % depth == 0, **common, **shape.options,
            )  # fmt: skip
            return
        whole = columns * bytes_each <= WHOLE_BYTES and self._product(bytes_each) != "tf32x3"
        depth = columns if whole else min(columns, 128 // bytes_each)
        blocks = triton.cdiv(count, shape.rows)
        segments = max(1, min(last - first, _processors(asked.rough.device) * shape.programs // blocks))
        tiles_kernel[(blocks * segments,)](
            asked.rough, block.rough, *arrays, count, n, asked.rough.stride(0), stride,
            order.tiles, order.step, first, last, segments, block.start, room,
            ROWS=shape.rows, DEPTH=depth, EVEN=size % depth == 0, WHOLE=whole, INPUT=self._product(bytes_each),
            WIDEN=not block.rough.is_cuda, **common, **shape.options,
        )  # fmt: skip

    def _product(self, bytes_each: int) -> str:
        """Float32 by three tf32 products: tensor cores have no float32, and other units are several times slower."""
        return "ieee" if bytes_each < 4 else "tf32" if self.tf32 else "tf32x3"  # noqa: PLR2004 - half precision is exact

    def lift(self, state: Survivors) -> Tensor:
        """Lift the floor to the survivors' k-th best and drop those below it; bool ``[Q]``: where some were lost."""
        if state.room > WIDEST:
            return TorchSteps().lift(state)
        lost = torch.empty(len(state.counts), dtype=torch.int8, device=state.counts.device)
        lift_kernel[(len(lost),)](
            state.counts, state.settled, state.positions, state.values, state.floor, state.thresholds, state.bound, lost,
            state.k, state.room, ROOM=triton.next_power_of_2(state.room), num_warps=8,
        )  # fmt: skip
        return lost.bool()

    def rescore(self, state: Survivors, block: Block, count: int) -> Tensor:
        """Exact scores float32 ``[Q, count]`` of the first survivors; anything in the places that are not filled."""
        asked, size = state.asked.exact, block.exact.shape[1]
        scores = torch.empty((len(asked), count), device=asked.device)
        if count:
            rescore_kernel[(len(asked), triton.cdiv(count, 16))](
                asked, block.exact, state.counts, state.positions, scores, state.room, block.start, block.exact.stride(0), count,
                SIZE=size, WIDTH=16, DEPTH=min(128, triton.next_power_of_2(size)), num_warps=4,
            )  # fmt: skip
        return scores


def _processors(device: torch.device) -> int:
    """Multiprocessors of the device; in the interpreter there are none, and two stand for many."""
    return int(torch.cuda.get_device_properties(device).multi_processor_count) if device.type == "cuda" else 2
