"""What a GRU computes for a step beside the products, compiled: one pass over memory where tensor operations take ten.

Places are those of ``Packed.reading``: at a step the first ``n`` texts read one token each, at ``start`` to ``start + n``.
``D`` directions, ``H`` hidden units, the gates in torch's order r, z, n. Arrays are all float32 or all float64.
"""

import math

import numba
import numpy as np
from numba.extending import overload, register_jitable

from retrievers.shared.compiled import compiled

_compiled = compiled(fastmath={"contract", "nsz"})
"""Multiply-add may be fused, sums are not reordered: the result does not depend on how many texts are read together."""


@_compiled
def advance(table, rows, received, bias, before, states, gates, inner, start):
    """One step forwards; writes states, gates and inner.

    table ``[D, U, 3 H]`` and rows ``[D, T]``: what the gates receive from the inputs, and which input each token is;
    received ``[D, n, 3 H]``: the recurrent products; bias ``[D, H]``; before ``[D, n, H]``: the states of the step before;
    states ``[D, T, H]``; gates ``[D, T, 3 H]`` and inner ``[D, T, H]`` (products and bias, before r gates them), or with
    a single place where nobody needs them later.
    """
    for direction in range(len(received)):
        for text in range(received.shape[1]):
            place = start + text
            kept = min(place, gates.shape[1] - 1)
            _state(
                table[direction, rows[direction, place]], received[direction, text], bias[direction],
                before[direction, text], states[direction, place], gates[direction, kept], inner[direction, kept],
            )  # fmt: skip


@_compiled
def read(table, rows, factor, bias, sizes, states, gates, inner):
    """All steps, the products included, as suits a few texts; sizes ``[L]``: ``n`` of each step; factor ``[D, H, 3 H]``."""
    hidden = bias.shape[1]
    received = np.empty(3 * hidden, table.dtype)
    zero = np.zeros(hidden, table.dtype)
    for direction in range(len(states)):
        start = 0
        for step in range(len(sizes)):
            for text in range(sizes[step]):
                place = start + text
                kept = min(place, gates.shape[1] - 1)
                before = states[direction, place - sizes[step - 1]] if step else zero
                received[:] = 0
                for unit in range(hidden if step else 0):
                    value, row = before[unit], factor[direction, unit]
                    for gate in range(3 * hidden):
                        received[gate] += value * row[gate]
                _state(
                    table[direction, rows[direction, place]], received, bias[direction],
                    before, states[direction, place], gates[direction, kept], inner[direction, kept],
                )  # fmt: skip
            start += sizes[step]


@_compiled
def retreat(own, before, gates, inner, later, by_gates, recurrent, by_bias, start):
    """One step backwards, of what ``advance`` computed.

    own ``[D, T, H]``: gradients of the states; before ``[D, n, H]``; later ``[D, n, H]``: gradients of the step's states from
    the steps after it, on return what of them reaches the step before without a product. Writes by_gates ``[D, T, 3 H]``,
    the gradients of what the gates receive from the inputs, and recurrent ``[D, n, 3 H]``, those of the recurrent products;
    adds to by_bias ``[D, H]``.
    """
    hidden, one = by_bias.shape[1], by_bias.dtype.type(1)
    for direction in range(len(later)):
        bias = by_bias[direction]
        for text in range(later.shape[1]):
            place = start + text
            gate, new = gates[direction, place], inner[direction, place]
            reset, update, candidate = gate[:hidden], gate[hidden : 2 * hidden], gate[2 * hidden :]
            outer, product = by_gates[direction, place], recurrent[direction, text]
            by_reset, by_update, by_candidate = outer[:hidden], outer[hidden : 2 * hidden], outer[2 * hidden :]
            by_inner = product[2 * hidden :]
            total, given, old = later[direction, text], own[direction, place], before[direction, text]
            for unit in range(hidden):
                total[unit] += given[unit]
                by_candidate[unit] = total[unit] * (one - update[unit]) * (one - candidate[unit] * candidate[unit])
            for unit in range(hidden):
                total[unit] *= update[unit]
                by_update[unit] = (old[unit] - candidate[unit]) * total[unit] * (one - update[unit])
            for unit in range(hidden):
                by_inner[unit] = by_candidate[unit] * reset[unit]
                by_reset[unit] = by_inner[unit] * new[unit] * (one - reset[unit])
            product[: 2 * hidden] = outer[: 2 * hidden]
            for unit in range(hidden):
                bias[unit] += by_inner[unit]


@_compiled
def _state(row, received, bias, before, state, gates, inner):
    """Of one token. Short loops over few arrays, so that each becomes vector instructions."""
    hidden, half = len(bias), row.dtype.type(0.5)
    reset, update, candidate = gates[:hidden], gates[hidden : 2 * hidden], gates[2 * hidden :]
    for gate in range(2 * hidden):
        gates[gate] = half * _tanh(half * (row[gate] + received[gate])) + half
    inputs, product = row[2 * hidden :], received[2 * hidden :]
    for unit in range(hidden):
        inner[unit] = product[unit] + bias[unit]
    for unit in range(hidden):
        candidate[unit] = _tanh(inputs[unit] + reset[unit] * inner[unit])
    for unit in range(hidden):
        state[unit] = candidate[unit] + update[unit] * (before[unit] - candidate[unit])


def _tanh(value):
    """The hyperbolic tangent; in float32 within 4e-7, by what compiles to vector instructions. Only for compiled code."""
    raise NotImplementedError


@overload(_tanh)
def _tanh_of(value):
    if value == numba.float64:
        return lambda value: math.tanh(value)  # noqa: PLW0108 - numba compares the names of arguments
    return lambda value: _rational_tanh(value)  # noqa: PLW0108


@register_jitable
def _rational_tanh(value):
    """The approximation of degree 13 over 6 that Eigen uses (``generic_fast_tanh_float``); 1 from 7.905 on."""
    x = min(max(value, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    square = x * x
    above = square * np.float32(-2.76076847742355e-16) + np.float32(2.00018790482477e-13)
    above = square * above + np.float32(-8.60467152213735e-11)
    above = square * above + np.float32(5.12229709037114e-08)
    above = square * above + np.float32(1.48572235717979e-05)
    above = square * above + np.float32(6.37261928875436e-04)
    above = square * above + np.float32(4.89352455891786e-03)
    below = square * np.float32(1.19825839466702e-06) + np.float32(1.18534705686654e-04)
    below = square * below + np.float32(2.26843463243900e-03)
    below = square * below + np.float32(4.89352518554385e-03)
    return x * above / below
