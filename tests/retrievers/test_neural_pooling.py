import pytest
import torch

from retrievers.neural.packed import Packed
from retrievers.neural.pooling import Pool

IDS = torch.tensor([[1, 5, 0, 3], [2, 0, 0, 3], [3, 0, 0, 0]])
PACKED = Packed.of(IDS)
LENGTHS = [3, 1, 0, 2]
KINDS = ["max", "mean", "attention", "last"]


def random_states(seed=0):
    return torch.rand(2, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def pool(kind):
    torch.manual_seed(0)
    return Pool(kind, 8).double()


def of_one_text(part, states):
    """The definition, for the states of one text ``[L, 8]``."""
    if part.kind == "max":
        return states.amax(0)
    if part.kind == "mean":
        return states.mean(0)
    if part.kind == "last":
        return torch.cat([states[-1, :4], states[0, 4:]])
    scores = torch.tanh(states @ part.key.weight.T + part.key.bias) @ part.query
    return (scores.exp() / scores.exp().sum()) @ states


@pytest.mark.parametrize("kind", KINDS)
def test_each_pooling_is_its_definition_with_its_gradient(kind):
    part, states = pool(kind), random_states().requires_grad_()
    tokens = PACKED.token_order(states).split(LENGTHS)
    expected = torch.stack([of_one_text(part, text) if len(text) else torch.zeros(8).double() for text in tokens])
    found = part(states, PACKED)
    assert torch.allclose(found, expected, atol=1e-12)
    weight = torch.randn_like(expected)
    mine, theirs = (torch.autograd.grad((value * weight).sum(), states)[0] for value in (found, expected))
    assert torch.allclose(mine, theirs, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("directions", [1, 2])
def test_contributions_sum_to_one_over_the_tokens_of_a_text(kind, directions):
    part = Pool(kind, 4 * directions).double()
    found = part.contributions(random_states()[:directions], PACKED)
    assert found.shape == IDS.shape
    assert (found >= 0).all()
    assert not found[IDS == 0].any()
    assert found.sum(0).tolist() == pytest.approx([1, 1, 0, 1])


def test_contributions_to_a_maximum_count_the_dimensions():
    packed = Packed.of(torch.tensor([[1], [2], [3]]))
    forwards = torch.tensor([[0.1, 0.2], [0.9, -0.5], [0.3, 0.8]])  # the largest stand at tokens 1 and 2
    backwards = torch.tensor([[0.7, 0.0], [-0.1, 0.0], [0.2, 0.0]])  # read from the end: at token 2, and equal ones
    found = Pool("max", 4).contributions(torch.stack([forwards, backwards]), packed)
    assert found[:, 0].tolist() == [0.25, 0.25, 0.5]


def test_attention_weighs_each_token_by_its_share_in_the_pooled_state():
    part, states = pool("attention"), random_states()
    weights = part.contributions(states, PACKED)
    tokens = PACKED.padded(PACKED.token_order(states))
    assert torch.allclose((weights[..., None] * tokens).sum(0), part(states, PACKED), atol=1e-12)
    assert weights[0, 0] != weights[1, 0]


def test_the_gradient_of_equal_maxima_is_given_once():
    states = torch.full((1, 6, 2), 0.5, requires_grad=True)
    Pool("max", 2)(states, PACKED).sum().backward()
    assert PACKED.padded(PACKED.token_order(states.grad)).sum(0).tolist() == [[1, 1], [1, 1], [0, 0], [1, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_empty_texts_is_zero(kind):
    packed = Packed.of(torch.zeros(1, 2, dtype=torch.int64))
    assert pool(kind)(torch.zeros(2, 0, 4).double(), packed).tolist() == [[0] * 8] * 2
    assert pool(kind).contributions(torch.zeros(2, 0, 4).double(), packed).tolist() == [[0, 0]]


def test_an_unknown_pooling_is_named():
    with pytest.raises(ValueError, match="max, mean, attention or last, not 'median'"):
        Pool("median", 8)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_cuda_pools_the_same(kind):
    part, states = pool(kind), random_states()
    expected = part(states, PACKED)
    assert torch.allclose(part.cuda()(states.cuda(), Packed.of(IDS.cuda())).cpu(), expected, atol=1e-9)
