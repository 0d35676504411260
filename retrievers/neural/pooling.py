"""The states of a text's tokens become one vector: maximum, mean, attention or the last state of each direction."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from retrievers.neural.packed import Packed

Pooling = Literal["max", "mean", "attention", "last"]


class Pool(nn.Module):
    """States ``[D, T, H]``, each direction in the order in which it reads -> ``[B, D H]``, 0 for an empty text.

    ``attention`` is the mean weighted by the softmax of ``query . tanh(W state + b)`` (Bahdanau et al. 2015 with a learned
    query: Yang et al. 2016, equations 5 to 7).
    """

    def __init__(self, kind: Pooling, width: int) -> None:
        super().__init__()
        if kind not in {"max", "mean", "attention", "last"}:
            raise ValueError(f"pooling is max, mean, attention or last, not {kind!r}")
        self.kind = kind
        if kind == "attention":
            self.key = nn.Linear(width, width)
            self.query = nn.Parameter(torch.randn(width) * width**-0.5)

    def forward(self, states: Tensor, packed: Packed) -> Tensor:
        """Pool."""
        if self.kind == "max":
            return packed.text_order(_maximum(states, packed).transpose(0, 1).flatten(1))
        if self.kind == "last":
            return packed.text_order(states[:, _last(packed)].transpose(0, 1).flatten(1))
        tokens = packed.token_order(states)
        return (packed.padded(tokens) * self._weights(tokens, packed)[..., None]).sum(0)

    def contributions(self, states: Tensor, packed: Packed) -> Tensor:
        """Part of each token in the pooled vector ``[L, B]``: at least 0, sums to 1 over a text, 0 where it has ended.

        max: part of the dimensions whose maximum stands at the token (the first of equal ones); mean: 1 / length; attention:
        the weights; last: equal parts for the tokens read last, which is the text's last one forwards, its first backwards.
        """
        tokens = packed.token_order(states)
        if self.kind in {"mean", "attention"}:
            return self._weights(tokens, packed)
        if self.kind == "max":
            chosen = packed.padded(tokens, -torch.inf).argmax(0)
        else:
            ends = [packed.lengths - 1, torch.zeros_like(packed.lengths)]
            chosen = torch.stack(ends[: len(states)], 1).clamp_min(0)
        part = tokens.new_full(chosen.shape, 1 / chosen.shape[1]) * (packed.lengths > 0)[:, None]
        counts = tokens.new_zeros(len(packed.lengths), max(1, len(packed.sizes)))
        return counts.scatter_add(1, chosen, part).T

    def _weights(self, tokens: Tensor, packed: Packed) -> Tensor:
        if self.kind == "mean":
            return packed.padded(1 / packed.lengths[packed.texts].to(tokens.dtype))
        scores = self.key(tokens).tanh().to(tokens.dtype) @ self.query.to(tokens.dtype)
        weights = packed.padded(scores, -torch.inf).softmax(0)
        return weights.nan_to_num(0.0) if (packed.lengths == 0).any() else weights


def _maximum(states: Tensor, packed: Packed) -> Tensor:
    """The largest states ``[D, N, H]`` of the ``N`` texts that are not empty, in the order of ``packed``."""
    if states.is_cuda:  # a loop of small steps would wait for each of them
        real = [_grid(packed, part) for part in states]
        return torch.stack([part.amax(0) for part in real])
    result: Tensor = _Maximum.apply(states, packed.sizes)  # type: ignore[no-untyped-call]
    return result


def _grid(packed: Packed, values: Tensor) -> Tensor:
    """Values ``[T, H]`` in the order of reading -> ``[L, N, H]``, -1 where a text has ended: a GRU's states are larger."""
    return nn.utils.rnn.pad_packed_sequence(
        nn.utils.rnn.PackedSequence(values, torch.tensor(packed.sizes)), padding_value=-1.0
    )[0]


def _last(packed: Packed) -> Tensor:
    """Where the last token of each text is read ``[N]``, in the order of reading."""
    sizes = torch.tensor(packed.sizes, dtype=torch.int64, device=packed.order.device)
    lengths = packed.lengths[packed.order[: max(packed.sizes, default=0)]]
    starts = sizes.cumsum(0) - sizes
    return starts[lengths - 1] + torch.arange(len(lengths), device=lengths.device)


class _Maximum(torch.autograd.Function):
    """A running maximum; its gradient goes to the last of equal states. Reads and writes each state once."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """The maximum over the steps."""
        start = sizes[0] if sizes else 0
        best = states[:, :start].clone()
        for size in sizes[1:]:
            part = best[:, :size]
            torch.maximum(part, states[:, start : start + size], out=part)
            start += size
        ctx.sizes = sizes
        ctx.save_for_backward(states, best)
        return best

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """From the last step to the first; what one state took is gone for the others."""
        states, best = ctx.saved_tensors
        left, result = gradient.clone(memory_format=torch.contiguous_format), torch.empty_like(states)
        stop = states.shape[1]
        for size in reversed(ctx.sizes):
            at, rest = slice(stop - size, stop), left[:, :size]
            torch.mul(rest, states[:, at] == best[:, :size], out=result[:, at])
            rest -= result[:, at]
            stop -= size
        return result, None
