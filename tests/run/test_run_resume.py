"""A fit whose process is killed continues in the next run, and ends as if nothing had happened."""

from pathlib import Path

import pytest

LEARNER = '''
from dataclasses import dataclass
from pathlib import Path
import os
import signal

import numpy as np
import torch

from bench.api import Hits, Retriever
from retrievers.neural import checkpoints
from retrievers.neural.runtime import seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.training import Schedule, train


@dataclass
class Learner(Retriever):
    """Learns a line, and writes down each epoch that it learns."""

    seeded = True

    def fit(self, train_pairs, dev, env):
        checkpoints.SHARE, checkpoints.LEAST = 1.0, 0.0  # after every epoch, however short
        with seeded(env) as rng:
            self.model = torch.nn.Linear(3, 1)

            def epoch():
                with Path("epochs.txt").open("a") as file:
                    file.write("x")
                return [(at / 20, torch.from_numpy(rng.random((8, 3), dtype=np.float32))) for at in range(20)]

            def evaluate():
                if Path("epochs.txt").read_text() == "xxx" and Path("kill").exists():
                    Path("kill").unlink()
                    os.kill(os.getpid(), signal.SIGKILL)
                return float(-(self.model.weight - 1).square().sum())

            self.learned = train(
                self.model,
                epoch,
                lambda batch: (self.model(batch)[:, 0] - batch.sum(1)).square().mean(),
                evaluate,
                schedule=Schedule(5, 0.01),
                env=env,
                rng=rng,
            )

    def save(self, folder):
        save_model(folder, self.model.state_dict(), {"parameters": {}, "learned": self.learned})

    def load(self, folder):
        tensors, facts = load_model(folder, {})
        self.model = torch.nn.Linear(3, 1)
        self.model.load_state_dict(tensors)
        self.learned = facts["learned"]

    def index(self, corpus, env):
        self.size = len(corpus)

    def search(self, queries, k):
        k = min(k, self.size)
        return Hits(np.tile(np.arange(k), (len(queries), 1)), np.zeros((len(queries), k), dtype=np.float32))
'''


def learned():
    epochs = Path("epochs.txt").read_text(encoding="utf-8")
    Path("epochs.txt").write_text("", encoding="utf-8")
    return len(epochs)


@pytest.fixture
def learner(plugin):
    Path("epochs.txt").write_text("", encoding="utf-8")
    return plugin("learner", LEARNER)


def curve(outcome):
    return [{**row, "seconds": 0} for row in outcome.learned["epochs"]]


def test_a_killed_fit_is_continued_by_the_next_run(bench, learner, tmp_path, outcomes):
    Path("kill").touch()
    arguments = ["--retrievers=learner", f"--plugin={learner}"]
    assert bench(*arguments, "--out=killed") == 1
    assert learned() == 3
    checkpoints = tmp_path / "cache" / "checkpoints"
    assert [path.name.partition("-")[0] for path in checkpoints.iterdir()] == ["learner"]
    assert bench(*arguments, "--out=continued") == 0
    assert learned() == 3  # the third, which was killed before its end, to the fifth
    assert not list(checkpoints.iterdir())
    assert bench(*arguments, "--out=fresh", "--refit") == 0
    assert learned() == 5
    continued, fresh = outcomes("continued")["learner"], outcomes("fresh")["learner"]
    assert curve(continued) == curve(fresh)
    assert continued.timings.fit_seconds > continued.learned["epochs"][-1]["seconds"]  # which began in the killed one


def test_refit_does_not_continue(bench, learner, tmp_path):
    Path("kill").touch()
    assert bench("--retrievers=learner", f"--plugin={learner}") == 1
    learned()
    assert bench("--retrievers=learner", f"--plugin={learner}", "--refit") == 0
    assert learned() == 5


def test_a_fit_that_cannot_be_kept_keeps_its_checkpoint(bench, learner, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "fits").write_text("in the way", encoding="utf-8")
    arguments = ["--retrievers=learner", f"--plugin={learner}"]
    assert bench(*arguments, "--out=first") == 0
    assert learned() == 5
    assert bench(*arguments, "--out=second") == 0
    assert learned() == 0


def test_curves_for_tensorboard(bench, learner, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert bench("--retrievers=learner", f"--plugin={learner}", "--tensorboard=curves") == 0
    reader = EventAccumulator(str(tmp_path / "curves" / "learner.seed0.cpu" / "training"))
    reader.Reload()
    assert set(reader.Tags()["scalars"]) == {"loss", "smoothed loss", "learning rate", "dev RR@10"}
    assert [event.step for event in reader.Scalars("dev RR@10")] == [20, 40, 60, 80, 100]


def test_without_the_package_tensorboard_is_refused_before_any_work(bench, learner, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bench.run.plan.find_spec", lambda name: None)
    assert bench("--retrievers=learner", f"--plugin={learner}", "--tensorboard=curves") == 2
    assert "pip install 'retrieverbench[tensorboard]'" in capsys.readouterr().err
    assert learned() == 0
