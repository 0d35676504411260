import pytest
import torch

from retrievers.neural import recurrent
from retrievers.neural.packed import Packed
from retrievers.neural.recurrent import Layers, project, recurrence, states, states_by_module, sum_rows

IDS = torch.tensor([[1, 5, 0, 3, 2], [2, 0, 0, 3, 4], [3, 0, 0, 1, 0], [1, 0, 0, 5, 0], [0, 0, 0, 2, 0]])
"""Texts of 4, 1, 0, 5 and 2 tokens, with words that come again."""
SHAPES = [(layers, both) for layers in (1, 2) for both in (True, False)]


@pytest.fixture(params=[0, 4], ids=["step by step", "a few texts"], autouse=True)
def few_texts(request, monkeypatch):
    monkeypatch.setattr(recurrent, "FEW_TEXTS", request.param)


def build(layers, both, dtype=torch.float64, width=6, hidden=4):
    torch.manual_seed(0)
    gru = Layers(width, hidden, layers, bidirectional=both, dtype=dtype).eval()
    return gru, torch.randn(6, width, dtype=dtype, requires_grad=True)


def ours(gru, vectors, ids=IDS):
    packed = Packed.of(ids)
    words, rows = torch.unique(packed.ids, return_inverse=True)
    return packed.token_order(states(gru, packed, project(gru.together()[0], vectors[words]), rows))


def of_each_text_alone(gru, vectors):
    """By torch, text after text."""
    return torch.cat([gru(vectors[text[text != 0]][:, None])[0][:, 0] for text in IDS.T if text.any()])


@pytest.mark.parametrize(("layers", "both"), SHAPES)
def test_states_and_gradients_are_those_of_torch(layers, both):
    gru, vectors = build(layers, both)
    found, expected = ours(gru, vectors), of_each_text_alone(gru, vectors)
    assert torch.allclose(found, expected, atol=1e-12)
    weight = torch.randn_like(expected)
    given = [vectors, *gru.parameters()]
    for mine, theirs in zip(
        torch.autograd.grad((found * weight).sum(), given),
        torch.autograd.grad((expected * weight).sum(), given),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, atol=1e-11)


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(1)
    table, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in [(2, 4, 9), (2, 9, 3), (2, 3)]
    )
    rows = torch.tensor([[0, 1, 2, 0, 3, 3], [3, 1, 2, 2, 0, 1]])
    assert torch.autograd.gradcheck(
        lambda *given: recurrence(given[0], rows, *given[1:], (3, 2, 1)), (table, weight, bias)
    )


@pytest.mark.parametrize(("layers", "both"), SHAPES)
def test_the_module_that_computes_on_cuda_gives_the_same(layers, both):
    gru, vectors = build(layers, both)
    packed = Packed.of(IDS)
    by_module = states_by_module(gru, packed, vectors[packed.ids])
    assert torch.allclose(packed.token_order(by_module), ours(gru, vectors), atol=1e-12)


def test_without_gradients_the_same_bits():
    gru, vectors = build(2, both=True, dtype=torch.float32)
    with torch.inference_mode():
        assert torch.equal(ours(gru, vectors), ours(gru, vectors.clone()))
    learning = ours(gru, vectors)
    assert learning.requires_grad
    with torch.inference_mode():
        assert torch.equal(ours(gru, vectors), learning)


def test_a_changed_parameter_is_seen_without_gradients():
    gru, vectors = build(2, both=True)
    with torch.inference_mode():
        before = ours(gru, vectors)
    with torch.no_grad():
        gru.weight_hh_l1_reverse *= 2
        assert torch.allclose(ours(gru, vectors), of_each_text_alone(gru, vectors), atol=1e-12)
    gru.load_state_dict(build(2, both=True)[0].state_dict())
    with torch.inference_mode():
        assert torch.equal(ours(gru, vectors), before)
    gru.float()
    with torch.inference_mode():
        assert torch.allclose(ours(gru, vectors.float()), before.float(), atol=1e-5)


def test_what_a_fused_optimiser_changes_is_seen_after_training():
    gru, vectors = build(1, both=True, dtype=torch.float32)
    with torch.inference_mode():
        ours(gru, vectors)
    gru.train()
    ours(gru, vectors).sum().backward()
    torch.optim.AdamW(gru.parameters(), fused=True).step()
    gru.eval()
    with torch.inference_mode():
        assert torch.allclose(ours(gru, vectors), of_each_text_alone(gru, vectors), atol=1e-6)


def test_what_was_put_together_in_inference_serves_gradients_later():
    gru, vectors = build(1, both=True)
    with torch.inference_mode():
        ours(gru, vectors)
    gru.requires_grad_(requires_grad=False)
    with torch.no_grad():
        ours(gru, vectors)
    ours(gru, vectors).sum().backward()
    assert vectors.grad.abs().sum() > 0


def test_bfloat16_products_change_little_and_are_used():
    gru, vectors = build(1, both=True, dtype=torch.float32, width=64, hidden=32)
    exact = ours(gru, vectors)
    with torch.autocast("cpu", torch.bfloat16):
        rough = ours(gru, vectors)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.03
    exact_gradient, rough_gradient = (
        torch.autograd.grad(found.square().sum(), gru.weight_hh_l0)[0] for found in (exact, rough)
    )
    assert 0 < (rough_gradient - exact_gradient).norm() < 0.02 * exact_gradient.norm()


@pytest.mark.parametrize("ids", [torch.zeros(1, 3, dtype=torch.int64), torch.zeros(1, 0, dtype=torch.int64)])
def test_empty_texts_have_no_states(ids):
    gru, vectors = build(2, both=True)
    found = ours(gru, vectors, ids)
    assert found.shape == (0, 8)
    (found.sum() + vectors.sum() * 0).backward()
    assert states_by_module(gru, Packed.of(ids), vectors[:0]).shape == (2, 0, 4)


def test_large_inputs_saturate_and_stay_finite():
    gru, vectors = build(1, both=True, dtype=torch.float32)
    found = ours(gru, vectors * 1e4)
    found.sum().backward()
    assert found.isfinite().all()
    assert found.abs().max() <= 1
    assert all(parameter.grad.isfinite().all() for parameter in gru.parameters())


def test_sum_rows_is_index_add():
    values, rows = torch.randn(50, 3, dtype=torch.float64), torch.randint(0, 7, (50,)) + 1
    expected = torch.zeros(9, 3, dtype=torch.float64).index_add(0, rows, values)
    assert torch.allclose(sum_rows(values, rows, 9), expected, atol=1e-12)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("layers", "both"), SHAPES)
def test_cuda_gives_the_same(layers, both):
    gru, vectors = build(layers, both, dtype=torch.float32)
    expected = ours(gru, vectors)
    packed = Packed.of(IDS.cuda())
    found = packed.token_order(states_by_module(gru.cuda(), packed, vectors.cuda()[packed.ids]))
    assert torch.allclose(found.cpu(), expected, atol=1e-4)
