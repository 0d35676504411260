import math

import pytest
import torch

from retrievers.neural.losses import hinge2018, in_batch_softmax, logistic2018

NONE = torch.zeros(2, 2, dtype=torch.bool)


def test_softmax_by_hand():
    similarity = torch.tensor([[0.9, 0.1], [0.4, 0.6]])
    temperature = torch.tensor(0.5)
    rows = [math.log(1 + math.exp((0.1 - 0.9) / 0.5)), math.log(1 + math.exp((0.4 - 0.6) / 0.5))]
    columns = [math.log(1 + math.exp((0.4 - 0.9) / 0.5)), math.log(1 + math.exp((0.1 - 0.6) / 0.5))]
    expected = (sum(rows) / 2 + sum(columns) / 2) / 2
    assert in_batch_softmax(similarity, temperature, NONE).item() == pytest.approx(expected, abs=1e-6)


def test_chance_is_the_logarithm_of_the_batch():
    loss = in_batch_softmax(torch.zeros(16, 16), torch.tensor(0.07), torch.zeros(16, 16, dtype=torch.bool))
    assert loss.item() == pytest.approx(math.log(16), abs=1e-5)


def test_another_solution_of_the_question_is_no_negative():
    similarity = torch.tensor([[0.9, 0.8], [0.1, 0.7]], requires_grad=True)
    also = torch.tensor([[False, True], [False, False]])
    loss = in_batch_softmax(similarity, torch.tensor(0.1), also)
    loss.backward()
    assert similarity.grad[0, 1] == 0
    assert torch.isfinite(loss)
    assert loss < in_batch_softmax(similarity, torch.tensor(0.1), NONE)


def test_the_losses_of_2018_by_hand():
    positive, negative = torch.tensor([0.5, -0.2]), torch.tensor([0.1, 0.4])
    assert hinge2018(positive, negative).item() == pytest.approx(((0.5 + 1.1) + (1.2 + 1.4)) / 2)
    expected = (math.log(1 + math.exp(-0.4)) + math.log(1 + math.exp(0.6))) / 2
    assert logistic2018(positive, negative).item() == pytest.approx(expected, abs=1e-6)
