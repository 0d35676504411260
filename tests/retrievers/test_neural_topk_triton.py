"""The kernels: compiled where there is a GPU, else in Triton's interpreter; what needs a GPU skips itself without one."""

import sys

import numpy as np
import pytest
import torch
from topk_cuda_examples import PRECISIONS, assert_exact, tiny, vectors

from retrievers.neural.topk.cuda import CudaEngine
from retrievers.neural.topk.graph import Graphs
from retrievers.neural.topk.steps import TorchSteps
from retrievers.neural.topk.survivors import Asked, Block, Order, Survivors

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"


@pytest.fixture(scope="module")
def triton_steps():
    """The kernels: compiled where there is a GPU, else in the interpreter, which Triton has to be imported for."""
    with pytest.MonkeyPatch.context() as patch:
        before = dict(sys.modules)
        if not CUDA:
            patch.setenv("TRITON_INTERPRET", "1")
            for name in before:
                if name.startswith(("triton", "retrievers.neural.topk.t")) and not name.startswith("triton._C"):
                    del sys.modules[name]
        yield pytest.importorskip("retrievers.neural.topk.triton_steps", exc_type=ModuleNotFoundError)
        if not CUDA:
            for name in [name for name in sys.modules if name.startswith(("triton", "retrievers.neural.topk.t"))]:
                del sys.modules[name]
            sys.modules.update(before)


def small_tiles(module, precision="bfloat16"):
    """Shapes for the interpreter."""
    shape = module.Shape(rows=16, width=32, warps=4, programs=1)
    return module.TritonSteps(shape, shape, shape, module.Shape(rows=1, width=32), tf32=precision == "tf32")


@pytest.mark.parametrize(
    ("precision", "size", "questions"), [("bfloat16", 20, 18), ("tf32", 33, 3), ("float32", 70, 3), ("float16", 300, 1)]
)
def test_kernels_do_what_torch_does(triton_steps, precision, size, questions):
    documents, queries = (
        torch.from_numpy(vectors(5, 150, size)).to(DEVICE),
        torch.from_numpy(vectors(6, questions, size)).to(DEVICE),
    )
    kernels, plain = small_tiles(triton_steps, precision), TorchSteps(32)
    block, order = Block.of(documents, 1000, precision, 1.0), Order.of(150, 32)
    asked = Asked.of(queries, precision, block.rough.shape[1])
    assert torch.allclose(kernels.maxima(asked, block, order, 3), plain.maxima(asked, block, order, 3), atol=2e-3)
    states = [Survivors(asked, 5, 40) for _ in range(2)]
    for state, steps in zip(states, (kernels, plain), strict=True):
        state.enter(block)
        state.lift(torch.full_like(state.floor, 0.05))
        steps.append(state, block, order, 0, 2)
        assert not steps.lift(state).any()
        steps.append(state, block, order, 2, order.tiles)
        lost = steps.lift(state)
        state.keep_best(steps.rescore(state, block, int(state.counts.max())))
        state.lost = lost
    assert torch.equal(states[0].best, states[1].best)
    assert torch.equal(states[0].lost, states[1].lost)
    assert torch.allclose(states[0].thresholds, states[1].thresholds, atol=1e-6)


def test_a_kernel_keeps_what_was_settled_when_room_runs_out(triton_steps):
    documents = torch.from_numpy(np.repeat(vectors(5, 1, 20), 96, axis=0)).to(DEVICE)
    kernels, block, order = small_tiles(triton_steps), Block.of(documents, 0, "bfloat16", 1.0), Order(3, 32, 1)
    state = Survivors(Asked.of(documents[:2], "bfloat16", 32), 4, 40)
    state.enter(block)
    kernels.append(state, block, order, 0, 1)
    assert not kernels.lift(state).any()
    assert state.counts.tolist() == [32, 32]  # all alike: none falls
    kernels.append(state, block, order, 1, 3)
    assert state.counts.tolist() == [96, 96]
    assert kernels.lift(state).all()
    assert state.counts.tolist() == [32, 32]
    assert [sorted(row) for row in state.positions[:, :32].tolist()] == [list(range(32))] * 2


@pytest.mark.parametrize(("count", "questions", "k"), [(90, 17, 3), (90, 1, 5), (3, 2, 10)])
def test_the_kernels_search(triton_steps, count, questions, k):
    documents, queries = vectors(7, count, 24), vectors(8, questions, 24)
    documents[count // 2 :] = documents[: count - count // 2]  # ties
    with tiny():
        engine = CudaEngine(documents, device=DEVICE, steps=small_tiles(triton_steps), block=count // 2 + 1)
        assert_exact(engine, queries, documents, k)


@pytest.mark.parametrize("questions", [1, 3])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_rows_that_fill_the_last_tile_are_no_documents_of_score_0(triton_steps, precision, questions):
    documents = np.abs(vectors(5, 1000, 16))
    queries = -np.abs(vectors(6, questions, 16))
    steps, order = small_tiles(triton_steps, precision), Order.of(1000, 32)
    block = Block.of(torch.from_numpy(documents).to(DEVICE), 0, precision, 1.0)
    asked = Asked.of(torch.from_numpy(queries).to(DEVICE), precision if questions > 1 else "float32", 16)
    best = steps.maxima(asked, block, order, order.tiles)
    assert torch.allclose(best, TorchSteps(32).maxima(asked, block, order, order.tiles), atol=2e-2)
    assert (best < 0).all()
    assert_exact(CudaEngine(documents, device=DEVICE, precision=precision, steps=steps), queries, documents, 1)


def test_the_fastest_shape_is_chosen(triton_steps, monkeypatch):
    from retrievers.neural.topk import tuning

    slow, fast, large = (triton_steps.Shape(rows=1, width=width) for width in (16, 32, 64))
    seconds = {16: 2.0, 32: 1.0}

    def measured(steps, state, block, order):
        if order.width not in seconds:
            raise tuning.OutOfResources(1, 2, "shared memory")
        return seconds[order.width]

    monkeypatch.setattr(tuning, "_seconds", measured)
    block = Block.of(torch.from_numpy(vectors(0, 80, 16)).to(DEVICE), 0, "bfloat16", 1.0)
    plain = triton_steps.TritonSteps(single=slow)
    best = tuning.tuned(plain, block, "bfloat16", (large, slow, fast), (large, slow))
    assert (best.shape, best.single) == (fast, slow)
    assert tuning.tuned(plain, block, "bfloat16", (large,), ()) == plain


def test_shapes_are_measured_without_a_survivor(triton_steps):
    from retrievers.neural.topk import tuning

    block = Block.of(torch.from_numpy(vectors(0, 40, 16)).to(DEVICE), 0, "bfloat16", 1.0)
    state = Survivors(Asked.of(block.exact[:1], "float32", 16), 1, 1)
    state.thresholds.fill_(torch.inf)
    assert 0 < tuning._seconds(small_tiles(triton_steps), state, block, Order.of(40, 32)) < 60
    assert not state.counts.any()


cuda = pytest.mark.skipif(not CUDA, reason="needs a CUDA device")


@pytest.fixture(scope="module")
def many():
    """Documents, questions, and the 100 best of each."""
    documents, queries = vectors(9, 150_000, 72), vectors(10, 150, 72)
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    return documents, queries, np.argsort(-scores, axis=1, kind="stable")[:, :100]


def assert_best(engine, many, rows, k):
    positions, scores = engine.search(torch.from_numpy(many[1][rows]), k)
    assert positions.is_cuda
    assert (positions.cpu().numpy() == many[2][rows, :k]).all()
    assert (scores.diff(dim=1) <= 0).all()


@cuda
@pytest.mark.cuda
@pytest.mark.parametrize("steps", [None, TorchSteps()], ids=["triton", "torch"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_on_cuda(many, precision, steps):
    engine = CudaEngine(many[0], device="cuda", precision=precision, steps=steps)
    for questions, k in ((150, 100), (40, 10), (5, 10), (1, 100), (1, 10)):
        assert_best(engine, many, slice(questions), k)


@cuda
@pytest.mark.cuda
@pytest.mark.parametrize("steps", [None, TorchSteps()], ids=["triton", "torch"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_on_cuda_where_no_score_is_positive(precision, steps):
    documents, queries = np.abs(vectors(9, 150_001, 16)), -np.abs(vectors(10, 150, 16))
    engine = CudaEngine(documents, device="cuda", precision=precision, steps=steps)
    for questions, k in ((1, 1), (1, 10), (2, 1), (40, 10), (150, 1)):
        assert_exact(engine, queries[:questions], documents, k)


@cuda
@pytest.mark.cuda
def test_on_cuda_streamed(many):
    engine = CudaEngine(many[0], device="cuda", block=17_001)
    assert "streamed" in engine.path
    for _ in range(3):
        assert_best(engine, many, slice(None), 50)


@cuda
@pytest.mark.cuda
def test_on_cuda_one_question_is_a_graph(many):
    engine = CudaEngine(many[0], device="cuda")
    for at in range(5):
        assert_best(engine, many, slice(at, at + 1), 10)
    assert engine.path.endswith("one question as a graph")
    alike = np.repeat(many[0][:1], 20_000, axis=0)  # more survivors than a graph has room for
    assert_exact(CudaEngine(alike, device="cuda"), many[0][:1], alike, 10)


@cuda
@pytest.mark.cuda
def test_on_cuda_many_results_of_one_question_are_a_graph_too(many):
    documents, queries, _ = many
    engine = CudaEngine(documents, device="cuda")
    for k in (819, 820, 2000, 7, 8, 9, 2000):  # more survivors than one program sorts out, more graphs than are held
        assert_exact(engine, queries[:1], documents, k)
        assert engine.path.endswith("one question as a graph")
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


@cuda
@pytest.mark.cuda
def test_on_cuda_what_cannot_be_captured_is_launched():
    def waits(query, k):
        return query, query, torch.tensor(bool(query.sum().item()), device="cuda")

    graphs = Graphs(waits, 4, torch.device("cuda"))
    assert graphs.run(torch.ones(1, 4), 1) is None
    assert graphs.state.startswith("launched one by one")
    assert torch.cuda.current_stream() == torch.cuda.default_stream()  # not that of the capture
    assert torch.ones(3, device="cuda").sum().item() == 3


@cuda
@pytest.mark.cuda
def test_on_cuda_scores_are_never_held(many):
    documents, queries, _ = many
    engine = CudaEngine(documents, device="cuda")
    asked = torch.from_numpy(np.tile(queries, (7, 1))[:1024]).cuda()
    engine.search(asked, 100)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    engine.search(asked, 100)
    assert torch.cuda.max_memory_allocated() - before < 1024 * len(documents) * 4 / 4
