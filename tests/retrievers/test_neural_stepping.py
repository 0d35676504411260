import pytest
import torch
from torch import nn

from retrievers.neural.schedule import Schedule
from retrievers.neural.stepping import Stepper


def stepper(model, precision="float32", **options):
    schedule = Schedule(1, 0.1, **{"kind": "constant", **options})
    return Stepper(model, schedule, device="cpu", precision=precision)


def test_gradients_are_clipped_to_their_norm():
    model = nn.Linear(2, 1, bias=False)
    before = model.weight.detach().clone()
    stepper(model, optimiser="sgd", clip=0.5).step((model.weight * torch.tensor([3.0, 4.0])).sum(), 0.0)
    assert (before - model.weight).tolist()[0] == pytest.approx([0.1 * 0.5 * 0.6, 0.1 * 0.5 * 0.8], rel=1e-4)


def test_in_float16_a_step_that_overflows_is_left_out_and_the_scale_falls():
    model = nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    steps = stepper(model, "float16", clip=1e9)
    scale = steps.facts()["scale"]
    steps.step(model.weight.sum() * 1e36, 0.0)  # times the scale it is infinite
    assert model.weight.item() == before
    assert steps.facts()["scale"] == scale / 2
    steps.step(model.weight.sum(), 0.0)
    assert model.weight.item() == pytest.approx(before - 0.1, abs=1e-5)  # AdamW's first step is as long as the rate


def test_the_scale_does_not_change_the_step():
    weights = []
    for precision in ("float32", "float16"):
        torch.manual_seed(0)
        model = nn.Linear(5, 1)
        stepper(model, precision, optimiser="sgd").step(model(torch.ones(3, 5)).square().mean(), 0.0)
        weights.append(model.weight.detach().clone())
    assert torch.allclose(*weights, rtol=1e-6)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_what_it_knows_can_be_taken_up_again(optimiser, momentum):
    def step(model, steps):
        steps.step((model.weight * torch.arange(4.0)).square().sum(), 0.0)

    torch.manual_seed(0)
    model, other = nn.Linear(4, 1, bias=False), nn.Linear(4, 1, bias=False)
    options = {"optimiser": optimiser, "momentum": momentum, "betas": (momentum, 0.98)}
    first = stepper(model, "float16", **options)
    for _ in range(3):
        step(model, first)
    other.load_state_dict(model.state_dict())
    second = stepper(other, "float16", **options)
    second.resume({name: value.clone() for name, value in first.tensors().items()}, first.facts())
    for _ in range(3):
        step(model, first)
        step(other, second)
    assert torch.equal(model.weight, other.weight)
