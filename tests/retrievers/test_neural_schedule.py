import math

import pytest
import torch
from torch import nn

from retrievers.neural.schedule import Schedule


def test_warm_up_then_cosine():
    schedule = Schedule(1, 1.0, warmup=0.2)
    assert schedule.factor(0.1) == pytest.approx(0.5)
    assert schedule.factor(0.2) == pytest.approx(1)
    assert schedule.factor(0.6) == pytest.approx(0.5)
    assert schedule.factor(1.0) == pytest.approx(0)


def test_a_tenth_of_the_steps_warms_up_unless_told_otherwise():
    assert Schedule(1, 1.0).factor(0.05) == pytest.approx(0.5)


def test_constant_is_constant():
    assert {Schedule(1, 1.0, kind="constant").factor(at / 10) for at in range(11)} == {1.0}
    assert Schedule(1, 1.0, kind="constant", warmup=0.5).factor(0.25) == pytest.approx(0.5)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_one_cycle_is_that_of_pytorch(optimiser):
    steps, rising = 40, 0.3 * 40 - 1  # PyTorch's scheduler is at its peak at this step
    schedule = Schedule(1, 0.4, kind="one-cycle", optimiser=optimiser, momentum=0.9)
    ours, theirs = schedule.build(nn.Linear(2, 1)), schedule.build(nn.Linear(2, 1))
    reference = torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.4, total_steps=steps)
    for step in range(steps):
        done = 0.3 * step / rising if step < rising else 0.3 + 0.7 * (step - rising) / (steps - 1 - rising)
        assert schedule.apply(ours, done) == pytest.approx(theirs.param_groups[0]["lr"])
        group, expected = ours.param_groups[0], theirs.param_groups[0]
        assert group["lr"] == pytest.approx(expected["lr"])
        if optimiser == "adamw":
            assert group["betas"] == pytest.approx(expected["betas"])
        else:
            assert group["momentum"] == pytest.approx(expected["momentum"])
        theirs.step()
        if step < steps - 1:
            reference.step()


def test_momentum_falls_while_the_rate_rises():
    schedule = Schedule(1, 1.0, kind="one-cycle")
    assert [schedule.momentum_at(done) for done in (0, 0.3, 1)] == pytest.approx([0.95, 0.85, 0.95])
    assert Schedule(1, 1.0, betas=(0.8, 0.9)).momentum_at(0.5) == 0.8
    assert Schedule(1, 1.0, kind="one-cycle", optimiser="sgd").momentum_at(0.3) == 0


def test_plain_sgd_steps_against_the_gradient():
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    schedule = Schedule(1, 0.001, kind="constant", optimiser="sgd")
    optimiser = schedule.build(model)
    for _ in range(2):
        optimiser.zero_grad()
        schedule.apply(optimiser, 0.0)
        (3 * model.weight).sum().backward()
        optimiser.step()
    assert model.weight.item() == pytest.approx(before - 2 * 0.001 * 3, abs=1e-7)


def test_half_the_cosine_is_half_the_rate_whatever_the_peak():
    for peak in (0.1, 0.3, 0.9):
        schedule = Schedule(1, 1.0, warmup=peak)
        assert schedule.peak == peak
        assert schedule.factor((1 + peak) / 2) == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))
