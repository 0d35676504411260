"""What the engine for CUDA holds and waits for, as far as it can be told without a device."""

from contextlib import nullcontext
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from topk_cuda_examples import vectors
from torch.utils._python_dispatch import TorchDispatchMode

from retrievers.neural.topk import graph, steps
from retrievers.neural.topk.graph import Captured, Graphs
from retrievers.neural.topk.steps import TorchSteps, product
from retrievers.neural.topk.stream import fits
from retrievers.neural.topk.survivors import Asked, Block, Order, Survivors


class Watch(TorchDispatchMode):
    """Notes what is computed: names of operations, and the largest result in float64."""

    def __init__(self):
        super().__init__()
        self.names, self.largest = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.names.append(func.overloadpacket.__name__)
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            self.largest = max(self.largest, result.numel())
        return result


def test_to_lift_a_floor_nobody_waits_for_the_device():
    """A CUDA graph cannot hold what does: its host asks for a number, or for what a mask selects."""
    documents = torch.from_numpy(vectors(1, 500, 8))
    block, state = Block.of(documents, 0, "float32", 1.0), Survivors(Asked.of(documents[:3], "float32", 8), 5, 600)
    state.enter(block)
    TorchSteps().append(state, block, Order.of(500, 1 << 15), 0, 1)
    with Watch() as watch:
        assert TorchSteps().lift(state).shape == (3,)
    assert not {"_local_scalar_dense", "nonzero", "masked_select", "unique", "item"} & set(watch.names)
    assert (state.counts >= 5).all()
    assert (state.counts < 50).all()


def test_a_sample_is_turned_into_float64_in_pieces(monkeypatch):
    monkeypatch.setattr(steps, "DOUBLED", 64)
    documents, query = torch.from_numpy(vectors(1, 1000, 16)), torch.from_numpy(vectors(2, 1, 16)).double()
    with Watch() as watch:
        scores = product(query, documents)
    assert watch.largest <= 64 * 16
    np.testing.assert_array_equal(scores, (query @ documents.double().T).float())
    assert product(query, documents[:0]).shape == (1, 0)


@pytest.fixture
def no_device(monkeypatch):
    """Graphs on a machine that may have no CUDA device; returns the streams that were made current."""
    current = []
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "the stream before")
    monkeypatch.setattr(torch.cuda, "set_stream", current.append)
    return current


def test_a_capture_that_fails_leaves_the_stream_that_was_current(no_device, monkeypatch):
    monkeypatch.setattr(Graphs, "_capture", Mock(side_effect=RuntimeError("operation not permitted")))
    graphs = Graphs(lambda *_: None, 4, torch.device("cpu"))
    assert graphs.run(torch.ones(1, 4), 3) is None
    assert no_device == ["the stream before"]
    assert "no graph for k = 3: operation not permitted" in graphs.state


def test_the_graphs_of_the_last_few_k_are_held(no_device, monkeypatch):
    captured = []

    def capture(_, k):
        captured.append(k)
        if k < 0:
            raise RuntimeError("no")
        return Captured(Mock(), k)

    monkeypatch.setattr(Graphs, "_capture", capture)
    monkeypatch.setattr(graph, "HELD", 3)
    graphs = Graphs(lambda *_: None, 4, torch.device("cpu"))
    asked = [1, 2, 3, -1, 1, 4, 3, 1, -1, 2]
    assert [graphs.run(torch.ones(1, 4), k) for k in asked] == [k if k > 0 else None for k in asked]
    assert captured == [1, 2, 3, -1, 1, 4, 2]  # 1 and then 2 had to go; that -1 fails is known
    assert sorted(k for k, graph in graphs._captured.items() if graph is not None) == [1, 2, 3]


@pytest.mark.parametrize(("free", "reserved", "allocated", "all_fit"), [(0, 1000, 0, True), (0, 1000, 900, False)])
def test_blocks_that_torch_holds_for_nobody_are_free(monkeypatch, free, reserved, allocated, all_fit):
    unit = 4 * 16 + 2 * 31  # bytes a document takes, of which 500 are to fit
    for name, value in {"memory_reserved": reserved, "memory_allocated": allocated}.items():
        monkeypatch.setattr(torch.cuda, name, lambda _, value=value: value * unit)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free * unit, 10_000 * unit))
    block = fits(np.zeros((500, 16), np.float32), torch.device("cuda"), "bfloat16")
    assert (block == 500) == all_fit
