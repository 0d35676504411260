import pytest
import torch
from torch import nn
from training_examples import two_stages

from bench.api import Env
from bench.errors import DataError
from retrievers.neural.smoothing import Smoothed
from retrievers.neural.training import Schedule, train


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.0))


def run(measures, *, epochs=6, patience=2, notes=None, loss=None):
    """Train towards 10 while dev says what it is told to; returns the model, the record and the value at each epoch."""
    model, values, told = Scale(), [], iter(measures)

    def evaluate():
        values.append(model.value.item())
        return next(told)

    def epoch():
        return [(at / 20, None) for at in range(20)]

    env = Env(progress=lambda fraction, note: notes.append((fraction, note)) if notes is not None else None)
    schedule = Schedule(epochs, 0.1, patience=patience)
    loss_of = loss or (lambda model: (model.value - 10) ** 2)
    record = train(model, epoch, lambda _: loss_of(model), evaluate, schedule=schedule, env=env)
    return model, record, values


def test_the_best_epoch_is_kept():
    model, record, values = run([0.1, 0.5, 0.3, 0.4, 0.2, 0.6], patience=9, epochs=5)
    assert record["best_epoch"] == 2
    assert record["dev RR@10"] == 0.5
    assert model.value.item() == values[1] != values[4]
    assert [row["dev"] for row in record["epochs"]] == [0.1, 0.5, 0.3, 0.4, 0.2]


def test_stops_when_dev_no_longer_improves():
    _, record, values = run([0.5, 0.4, 0.5, 0.9])
    assert record["best_epoch"] == 1
    assert len(values) == 3


def test_without_dev_the_last_epoch_is_kept():
    model, record, values = run([None] * 3, epochs=3)
    assert record["best_epoch"] == 3
    assert record["dev RR@10"] is None
    assert model.value.item() == values[-1]


def test_learns_and_tells_how_far_it_is():
    notes = []
    model, record, _ = run([0.1, 0.2, 0.3], epochs=3, notes=notes)
    assert model.value.item() > 1
    assert record["epochs"][2]["loss"] < record["epochs"][0]["loss"]
    fractions = [fraction for fraction, _ in notes]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert "epoch 2/3, loss" in notes[3][1]
    assert "dev 0.100" in notes[3][1]


def test_the_curve_has_seconds_since_training_began_and_the_rate(monkeypatch):
    clock = iter(range(100, 200, 7))  # asked once at the beginning and once after each epoch's measure
    monkeypatch.setattr("retrievers.neural.training.perf_counter", lambda: next(clock))
    _, record, _ = run([0.1, 0.2, 0.3], epochs=3)
    assert [row["seconds"] for row in record["epochs"]] == [7, 14, 21]
    schedule = Schedule(3, 0.1)
    last_steps = [(number + 19 / 20) / 3 for number in range(3)]
    assert [row["rate"] for row in record["epochs"]] == pytest.approx([0.1 * schedule.factor(at) for at in last_steps])
    assert all(row.keys() == {"loss", "dev", "seconds", "rate"} for row in record["epochs"])


def test_two_fits_with_one_seed_give_equal_bits_and_another_seed_others():
    weights, same, other = (two_stages(Env(), seed=seed)[0] for seed in (0, 0, 1))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not all(torch.equal(weights[name], other[name]) for name in weights)


def diverging(after):
    """A loss that is no number from this step on."""
    steps = iter(range(1000))
    return lambda model: (model.value - 10) ** 2 * (1 if next(steps) < after else float("nan"))


def test_training_that_diverges_keeps_the_best_epoch_before():
    model, record, values = run([0.1, 0.2], loss=diverging(47))
    assert record["best_epoch"] == 2
    assert record["stopped"] == "diverged in epoch 3"
    assert len(record["epochs"]) == 2
    assert model.value.item() == values[1]


@pytest.mark.parametrize("measures", [[0.1], [None] * 6])
def test_training_that_diverges_before_anything_good_is_known_says_so(measures):
    with pytest.raises(DataError, match=r"diverged in epoch \d.*learning rate below 0.1"):
        run(measures, loss=diverging(7 if measures[0] else 47))


def test_smoothed_mean_has_no_bias_towards_zero():
    smoothed = Smoothed(memory=0.98)
    assert smoothed.mean == 0
    smoothed.add(5.0)
    assert smoothed.mean == pytest.approx(5)
    smoothed.add(1.0)
    assert smoothed.mean == pytest.approx((0.98 * 5 + 1) / 1.98)
    for _ in range(1000):
        smoothed.add(1.0)
    assert smoothed.mean == pytest.approx(1, abs=1e-6)
