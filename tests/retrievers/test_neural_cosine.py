import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.neural import cosine
from retrievers.neural.cosine import top_k


def brute_force(queries, documents, k):
    scores = queries @ documents.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


@pytest.fixture(params=[(64, 1 << 16), (2, 7)], ids=["one tile", "many tiles"])
def tiles(request, monkeypatch):
    monkeypatch.setattr(cosine, "TILE_QUERIES", request.param[0])
    monkeypatch.setattr(cosine, "TILE_DOCUMENTS", request.param[1])


@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("k", [1, 5, 30, 31])
def test_equals_brute_force(k):
    rng = np.random.default_rng(k)
    queries, documents = rng.standard_normal((5, 8), np.float32), rng.standard_normal((30, 8), np.float32)
    positions, scores = top_k(torch.from_numpy(queries), torch.from_numpy(documents), k)
    expected, values = brute_force(queries, documents, k)
    assert (positions.numpy() == expected).all()
    assert np.allclose(scores.numpy(), values, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 45), st.integers(0, 1000), st.integers(3, 50))
def test_equal_scores_keep_the_lower_position(documents, k, seed, tile):
    rng = np.random.default_rng(seed)
    few = torch.from_numpy(rng.integers(-1, 2, (documents, 3)).astype(np.float32))  # exact products, many ties
    queries = torch.from_numpy(rng.integers(-1, 2, (4, 3)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cosine, "TILE_DOCUMENTS", tile)
        positions, _ = top_k(queries, few, k)
    assert (positions.numpy() == brute_force(queries.numpy(), few.numpy(), k)[0]).all()


@pytest.mark.parametrize(("queries", "documents"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_search_or_nothing_asked(queries, documents):
    positions, scores = top_k(torch.zeros(queries, 4), torch.zeros(documents, 4), 5)
    assert positions.shape == scores.shape == (queries, min(5, documents))
    assert positions.dtype == torch.int64


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_result_stays_on_the_device():
    generator = torch.Generator().manual_seed(0)
    queries, documents = torch.randn(70, 16, generator=generator), torch.randn(5000, 16, generator=generator)
    positions, scores = top_k(queries.cuda(), documents.cuda(), 10)
    assert positions.is_cuda
    expected, values = top_k(queries, documents, 10)
    assert (positions.cpu() == expected).float().mean() > 0.99  # TF32 is off by default; sums differ in order only
    assert torch.allclose(scores.cpu(), values, atol=1e-4)
