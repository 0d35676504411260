import sys

import pytest
from training_examples import EPOCHS, MEASURES, two_stages

from bench.api import Env
from bench.errors import OptionError
from retrievers.neural.logs import curves


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {name: [(event.step, event.value) for event in reader.Scalars(name)] for name in reader.Tags()["scalars"]}


def test_curves_are_read_back_by_tensorboard(tmp_path):
    _, records, _ = two_stages(Env(logs=tmp_path))
    for stage, record in zip(["first", "second"], records, strict=True):
        found = read(tmp_path / stage)
        assert found.keys() == {"loss", "smoothed loss", "learning rate", "dev RR@10"}
        assert [step for step, _ in found["loss"]] == [10, 20, 30, 40]  # ten steps an epoch, a look after every ten
        assert [value for _, value in found["dev RR@10"]] == pytest.approx(MEASURES)
        assert [value for _, value in found["learning rate"]] == pytest.approx(
            [row["rate"] for row in record["epochs"]]
        )
        assert found["smoothed loss"][0][1] == pytest.approx(record["epochs"][0]["loss"], rel=0.2)
    assert len(records[0]["epochs"]) == EPOCHS


def test_steps_that_are_taken_again_after_a_kill_are_hidden(tmp_path):
    for before, value in ((0, 1.0), (10, 2.0)):
        with curves(Env(logs=tmp_path), "training", before) as log:
            for step in range(before + 10, 31, 10):
                log(step, {"loss": value})
    assert read(tmp_path / "training")["loss"] == [(10, 1.0), (20, 2.0), (30, 2.0)]
    with curves(Env(logs=tmp_path), "training", 0) as log:
        log(10, {"loss": 3.0})
    assert read(tmp_path / "training")["loss"] == [(10, 3.0)]


def test_without_a_folder_nothing_is_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with curves(Env(), "training", 0) as log:
        log(1, {"loss": 1.0})


def test_without_the_package_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(OptionError, match=r"retrieverbench\[tensorboard\]"), curves(Env(logs=tmp_path), "training", 0):
        pass
