"""The engine for CUDA. What is not bound to a GPU runs on the CPU, by torch; the kernels are tested in ``test_neural_topk_triton``."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from topk_cuda_examples import PRECISIONS, assert_exact, norm, tiny, vectors

from retrievers.neural.topk.cuda import CudaEngine
from retrievers.neural.topk.steps import TorchSteps, product
from retrievers.neural.topk.survivors import Asked, Block, Order, Survivors, pack, unpack


def on_cpu(documents, precision="bfloat16", tile=8, **options):
    return CudaEngine(
        documents, device="cpu", precision=precision, norm=norm(documents), steps=TorchSteps(tile), **options
    )


@pytest.fixture
def small():
    with tiny():
        yield


GRID = st.integers(-2, 2).map(float)
NORMAL = st.floats(-1, 1, width=32)


@st.composite
def problems(draw):
    size = draw(st.integers(1, 20))
    values = draw(st.sampled_from([GRID, NORMAL]))
    count = draw(st.integers(1, 90))
    documents = draw(arrays.arrays(np.float32, (count, size), elements=values, fill=st.just(0.0)))
    copies = draw(st.lists(st.integers(0, count - 1), min_size=0, max_size=40))
    queries = draw(arrays.arrays(np.float32, (draw(st.integers(1, 5)), size), elements=values, fill=st.just(0.0)))
    return queries, np.concatenate([documents, documents[copies]])


@settings(max_examples=80, deadline=None)
@given(
    problems(),
    st.integers(1, 140),
    st.sampled_from(PRECISIONS),
    st.integers(1, 40),
    st.none() | st.integers(1, 100),
)
def test_equals_a_stable_sort_of_all_scores(problem, k, precision, tile, block):
    queries, documents = problem
    with tiny():
        assert_exact(on_cpu(documents, precision, tile, block=block), queries, documents, k)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("size", "of_queries", "of_documents"), [(7, 1, 1e12), (7, 1e-40, 1), (64, 1e12, 1e-30), (64, 1, 1e-42)]
)
def test_any_length_of_vectors(precision, size, of_queries, of_documents):
    queries, documents = vectors(1, 4, size) * np.float32(of_queries), vectors(2, 100, size) * np.float32(of_documents)
    assert_exact(on_cpu(documents, precision), queries, documents, 9)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("block", [None, 130])
@pytest.mark.parametrize("order", [1, -1], ids=["ascending", "descending"])
def test_a_corpus_sorted_by_score(order, block):
    query = vectors(0, 1, 16)
    documents = vectors(1, 600, 16)
    documents = documents[np.argsort(order * (documents @ query[0]))]
    assert_exact(on_cpu(documents, block=block), np.concatenate([query, -query]), documents, 10)


@pytest.mark.usefixtures("small")
def test_survivors_that_do_not_fit_are_searched_again(monkeypatch):
    documents = np.concatenate([vectors(1, 40, 8), np.repeat(vectors(2, 1, 8), 500, axis=0), vectors(3, 40, 8)])
    redone = []
    monkeypatch.setattr(CudaEngine, "_redo", lambda *a, redo=CudaEngine._redo: (redone.append(a[-1]), redo(*a)))
    assert_exact(on_cpu(documents), vectors(2, 1, 8), documents, 5)  # 500 best ones, all alike
    assert redone


@pytest.mark.parametrize("claimed", [0.0, 10.0], ids=["a score of no document", "a score above all"])
def test_results_that_were_lost_are_never_returned(monkeypatch, claimed):
    documents, queries = np.abs(vectors(1, 100, 8)), -np.abs(vectors(2, 3, 8))
    engine = on_cpu(documents)
    monkeypatch.setattr(CudaEngine, "_reached", lambda _self, state, *_: torch.full_like(state.floor, claimed))
    with pytest.raises(RuntimeError, match="lost results"):
        engine.search(torch.from_numpy(queries), 1)
    monkeypatch.setattr(TorchSteps, "append", lambda *_: None)
    with pytest.raises(RuntimeError, match="lost results"):
        engine.search(torch.from_numpy(queries), 1)


def test_a_floor_that_the_best_contradict_is_told():
    documents, queries = torch.from_numpy(vectors(1, 100, 8)), torch.from_numpy(vectors(2, 3, 8))
    block, state = Block.of(documents, 0, "float32", 1.0), Survivors(Asked.of(queries, "float32", 8), 5, 100)
    state.enter(block)
    TorchSteps().append(state, block, Order.of(100, 1 << 15), 0, 1)
    state.keep_best(TorchSteps().rescore(state, block, 100))
    assert not state.broken().any()
    state.floor[1] += 1e-6
    assert state.broken().tolist() == [False, True, False]


def test_a_question_of_zeros_looks_at_nothing(monkeypatch):
    documents = vectors(1, 3000, 8)
    scored = []
    rescore = TorchSteps.rescore
    monkeypatch.setattr(TorchSteps, "rescore", lambda *a: (scored.append(a[-1]), rescore(*a))[1])
    assert_exact(on_cpu(documents), np.zeros((1, 8), np.float32), documents, 5)
    assert scored == [0]


@pytest.mark.parametrize(("queries", "documents", "size"), [(0, 3, 4), (2, 0, 4), (0, 0, 4), (2, 3, 0)])
def test_nothing_to_search_nothing_asked_nothing_compared(queries, documents, size):
    engine = CudaEngine(np.zeros((documents, size), np.float32), device="cpu")
    positions, scores = engine.search(torch.zeros(queries, size), 5)
    assert positions.tolist() == [list(range(min(5, documents)))] * queries
    assert scores.tolist() == [[0.0] * min(5, documents)] * queries


@pytest.mark.parametrize("norm", [-1.0, float("nan"), 2.0**63])
def test_a_norm_that_no_score_can_have_is_refused(norm):
    with pytest.raises(ValueError, match="is no norm"):
        CudaEngine(vectors(0, 3, 4), device="cpu", norm=norm)


def test_a_mapped_file_is_streamed_as_it_is(tmp_path):
    documents, queries = vectors(1, 1000, 12), vectors(2, 3, 12)
    documents.tofile(tmp_path / "vectors")
    mapped = np.memmap(tmp_path / "vectors", np.float32, mode="r", shape=documents.shape)
    for block in (170, 999, 1000):
        engine = CudaEngine(mapped, device="cpu", block=block)
        assert ("streamed" in engine.path) == (block < 1000)
        assert_exact(engine, queries, documents, 20)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_few_documents_survive(monkeypatch, precision):
    scored = []
    rescore = TorchSteps.rescore
    monkeypatch.setattr(TorchSteps, "rescore", lambda *a: (scored.append(a[-1]), rescore(*a))[1])
    documents = vectors(1, 20_000, 64)
    assert_exact(on_cpu(documents, precision, 4096), vectors(2, 5, 64), documents, 10)
    assert 10 <= scored[0] <= 30


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", [3, 128])
def test_rough_scores_are_within_the_bound_and_the_bound_is_no_excuse(precision, size):
    documents, queries = torch.from_numpy(vectors(3, 2000, size)) * 0.6, torch.from_numpy(vectors(4, 30, size)) * 5
    block = Block.of(documents, 0, precision, 0.6)
    asked = Asked.of(queries, precision, block.rough.shape[1])
    rough = product(asked.rough, block.rough).double()
    true = (queries.double() @ documents.double().T) * asked.factors[:, None] * block.scale
    error, bound = (rough - true).abs().amax(1), asked.bound(block)
    assert (error <= bound).all()
    unit = {"float32": 2e-4, "tf32": 2e-3, "bfloat16": 1e-2, "float16": 2e-3}[precision]
    assert (bound <= unit).all()
    if precision == "bfloat16" and size == 128:
        assert (error > bound / 10).any()


@given(st.lists(st.tuples(st.floats(width=32, allow_nan=False), st.integers(0, 2**32 - 1)), min_size=1))
def test_packed_keys_order_by_score_then_by_lower_position(pairs):
    scores, positions = torch.tensor([score for score, _ in pairs]), torch.tensor([at for _, at in pairs])
    keys = pack(scores, positions)
    back, again = unpack(keys.sort(descending=True).values)
    assert list(zip(again.tolist(), back.tolist(), strict=True)) == sorted(
        zip(scores.tolist(), positions.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1])
    )


@given(st.integers(1, 5000), st.integers(1, 64))
def test_every_tile_is_read_once(count, width):
    order = Order.of(count, width)
    assert sorted(at * order.step % order.tiles for at in range(order.tiles)) == list(range(-(-count // width)))
