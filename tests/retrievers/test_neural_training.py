import pytest
import torch
from torch import nn

from bench.api import Env
from retrievers.neural.training import Schedule, train


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.0))


def run(measures, *, epochs=6, patience=2, notes=None):
    """Train towards 10 while dev says what it is told to; returns the model, the record and the value at each epoch."""
    model, values, told = Scale(), [], iter(measures)

    def evaluate():
        values.append(model.value.item())
        return next(told)

    def epoch():
        return [(at / 20, None) for at in range(20)]

    env = Env(progress=lambda fraction, note: notes.append((fraction, note)) if notes is not None else None)
    schedule = Schedule(epochs, 0.1, patience=patience)
    record = train(model, epoch, lambda _: (model.value - 10) ** 2, evaluate, schedule=schedule, env=env)
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


def test_warm_up_then_cosine():
    schedule = Schedule(1, 1.0, warmup=0.2)
    assert schedule.factor(0.1) == pytest.approx(0.5)
    assert schedule.factor(0.2) == pytest.approx(1)
    assert schedule.factor(0.6) == pytest.approx(0.5)
    assert schedule.factor(1.0) == pytest.approx(0)
