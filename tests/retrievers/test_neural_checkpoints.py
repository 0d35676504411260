"""A training that is killed and called again ends with the same bits as one that was left alone."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_examples import EPOCHS, two_stages

from bench.api import Env
from retrievers.neural.checkpoints import Checkpoint, State

EXAMPLES = Path(__file__).parents[1] / "training_examples.py"
KILLED = {
    "first stage": (0, 3, {}),
    "second stage": (1, 2, {}),
    "sgd": (0, 2, {"optimiser": "sgd", "momentum": 0.9}),
    "rate search": (0, 2, {"learning_rate": 0}),
}
"""Stage, epochs of it that were learned before the kill, and options."""


def fit(folder=None, **options):
    """Weights, records, epochs that were learned here, and what was told."""
    told = []
    env = Env(progress=lambda _, note: told.append(note), checkpoints=folder)
    return (*two_stages(env, **options), told, env.stages)


@pytest.fixture(autouse=True)
def _short_trainings_are_worth_a_checkpoint(monkeypatch):
    monkeypatch.setattr("retrievers.neural.checkpoints.LEAST", 0.0)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A copy of what a killed fit left behind; all of them are killed in one go, since loading torch takes seconds."""
    root = tmp_path_factory.mktemp("killed")
    cases = [(str(root / name), *case) for name, case in KILLED.items()]
    subprocess.run([sys.executable, EXAMPLES], input=json.dumps(cases), text=True, check=True)

    def copy(name, folder):
        return Path(shutil.copytree(root / name, folder, dirs_exist_ok=True))

    return copy


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_fit_continues_to_the_same_bits(tmp_path, killed, name):
    stage, epoch, options = KILLED[name]
    killed(name, tmp_path)
    expected, records, learned, _, _ = fit(**options)
    weights, again, relearned, told, spent = fit(tmp_path, **options)
    assert same(weights, expected)
    assert learned == [EPOCHS, EPOCHS]
    assert relearned == ([EPOCHS - epoch, EPOCHS] if stage == 0 else [0, EPOCHS - epoch])
    assert any(note.startswith(f"goes on after epoch {epoch}") for note in told)
    assert spent["resumed"] > 0
    for record, original in zip(again, records, strict=True):
        untimed = [{**row, "seconds": 0} for row in record["epochs"]]
        assert untimed == [{**row, "seconds": 0} for row in original["epochs"]]
        seconds = [row["seconds"] for row in record["epochs"]]
        assert seconds == sorted(seconds)
        assert {**record, "epochs": 0} == {**original, "epochs": 0}


def test_a_fit_that_had_ended_learns_nothing_again(tmp_path):
    expected, records, _, _, _ = fit(tmp_path)
    weights, again, learned, _, _ = fit(tmp_path)
    assert learned == [0, 0]
    assert same(weights, expected)
    assert again == records


def test_without_a_folder_nothing_is_written_and_the_bits_are_the_same(tmp_path):
    assert same(fit()[0], fit(tmp_path)[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.safetensors", "second.safetensors"]


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "no header"])
def test_a_damaged_checkpoint_is_told_and_learned_from_the_start(tmp_path, killed, harm):
    killed("first stage", tmp_path)
    file = tmp_path / "first.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 4  # a weight, not the header
    harmed = {"cut": content[:-100], "flipped": content, "emptied": b"", "no header": b"\xff" * 100}[harm]
    file.write_bytes(bytes(harmed))
    weights, _, learned, told, spent = fit(tmp_path)
    assert learned == [EPOCHS, EPOCHS]
    assert same(weights, fit()[0])
    assert any("begins anew: its checkpoint is damaged" in note for note in told)
    assert not spent


@pytest.mark.parametrize("other", [{"seed": 1}, {"clip": 0.5}, {"learning_rate": 0.02}], ids=str)
def test_the_checkpoint_of_another_training_is_not_used(tmp_path, killed, other):
    killed("first stage", tmp_path)
    weights, _, learned, told, _ = fit(tmp_path, **other)
    assert learned == [EPOCHS, EPOCHS]
    assert same(weights, fit(**other)[0])
    assert any("of another training" in note for note in told)


def test_where_no_checkpoint_can_be_written_the_fit_goes_on(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="no checkpoint can be kept"):
        weights = fit(tmp_path / "file")[0]
    assert same(weights, fit()[0])


def test_a_training_of_a_moment_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("retrievers.neural.checkpoints.LEAST", 1000.0)
    fit(tmp_path)
    assert not list(tmp_path.iterdir())


def test_writing_takes_no_more_than_its_share(tmp_path, monkeypatch):
    clock = iter([0.0, 10.0, 12.0, 49.0, 51.0])  # a checkpoint that took 2 seconds may be replaced after 38 more
    monkeypatch.setattr("retrievers.neural.checkpoints.perf_counter", lambda: next(clock))
    checkpoint = Checkpoint(tmp_path / "x.safetensors", "")
    checkpoint.write(State({}, {}))
    assert not checkpoint.due
    assert checkpoint.due


def test_without_its_generator_a_training_keeps_no_checkpoint(tmp_path):
    two_stages(replace(Env(), checkpoints=tmp_path), hand_over=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_every_bit_of_every_kind_of_tensor_comes_back(tmp_path, dtype):
    tensors = {"scalar": torch.tensor(1, dtype=dtype), "none": torch.zeros(0, 3, dtype=dtype)}
    tensors["turned"] = torch.from_numpy(np.arange(6).reshape(2, 3)).to(dtype).T
    checkpoint = Checkpoint(tmp_path / "deep" / "x.safetensors", "mine")
    checkpoint.write(State(tensors, {"value": 0.1, "large": 2**127 + 1}))
    state, why = checkpoint.read()
    assert not why
    assert same(state.tensors, tensors)
    assert state.facts == {"value": 0.1, "large": 2**127 + 1}
