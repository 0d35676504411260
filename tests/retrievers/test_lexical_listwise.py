"""The listwise learner: its gradient, its optimum, and a closed form."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from retrievers.lexical import listwise
from retrievers.lexical.listwise import Lists, learn, loss


def some(rng, questions=30, features=4):
    sizes = rng.integers(3, 9, questions)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    relevant = np.zeros(starts[-1], dtype=bool)
    relevant[starts[:-1] + rng.integers(0, sizes)] = True
    relevant[starts[:-1]] = True  # some questions have two
    return Lists(rng.standard_normal((starts[-1], features)).astype(np.float32), starts, relevant)


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(1)
    lists = some(rng)
    error = check_grad(lambda w: loss(lists, w)[0], lambda w: loss(lists, w)[1], rng.standard_normal(4))
    assert error < 1e-5


def test_without_weights_the_loss_is_the_logarithm_of_the_number_of_candidates():
    lists = some(np.random.default_rng(2))
    assert loss(lists, np.zeros(4))[0] == pytest.approx(np.log(np.diff(lists.starts)).mean())


def test_one_binary_feature_has_a_closed_form(monkeypatch):
    """Of lists of two, three in four have the right one marked: the weight is the log-odds, log 3."""
    monkeypatch.setattr(listwise, "PENALTY", 0.0)
    features = np.tile([[1.0], [0.0]], (4, 1)).astype(np.float32)
    lists = Lists(features, np.arange(0, 9, 2), np.array([1, 0, 1, 0, 1, 0, 0, 1], dtype=bool))
    assert learn(lists)[0] == pytest.approx(np.log(3), abs=1e-3)


def test_a_useless_feature_gets_little_weight_and_a_telling_one_much():
    lists = some(np.random.default_rng(3), questions=300)
    features = lists.features.copy()
    features[:, 2] += 2 * lists.relevant
    weights = learn(lists._replace(features=features))
    assert weights[2] > 10 * np.abs(np.delete(weights, 2)).max()


def test_a_constant_within_every_list_changes_nothing():
    lists = some(np.random.default_rng(4))
    shift = np.repeat(np.arange(30.0), np.diff(lists.starts))[:, None].astype(np.float32)
    weights = np.array([1.0, -1.0, 0.5, 2.0])
    assert loss(lists._replace(features=lists.features + shift), weights)[0] == pytest.approx(loss(lists, weights)[0])
