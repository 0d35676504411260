"""Gated recurrent units over packed texts: both directions of a layer in one loop, nothing computed for padding.

The parameters are those of a ``torch.nn.GRU``. On CUDA that module computes (cuDNN); on a CPU its loop takes several times
longer than the one below.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.nn.utils.rnn import PackedSequence

from retrievers.neural.packed import Packed


def project(gru: nn.GRU, layer: int, inputs: Tensor) -> Tensor:
    """What the gates of a layer receive from its inputs ``[N, E]``: ``[D, N, 3 H]`` float, with all biases that simply add."""
    names = _directions(gru, layer)
    hidden = gru.hidden_size
    biases = [
        getattr(gru, f"bias_ih_{name}") + F.pad(getattr(gru, f"bias_hh_{name}")[: 2 * hidden], (0, hidden))
        for name in names
    ]
    weights = torch.stack([getattr(gru, f"weight_ih_{name}").T for name in names])
    received = torch.baddbmm(torch.stack(biases)[:, None], inputs.expand(len(names), -1, -1), weights)
    return _at_least_float32(received)


def states(gru: nn.GRU, packed: Packed, table: Tensor, rows: Tensor) -> Tensor:
    """States of the last layer ``[D, T, H]`` on a CPU, each direction in the order in which it reads.

    table ``[D, U, 3 H]``: ``project`` of the first layer's distinct inputs; rows ``[T]``: which of them each token is.
    """
    read = rows[packed.reading]
    result: Tensor = torch.empty(0)
    for layer in range(gru.num_layers):
        if layer:
            inputs = F.dropout(packed.token_order(result), gru.dropout, gru.training)
            table, read = project(gru, layer, inputs), packed.reading
        names = _directions(gru, layer)
        weight = torch.stack([getattr(gru, f"weight_hh_{name}") for name in names])
        bias = torch.stack([getattr(gru, f"bias_hh_{name}")[2 * gru.hidden_size :] for name in names])
        result = recurrence(table, read[: len(names)], weight, bias, packed.sizes)
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
        gates = table.new_empty(directions, total if learning else texts, 3 * hidden)
        inner = table.new_empty(directions, total if learning else texts, hidden)
        factor = weight.transpose(1, 2).contiguous().to(half or weight.dtype)
        previous = table.new_zeros(directions, texts, hidden)
        steps = zip(_steps(rows, sizes), _steps(result, sizes), _steps(gates, sizes), _steps(inner, sizes), strict=True)
        for row, state, gate, new in steps:
            for own, source, chosen in zip(gate, table, row, strict=True):
                torch.index_select(source, 0, chosen, out=own)
            reset, update, candidate = gate.chunk(3, -1)
            previous = previous[:, : state.shape[1]]
            received = torch.bmm(previous.to(factor.dtype), factor)
            gate[..., : 2 * hidden].add_(received[..., : 2 * hidden]).sigmoid_()
            torch.add(received[..., 2 * hidden :], bias[:, None], out=new)
            # tanh(x) = 2 sigmoid(2 x) - 1: torch's tanh takes three times as long as its sigmoid
            candidate.addcmul_(reset, new).mul_(2).sigmoid_().mul_(2).sub_(1)
            previous = torch.lerp(candidate, previous, update, out=state)
        ctx.sizes, ctx.half, ctx.inputs = sizes, half, table.shape[1]
        if learning:
            ctx.save_for_backward(rows, weight, gates, inner, result)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Through time; the weights' gradients grow in place."""
        rows, weight, gates, inner, result = ctx.saved_tensors
        sizes, (directions, _, hidden) = ctx.sizes, weight.shape
        factor = weight.to(ctx.half or weight.dtype)
        by_gates = torch.empty_like(gates)
        by_weight, by_bias = torch.zeros_like(weight), weight.new_zeros(directions, hidden)
        later = gradient.new_zeros(directions, max(sizes, default=0), hidden)  # from the steps after this one
        buffer = gradient.new_empty(directions, max(sizes, default=0), 3 * hidden)
        states = _steps(result, sizes)
        steps = zip(
            (None, *states)[: len(sizes)], _steps(gradient, sizes), _steps(by_gates, sizes),
            _steps(gates, sizes), _steps(inner, sizes), strict=True,
        )  # fmt: skip
        for before, own, outer, gate, new in reversed(list(steps)):
            size = own.shape[1]
            total, recurrent = later[:, :size], buffer[:, :size]
            previous = torch.zeros_like(total) if before is None else before[:, :size]
            reset, update, candidate = gate.chunk(3, -1)
            by_reset, by_update, by_candidate = outer.chunk(3, -1)
            by_inner = recurrent[..., 2 * hidden :]
            total += own
            kept = total * update
            torch.mul(total - kept, 1 - candidate.square(), out=by_candidate)
            torch.sub(previous, candidate, out=by_update).mul_(kept).mul_(1 - update)
            torch.mul(by_candidate, reset, out=by_inner)
            torch.mul(by_inner, new, out=by_reset).mul_(1 - reset)
            recurrent[..., : 2 * hidden] = outer[..., : 2 * hidden]
            by_bias += by_inner.sum(1)
            if before is not None:
                product = recurrent.to(factor.dtype)
                by_weight += torch.bmm(product.transpose(1, 2), previous.to(factor.dtype))
                torch.add(kept, torch.bmm(product, factor), out=total)
        by_table = [sum_rows(part, row, ctx.inputs) for part, row in zip(by_gates, rows, strict=True)]
        return torch.stack(by_table), None, by_weight, by_bias, None, None


def sum_rows(values: Tensor, rows: Tensor, size: int) -> Tensor:
    """Sums ``[size, C]`` of the values ``[T, C]`` that share a row; ``index_add`` takes several times longer."""
    counts = torch.bincount(rows, minlength=size)
    return F.embedding_bag(rows.argsort(stable=True), values, counts.cumsum(0) - counts, mode="sum")


def _steps(values: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """The part of each step of values ``[D, T, …]``, or the same memory again and again where they hold only one step."""
    if values.shape[1] == sum(sizes):
        return torch.split_with_sizes(values, sizes, 1)
    return tuple(values[:, :size] for size in sizes)


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _directions(gru: nn.GRU, layer: int) -> list[str]:
    return [f"l{layer}", f"l{layer}_reverse"][: 1 + gru.bidirectional]
