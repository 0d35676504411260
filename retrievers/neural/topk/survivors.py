"""Exact top-k by a rough first pass: which documents may still belong to the k best, and their exact scores.

**The score** of a question q and a document d is their inner product, summed in float64 over the float32 vectors and rounded
once to float32; of equal scores the lower position wins.

**The bound.** The first pass multiplies q~ and d~, the vectors rounded to another precision, and sums in float32. By the
triangle and the Cauchy-Schwarz inequality its result r obeys ``|r - q.d| <= eps(q)`` with ::

    eps(q) = |q - q~| |d| + |q~| |d - d~| + (3 D + 20) 2^-22 |q~| |d~| + D 2^-125 + 2^-148 s

where |d| and ``|d - d~|`` are the largest of all documents at hand, measured and not estimated. The third term is

- 3 D: the sum. In any order it errs by (D - 1) 2^-24 at most, plus 2^-24 for products that are not exact (Higham 2002, section
  4.2). Tensor cores align addends to the largest and cut them off after at least 23 bits (Fasi et al. 2021,
  doi:10.7717/peerj-cs.330): (b + 1) 2^-23 of the largest for each b columns, at most 2 D 2^-23 = D 2^-22 in all. And float32
  products are made of three tf32 products (x = h + l, both tf32: h.h + h.l + l.h), whose sums are three times as long.
- 12 of the 20: what these three leave out. ``|l|`` and the error of its rounding are 2^-10 and 2^-20 of ``|x|`` at most, so that
  l.l and the two roundings are 3 2^-20 = 12 2^-22.
- the other 8: float32 subtractions and roundings below, that of the scores compared (2^-23) among them.

The last two terms pay for numbers below the normal range, s being the scale that a question's scores are multiplied by.

**The proof.** Let t be the k-th best of any rough scores: k documents have exact scores of at least ``floor = t - eps``, so the
k-th best exact score is not below the floor, and whoever reaches it has a rough score of at least ``floor - eps``. Documents
below that are dropped, the others (the survivors) are scored exactly. A floor never falls as more documents are seen, so it is
carried from one chunk to the next.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LOWEST = torch.iinfo(torch.int64).min
PIECE = 1 << 16
"""Documents measured, or numbers rescored, at a time."""
_LOW_BITS, _TF32_CUT, _TF32_HALF = 0xFFFFFFFF, ~0x1FFF, 0x1000


def power_of_two(norm: float) -> float:
    """A factor that brings a norm into [1/2, 1) and multiplies without an error; 1 for a norm of 0."""
    return math.ldexp(1.0, min(-math.frexp(norm)[1], 126)) if norm else 1.0


def _tf32(vectors: Tensor, bias: int) -> Tensor:
    """Float32 with the 13 last bits cut off, after ``bias`` is added to them."""
    return ((vectors.view(torch.int32) + bias) & _TF32_CUT).view(torch.float32)


@dataclass
class Block:
    """Documents on the device: exact float32 ``[n, D]``, rough ``[n, D or more]`` times ``scale``; zeros fill its rows.

    start: the position of the first. norm, residual: the largest |d| and ``|d - d~|``, both times ``scale``.
    """

    start: int
    exact: Tensor
    rough: Tensor
    scale: float
    norm: float
    residual: float

    @classmethod
    def of(cls, exact: Tensor, start: int, precision: Precision, norm: float, rough: Tensor | None = None) -> "Block":
        """Round and measure; ``norm`` is the largest |d| of the whole corpus, ``rough`` memory to be used again.

        Half precision is a copy whose rows are filled up to 16 columns. Hardware that multiplies in tf32 reads float32, cuts
        it off or rounds it: the larger of both errors counts.
        """
        dtype, (count, size) = DTYPES[precision], exact.shape
        copied, scale = dtype != torch.float32, 1.0
        if copied:
            scale = power_of_two(norm)
            rough = exact.new_zeros((count, -(-size // 16) * 16), dtype=dtype) if rough is None else rough[:count]
        largest, residual = (torch.zeros((), dtype=torch.float64, device=exact.device) for _ in range(2))
        for at in range(0, count, PIECE):
            piece = exact[at : at + PIECE]
            largest = torch.maximum(largest, torch.linalg.vector_norm(piece, dim=1, dtype=torch.float64).max())
            if copied and rough is not None:
                rough[at : at + PIECE, :size] = piece * scale
                rounded = [rough[at : at + PIECE, :size].double() / scale]
            else:
                rounded = [_tf32(piece, bias).double() for bias in (0, _TF32_HALF) if precision == "tf32"]
            for each in rounded:
                residual = torch.maximum(residual, torch.linalg.vector_norm(piece.double() - each, dim=1).max())
        measured = [float(value) * scale for value in (largest, residual)]
        return cls(start, exact, exact if rough is None else rough, scale, *measured)


@dataclass
class Asked:
    """Questions of one batch on the device, each scaled by a power of two to a norm in [1/2, 1).

    exact: float32 ``[Q, D]``, not scaled. rough ``[Q, D or more]``, in the precision of the first pass, scaled. factors, norms
    and errors, float64 ``[Q]``: the scales, and |q~| and ``|q - q~|`` after scaling.
    """

    exact: Tensor
    rough: Tensor
    factors: Tensor
    norms: Tensor
    errors: Tensor

    @classmethod
    def of(cls, queries: Tensor, precision: Precision, columns: int) -> "Asked":
        """Scale and round; rows are filled with zeros up to ``columns``."""
        exponents = torch.frexp(torch.linalg.vector_norm(queries, dim=1, dtype=torch.float64))[1]
        factors = torch.ldexp(torch.ones_like(exponents, dtype=torch.float64), -exponents)
        scaled = queries.double() * factors[:, None]
        narrow = scaled.float()
        narrow = _tf32(narrow, _TF32_HALF) if precision == "tf32" else narrow.to(DTYPES[precision])
        rough = narrow.new_zeros((len(queries), columns))
        rough[:, : queries.shape[1]] = narrow
        errors = torch.linalg.vector_norm(scaled - narrow.double(), dim=1)
        return cls(queries, rough, factors, torch.linalg.vector_norm(narrow, dim=1, dtype=torch.float64), errors)

    def rows(self, rows: Tensor) -> "Asked":
        """Some of the questions."""
        return Asked(self.exact[rows], self.rough[rows], self.factors[rows], self.norms[rows], self.errors[rows])

    def bound(self, block: Block) -> Tensor:
        """eps(q), float32 ``[Q]``, rounded up."""
        size = self.exact.shape[1]
        summed = (3 * size + 20) * 2.0**-22 * self.norms * (block.norm + block.residual)
        tiny = size * 2.0**-125 + 2.0**-148 * self.factors * block.scale
        error = (self.errors * block.norm + self.norms * block.residual + summed + tiny) * (1 + 2.0**-20)
        return error.float()


class Survivors:
    """What is left of the documents seen so far, for each question of a batch.

    best: int64 ``[Q, k]``, packed (see ``pack``), best first: the k best among those scored exactly. floor: float32 ``[Q]``, what
    the scaled score of the k-th best surely reaches. counts, positions, values ``[Q]``, ``[Q, room]`` twice: the survivors of the
    block being searched, in no order, with rough scores; the last two may lie in ``memory`` that others use in turn. A count above the room tells that some are lost; what survived before
    (``settled`` of them) is still there then. thresholds: float32 ``[Q]``, what a document has to reach, floor - eps.
    """

    def __init__(self, asked: Asked, k: int, room: int, memory: tuple[Tensor, Tensor] | None = None) -> None:
        n, device = len(asked.exact), asked.exact.device
        self.asked, self.k, self.room = asked, k, room
        self.best = torch.full((n, k), LOWEST, dtype=torch.int64, device=device)
        self.floor = torch.full((n,), -math.inf, device=device)
        self.floor.masked_fill_(
            asked.norms == 0, math.inf
        )  # to a question of zeros all are alike: none has to be looked at
        self.counts, self.settled = (torch.zeros(n, dtype=torch.int32, device=device) for _ in range(2))
        positions, values = memory or memory_for(n, room, device)
        self.positions, self.values = positions[:n], values[:n]
        self.thresholds, self.bound = torch.empty_like(self.floor), torch.zeros_like(self.floor)
        self.scale = 1.0

    def enter(self, block: Block) -> None:
        """Turn to another block of documents."""
        self.scale = block.scale
        self.bound.copy_(self.asked.bound(block))
        torch.sub(self.floor, self.bound, out=self.thresholds)

    def lift(self, reached: Tensor) -> None:
        """``reached`` ``[Q]`` are rough scores that k documents have."""
        torch.maximum(self.floor, reached - self.bound, out=self.floor)
        torch.sub(self.floor, self.bound, out=self.thresholds)

    def keep_best(self, scores: Tensor) -> None:
        """Of the survivors, whose exact scores ``[Q, m]`` these are, keep the k best, and drop the others."""
        filled = torch.arange(scores.shape[1], device=scores.device) < self.counts[:, None]
        keys = pack(scores, self.positions[:, : scores.shape[1]]).masked_fill_(~filled, LOWEST)
        self.best.copy_(torch.cat([self.best, keys], 1).topk(self.k).values)
        torch.maximum(self.floor, self._last(), out=self.floor)
        torch.sub(self.floor, self.bound, out=self.thresholds)
        self.counts.zero_()
        self.settled.zero_()

    def broken(self) -> Tensor:
        """Bool ``[Q]``, when all is searched: fewer than k were found, or none as good as the floor says that k of them are."""
        found = (self.best[:, -1] != LOWEST) & (self._last() >= self.floor)
        return ~found & (self.asked.norms != 0)

    def _last(self) -> Tensor:
        """The scaled score float32 ``[Q]`` of the k-th of the best, minus infinity where there are fewer."""
        last = unpack(self.best[:, -1])[1].double() * self.asked.factors * self.scale
        return last.float().masked_fill_(self.best[:, -1] == LOWEST, -math.inf)

    def rows(self, rows: Tensor, room: int) -> "Survivors":
        """The state of some of the questions, with another room and no survivors."""
        part = Survivors(self.asked.rows(rows), self.k, room)
        part.scale = self.scale
        for name in ("best", "floor", "bound", "thresholds"):
            getattr(part, name).copy_(getattr(self, name)[rows])
        return part

    def put(self, rows: Tensor, part: "Survivors") -> None:
        """Take back what was found for some of the questions."""
        for name in ("best", "floor", "thresholds"):
            getattr(self, name)[rows] = getattr(part, name)


def memory_for(n: int, room: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions and values ``[n, room]``; needed only while a block is searched, so states may share them."""
    return torch.empty((n, room), dtype=torch.int64, device=device), torch.empty((n, room), device=device)


def pack(scores: Tensor, positions: Tensor) -> Tensor:
    """One int64 that orders as (score float32, lower position first) does; positions below 2^32."""
    bits = (scores + 0.0).view(torch.int32)  # -0 becomes 0
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return (ordered.long() << 32) | (_LOW_BITS - positions)


def unpack(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Positions int64 and scores float32."""
    ordered = (keys >> 32).int()
    return _LOW_BITS - (keys & _LOW_BITS), (ordered ^ ((ordered >> 31) & 0x7FFFFFFF)).view(torch.float32)


@dataclass(frozen=True)
class Order:
    """How the documents of a block are read: tiles of ``width``, spread so that the first of them are a sample of all.

    The i-th tile read is ``i * step % tiles``. Collections are sorted by date or topic; a floor found on their first part says
    little about the rest.
    """

    tiles: int
    width: int
    step: int

    @classmethod
    def of(cls, count: int, width: int) -> "Order":
        """For so many documents."""
        tiles = -(-count // width)
        step = max(1, round(tiles * 0.618))
        while math.gcd(step, tiles) > 1:
            step += 1
        return cls(tiles, width, step)


class Steps(Protocol):
    """What a first pass is made of; ``first`` and ``last`` count tiles in the order they are read."""

    def width(self, queries: int) -> int:
        """Documents in a tile."""

    def maxima(self, asked: Asked, block: Block, order: Order, last: int) -> Tensor:
        """Float32 ``[Q, last]``: the best rough score in each of the first tiles."""

    def append(self, state: Survivors, block: Block, order: Order, first: int, last: int) -> None:
        """Add the documents that reach the threshold to the survivors."""

    def lift(self, state: Survivors) -> Tensor:
        """Lift the floor to the survivors' k-th best and drop those below it; bool ``[Q]``: where some were lost.

        There only what survived before the last ``append`` is kept.
        """

    def rescore(self, state: Survivors, block: Block, count: int) -> Tensor:
        """Exact scores float32 ``[Q, count]`` of the first survivors; anything in the places that are not filled."""
