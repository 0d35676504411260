"""Texts of unequal length without padding: their tokens in one flat array, and the order in which a recurrence reads them."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from retrievers.neural.vocabulary import PAD


class Packed(NamedTuple):
    """A batch of ``B`` texts with ``T`` tokens in all, the longest with ``L``.

    ids ``[T]``: the texts one after another. lengths ``[B]``. order ``[B]``: the texts from the longest to the shortest.
    sizes: how many texts have a first, a second, … token; ``L`` numbers that fall and sum to ``T``. At step ``t`` a
    recurrence reads one token of each of the first ``sizes[t]`` texts of ``order``, and no text enters later.
    reading ``[2, T]``: the positions in ``ids`` of what is read, step after step, forwards and backwards.
    """

    ids: Tensor
    lengths: Tensor
    order: Tensor
    sizes: tuple[int, ...]
    reading: Tensor

    @classmethod
    def of(cls, ids: Tensor) -> Self:
        """From ids ``[L, B]``, each column padded with ``PAD`` at its end."""
        real = ids != PAD
        lengths, device = real.sum(0), ids.device
        order = lengths.argsort(descending=True, stable=True)
        alive = real.sum(1)
        sizes = tuple(size for size in alive.tolist() if size)
        total = sum(sizes)
        step = torch.repeat_interleave(torch.arange(len(ids), device=device), alive, output_size=total)
        rank = torch.arange(total, device=device) - (alive.cumsum(0) - alive)[step]
        text = order[rank]
        first = (lengths.cumsum(0) - lengths)[text]
        reading = torch.stack([first + step, first + lengths[text] - 1 - step])
        return cls(ids.T[real.T], lengths, order, sizes, reading)

    @property
    def texts(self) -> Tensor:
        """Of which text each token is, ``[T]``."""
        return torch.repeat_interleave(
            torch.arange(len(self.lengths), device=self.ids.device), self.lengths, output_size=len(self.ids)
        )

    @property
    def starts(self) -> Tensor:
        """Where each text begins in ``ids``, ``[B]``."""
        return self.lengths.cumsum(0) - self.lengths

    def padded(self, values: Tensor, fill: float = 0.0) -> Tensor:
        """Values of the tokens ``[T, …]`` as ``[L, B, …]``, ``fill`` where a text has ended; ``L`` is at least 1."""
        length, texts = max(1, len(self.sizes)), self.texts
        place = (torch.arange(len(self.ids), device=texts.device) - self.starts[texts]) * len(self.lengths) + texts
        empty = values.new_full((length * len(self.lengths), *values.shape[1:]), fill)
        return empty.index_copy(0, place, values).view(length, len(self.lengths), *values.shape[1:])

    def token_order(self, states: Tensor) -> Tensor:
        """States ``[D, T, H]`` in the order of reading -> ``[T, D H]`` in the order of ``ids``, forwards first."""
        both = [torch.empty_like(part).index_copy(0, at, part) for at, part in zip(self.reading, states, strict=False)]
        return torch.cat(both, -1)

    def text_order(self, values: Tensor) -> Tensor:
        """Values ``[N, C]`` of the ``N`` texts that are not empty, in ``order`` -> ``[B, C]``, 0 for an empty text."""
        return values.new_zeros(len(self.lengths), values.shape[-1]).index_copy(0, self.order[: len(values)], values)
