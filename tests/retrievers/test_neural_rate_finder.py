import numpy as np
import pytest
import torch
from torch import nn

from bench.api import Env
from bench.errors import DataError
from retrievers.neural.rate_finder import find_rate, steepest
from retrievers.neural.runtime import seeded
from retrievers.neural.training import Schedule, train

SGD = {"kind": "constant", "optimiser": "sgd", "clip": 1e9}


class Bowl(nn.Module):
    """Half the squared distance to 0 times a curvature: gradient descent is stable at rates below 2 / curvature."""

    def __init__(self, curvature):
        super().__init__()
        self.at = nn.Parameter(torch.full((50,), 1.0))
        self.curvature = curvature

    def loss(self, _):
        return 0.5 * self.curvature * self.at.square().sum()


def found(curvature, **options):
    bowl = Bowl(curvature)
    rng = np.random.default_rng(0)
    schedule = Schedule(1, 0, **{**SGD, **options})
    return find_rate(bowl, lambda: [(0, None)] * 7, bowl.loss, schedule=schedule, rng=rng, env=Env())


@pytest.mark.parametrize("curvature", [0.1, 1.0, 10.0])
def test_on_a_bowl_it_finds_a_rate_that_is_stable_and_not_slow(curvature):
    search = found(curvature)
    assert 0.02 / curvature < search.rate < 2 / curvature
    assert search.rate in search.rates
    assert len(search.rates) == len(search.losses)
    assert search.losses[np.argmin(search.losses)] < 0.5 * search.losses[0]


def test_it_stops_when_the_loss_grows():
    search = found(1000.0)
    assert search.rates[-1] < 0.05  # of 100; stable below 0.002
    assert search.rate < 0.002


def test_the_rate_scales_with_the_problem():
    assert found(0.1).rate / found(10.0).rate == pytest.approx(100, rel=0.3)


def test_the_steepest_point_lies_before_the_lowest():
    rates = np.logspace(-5, 0, 60)
    losses = 3 - np.tanh((np.log10(rates) + 3) * 2)  # steepest at 0.001
    losses[50:] = 12 - np.arange(10)  # falls steeper still, after the loss had been at its lowest
    assert steepest(rates, losses) == pytest.approx(1e-3, rel=0.2)


def test_a_loss_that_never_falls_is_told():
    with pytest.raises(DataError, match="learning_rate"):
        steepest(np.logspace(-5, 0, 60), np.linspace(1, 2, 60))
    bowl = Bowl(1.0)
    with pytest.raises(DataError, match="learning_rate"):
        find_rate(bowl, list, bowl.loss, schedule=Schedule(1, 0), rng=np.random.default_rng(0), env=Env())


def fit(*, searched, learning_rate):
    """Weights after a fit that draws from torch and numpy, with the search made before or not at all."""
    with seeded(Env(seed=3)) as rng:
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))

        def epoch():
            return [(at / 10, torch.from_numpy(rng.random((16, 4), dtype=np.float32))) for at in range(10)]

        def loss_of(batch):
            return (model(batch)[:, 0] - batch.sum(1)).square().mean()

        rate = learning_rate
        if searched:
            model.eval()
            rate = find_rate(model, epoch, loss_of, schedule=Schedule(3, 0), rng=rng, env=Env()).rate
            assert not model.training
        schedule = Schedule(3, learning_rate if learning_rate is not None else rate)
        record = train(model, epoch, loss_of, lambda: None, schedule=schedule, env=Env(), rng=rng)
        return model.state_dict(), record, rate


def test_looking_for_the_rate_does_not_change_what_is_learned():
    plain, _, _ = fit(searched=False, learning_rate=0.01)
    after, _, rate = fit(searched=True, learning_rate=0.01)
    assert all(torch.equal(plain[name], after[name]) for name in plain)
    assert 1e-4 < rate < 0.5


def test_rate_zero_lets_training_find_it():
    by_hand, _, rate = fit(searched=True, learning_rate=None)
    weights, record, _ = fit(searched=False, learning_rate=0)
    assert record["rate search"]["rate"] == rate
    assert all(torch.equal(by_hand[name], weights[name]) for name in weights)


def test_rate_zero_needs_the_generator():
    bowl = Bowl(1.0)
    with pytest.raises(ValueError, match="rng"):
        train(bowl, list, bowl.loss, lambda: None, schedule=Schedule(1, 0), env=Env())
