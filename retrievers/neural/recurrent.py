"""Gated recurrent units over packed texts: both directions of a layer in one loop, nothing computed for padding.

The parameters are those of a ``torch.nn.GRU``. On CUDA that module computes (cuDNN); on a CPU its loop takes several times
longer than the one below.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.nn.utils.rnn import PackedSequence

from retrievers.neural.cell import advance, read, retreat
from retrievers.neural.packed import Packed

FEW_TEXTS = 4
"""So few texts are read by one compiled loop: a step's product is too small to be worth a call."""


class Weights(NamedTuple):
    """Of a layer, its ``D`` directions together: inputs ``[D, E, 3 H]``, received ``[D, 1, 3 H]`` (all biases that simply add), recurrent ``[D, 3 H, H]``, bias ``[D, H]``."""

    inputs: Tensor
    received: Tensor
    recurrent: Tensor
    bias: Tensor


class Layers(nn.GRU):
    """A ``torch.nn.GRU`` that puts the parameters of its directions together; outside training once for all calls."""

    _kept: tuple[list[tuple[int, int]], list[Weights]] | None = None

    def train(self, mode: bool = True) -> "Layers":
        """Set the mode, and forget what was put together: a fused optimiser changes parameters without a trace."""
        self._kept = None
        return super().train(mode)

    def together(self) -> list[Weights]:
        """Of each layer."""
        if self.training or torch.is_grad_enabled():
            return [_together(self, layer) for layer in range(self.num_layers)]
        parameters = [parameter for layer in self.all_weights for parameter in layer]
        state = [(one.data_ptr(), one._version) for one in parameters]  # noqa: SLF001 - as autograd sees that one was set
        if self._kept is None or self._kept[0] != state:
            with (
                torch.inference_mode(mode=False),
                torch.no_grad(),
            ):  # made in inference mode they would serve nowhere else
                self._kept = state, [_together(self, layer) for layer in range(self.num_layers)]
        return self._kept[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": None}


def _together(gru: Layers, layer: int) -> Weights:
    hidden = gru.hidden_size
    names = [f"l{layer}", f"l{layer}_reverse"][: 1 + gru.bidirectional]
    inner = [getattr(gru, f"bias_hh_{name}") for name in names]
    outer = [getattr(gru, f"bias_ih_{name}") for name in names]
    simple = [own + F.pad(other[: 2 * hidden], (0, hidden)) for own, other in zip(outer, inner, strict=True)]
    return Weights(
        torch.stack([getattr(gru, f"weight_ih_{name}").T for name in names]),
        torch.stack(simple)[:, None],
        torch.stack([getattr(gru, f"weight_hh_{name}").T for name in names]).transpose(1, 2),
        torch.stack([bias[2 * hidden :] for bias in inner]),
    )


def project(weights: Weights, inputs: Tensor) -> Tensor:
    """What the gates of a layer receive from its inputs ``[N, E]``: ``[D, N, 3 H]`` float."""
    directions = len(weights.inputs)
    return _at_least_float32(torch.baddbmm(weights.received, inputs.expand(directions, -1, -1), weights.inputs))


def states(gru: Layers, packed: Packed, table: Tensor, rows: Tensor) -> Tensor:
    """States of the last layer ``[D, T, H]`` on a CPU, each direction in the order in which it reads.

    table ``[D, U, 3 H]``: ``project`` of the first layer's distinct inputs; rows ``[T]``: which of them each token is.
    """
    chosen = rows[packed.reading]
    result: Tensor = torch.empty(0)
    for layer, weights in enumerate(gru.together()):
        if layer:
            inputs = F.dropout(packed.token_order(result), gru.dropout, gru.training)
            table, chosen = project(weights, inputs), packed.reading
        result = recurrence(table, chosen[: len(table)], weights.recurrent, weights.bias, packed.sizes)
    return result


def states_by_module(gru: nn.GRU, packed: Packed, inputs: Tensor) -> Tensor:
    """The same computed by the module itself, as suits CUDA; inputs ``[T, E]`` in the order of the tokens."""
    if not packed.sizes:
        return inputs.new_zeros(1 + gru.bidirectional, 0, gru.hidden_size)
    forwards, backwards = packed.reading
    if packed.sizes[0] == packed.sizes[-1]:  # texts of one length, or one text: half the time on a CPU
        found = gru(inputs[forwards].view(len(packed.sizes), packed.sizes[0], -1))[0].flatten(0, 1)
    else:
        found = gru(PackedSequence(inputs[forwards], torch.tensor(packed.sizes)))[0].data
    inverse = torch.empty_like(forwards).index_copy(0, forwards, torch.arange(len(forwards), device=forwards.device))
    parts = _at_least_float32(found).chunk(1 + gru.bidirectional, -1)
    return torch.stack([parts[0], *(part[inverse[backwards]] for part in parts[1:])])


def recurrence(table: Tensor, rows: Tensor, weight: Tensor, bias: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """States ``[D, T, H]`` of a GRU (Cho et al. 2014, in torch's form) from zero, ``D`` directions at once; on a CPU.

    table ``[D, U, 3 H]``: what the gates r, z, n receive from each distinct input; rows ``[D, T]``: the inputs as they are
    read, ``sizes[t]`` texts at step ``t``; weight ``[D, 3 H, H]``; bias ``[D, H]``, which stands inside the product with r.
    Under autocast the products are taken in its number format, states and sums are not.
    """
    half = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    result: Tensor = _Recurrence.apply(table, rows, weight, bias, sizes, half)  # type: ignore[no-untyped-call]
    return result


class _Recurrence(torch.autograd.Function):
    """The loop over time, and back. Gradients of the inputs are summed for each distinct input."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd gives them by position
        ctx: Any,
        table: Tensor,
        rows: Tensor,
        weight: Tensor,
        bias: Tensor,
        sizes: tuple[int, ...],
        half: torch.dtype | None,
    ) -> Tensor:
        """The states; gates are kept only if there will be a way back."""
        directions, total = rows.shape
        hidden, texts = weight.shape[-1], max(sizes, default=0)
        learning = any(ctx.needs_input_grad)
        result = table.new_empty(directions, total, hidden)
        gates = table.new_empty(directions, total if learning else 1, 3 * hidden)
        inner = table.new_empty(directions, total if learning else 1, hidden)
        factor = weight.transpose(1, 2).contiguous().to(half or weight.dtype)
        inputs, written = (table.numpy(), rows.numpy()), (result.numpy(), gates.numpy(), inner.numpy())
        if texts <= FEW_TEXTS and half is None:
            read(*inputs, factor.numpy(), bias.numpy(), np.array(sizes, np.int64), *written)
        else:
            previous, start = table.new_zeros(directions, texts, hidden), 0
            for size in sizes:
                previous = previous[:, :size]
                received = torch.bmm(previous.to(factor.dtype), factor).to(table.dtype)
                advance(*inputs, received.numpy(), bias.numpy(), previous.numpy(), *written, start)
                previous = result[:, start : start + size]
                start += size
        ctx.sizes, ctx.half, ctx.inputs = sizes, half, table.shape[1]
        if learning:
            ctx.save_for_backward(rows, weight, gates, inner, result)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Through time; the weights' gradients grow in place."""
        rows, weight, gates, inner, result = ctx.saved_tensors
        sizes, (directions, total, hidden) = ctx.sizes, result.shape
        texts, factor = max(sizes, default=0), weight.to(ctx.half or weight.dtype)
        by_gates = torch.empty_like(gates)
        by_weight, by_bias = torch.zeros_like(weight), weight.new_zeros(directions, hidden)
        later = gradient.new_zeros(directions, texts, hidden)  # from the steps after this one
        buffer = gradient.new_empty(directions, texts, 3 * hidden)
        given = gradient.contiguous().numpy(), gates.numpy(), inner.numpy()
        for step in reversed(range(len(sizes))):
            size = sizes[step]
            total -= size
            begin = total - sizes[step - 1] if step else 0
            before = result[:, begin : begin + size] if step else torch.zeros_like(later[:, :size])
            kept, recurrent = later[:, :size], buffer[:, :size]
            retreat(
                given[0], before.numpy(), *given[1:],
                kept.numpy(), by_gates.numpy(), recurrent.numpy(), by_bias.numpy(), total,
            )  # fmt: skip
            if step:
                product = recurrent.to(factor.dtype)
                by_weight += torch.bmm(product.transpose(1, 2), before.to(factor.dtype))
                kept += torch.bmm(product, factor)
        by_table = [sum_rows(part, row, ctx.inputs) for part, row in zip(by_gates, rows, strict=True)]
        return torch.stack(by_table), None, by_weight, by_bias, None, None


def compile_cells() -> None:
    """Compile for this machine what is not compiled yet, so that neither learning nor a search has to."""
    gru = Layers(2, 2, bidirectional=True)
    for texts in (1, FEW_TEXTS + 1):
        packed = Packed.of(torch.ones(2, texts, dtype=torch.int64))
        table = project(gru.together()[0], torch.ones(1, 2))
        states(gru, packed, table, torch.zeros_like(packed.ids)).sum().backward()  # type: ignore[no-untyped-call]


def sum_rows(values: Tensor, rows: Tensor, size: int) -> Tensor:
    """Sums ``[size, C]`` of the values ``[T, C]`` that share a row; ``index_add`` takes several times longer."""
    counts = torch.bincount(rows, minlength=size)
    return F.embedding_bag(rows.argsort(stable=True), values, counts.cumsum(0) - counts, mode="sum")


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
