"""A small fit of two stages that share their random numbers, and the same fit killed in the middle (when run as a program)."""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from bench.api import Env
from retrievers.neural import checkpoints
from retrievers.neural.runtime import seeded
from retrievers.neural.training import Schedule, train

MEASURES = (0.2, 0.1, 0.3, 0.25)
"""On dev after each epoch: the third is the best."""
EPOCHS = len(MEASURES)


def two_stages(env, *, seed=0, learning_rate=0.01, hand_over=True, during=None, **options):
    """Weights of both models, both records, and how many epochs were learned in each."""
    weights, records, learned = {}, [], []
    with seeded(Env(seed=seed)) as rng:
        for stage, name in enumerate(["first", "second"]):
            model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
            data = torch.randn(120, 6)
            model.register_buffer("measured", torch.zeros((), dtype=torch.int64))
            learned.append(0)

            def epoch(data=data):
                order = rng.permutation(len(data))
                return [(at / 10, data[order[at * 12 : at * 12 + 12]]) for at in range(10)]

            def loss_of(batch, model=model):
                return (model(batch)[:, 0] - batch.sum(1)).square().mean()

            def evaluate(learned=learned, stage=stage, model=model):
                if during is not None:
                    during(stage, learned[-1])
                learned[-1] += 1
                model.measured += 1
                return MEASURES[int(model.measured) - 1]

            schedule = Schedule(EPOCHS, learning_rate, patience=9, **options)
            given = {"rng": rng, "stage": name} if hand_over else {}
            records.append(train(model, epoch, loss_of, evaluate, schedule=schedule, env=env, **given))
            weights.update({f"{name}.{key}": value for key, value in model.state_dict().items()})
    return weights, records, learned


def kill_all(cases):
    """Fits in processes that are killed after so many epochs of a stage: SIGKILL cannot be caught, nothing is tidied up."""
    checkpoints.SHARE, checkpoints.LEAST = 1.0, 0.0  # after every epoch, however short
    for folder, at_stage, after, options in cases:

        def during(stage, epoch, at=(at_stage, after)):
            if (stage, epoch) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        child = os.fork()
        if not child:
            two_stages(Env(checkpoints=Path(folder)), during=during, **options)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise AssertionError(f"{folder} was not killed")


if __name__ == "__main__":
    kill_all(json.loads(sys.stdin.read()))
