"""The training loop of every neural retriever: the best epoch on dev is kept, and a killed training continues."""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from torch import Tensor, nn

from bench.api import Env
from bench.errors import DataError
from retrievers.neural.best import Best
from retrievers.neural.checkpoints import (
    Checkpoint,
    State,
    below,
    digest,
    random_state,
    restore_random_state,
    under,
)
from retrievers.neural.logs import Log, curves
from retrievers.neural.rate_finder import find_rate
from retrievers.neural.runtime import Precision, half_precision
from retrievers.neural.schedule import Schedule
from retrievers.neural.smoothing import Smoothed
from retrievers.neural.stepping import Stepper

__all__ = ["Schedule", "train"]

Batch = TypeVar("Batch")
EVERY = 10
"""Steps between two looks at the loss; on CUDA each look waits for the device."""


def train(
    model: nn.Module,
    epoch: Callable[[], Iterable[tuple[float, Batch]]],
    loss_of: Callable[[Batch], Tensor],
    evaluate: Callable[[], float | None],
    *,
    schedule: Schedule,
    env: Env,
    stage: str = "training",
    rng: np.random.Generator | None = None,
    precision: Precision = "auto",
    pool: str = "all dev documents",
) -> dict[str, Any]:
    """Train in place and leave the model as it was after its best epoch.

    epoch: the batches of one epoch, each with the part of the epoch that is done before it. evaluate: RR@10 on dev,
    higher is better, or None where there is nothing to measure; then the last epoch is kept. pool: what it ranks. precision:
    the one of the ``autocast`` inside ``loss_of``. Returns what happened, as plain values: ``best_epoch``, ``dev RR@10``,
    ``dev pool`` and ``epochs``, for each the mean ``loss``, the ``dev`` measure, the ``seconds`` since training began and the learning
    ``rate`` of its last step; with ``schedule.learning_rate`` 0 also ``rate search``. DataError where the loss becomes no
    number and no earlier epoch is known to be good.

    With ``env.checkpoints`` and ``rng``, the generator that all batches are drawn from, the state after an epoch is kept
    in the file ``STAGE.safetensors`` there, once training has taken some seconds. Called again after a kill, with the same
    model and random numbers as before, it goes on from there and, on a CPU with as many threads, ends with the same bits; a
    training that had ended is not repeated. Whatever else changes while learning must be a buffer of the model. What is
    damaged, or of another training, is not used.
    """
    if rng is None and schedule.learning_rate == 0:
        raise ValueError("a search for the learning rate must put the random numbers back: give rng")
    start = perf_counter()
    path = None if rng is None or env.checkpoints is None else env.checkpoints / f"{stage}.safetensors"
    checkpoint = Checkpoint(path, "" if path is None else _identity(model, schedule, precision, rng, env))
    found, why = checkpoint.read()
    if found is not None and "record" in found.facts:
        return _ended(found, model, rng, env)
    if why:
        env.progress(0.0, f"begins anew: {why}")
    extra: dict[str, Any] = {} if found is None else found.facts["extra"]
    if schedule.learning_rate == 0:
        if rng is not None and not extra:
            search = find_rate(model, epoch, loss_of, schedule=schedule, rng=rng, env=env, precision=precision)
            extra = {"rate search": search.plain()}
        schedule = replace(schedule, learning_rate=extra["rate search"]["rate"])
    stepper = Stepper(model, schedule, device=env.device, precision=precision)
    course = _Course(model, schedule, stepper, rng, env, start)
    if found is not None:
        course.resume(found)
    with curves(env, stage, course.steps) as log:
        while course.goes_on:
            course.one_epoch(epoch(), loss_of, evaluate, log)
            if course.goes_on and checkpoint.due:
                checkpoint.write(course.state(extra))
    record = {**course.best.restore(), "dev pool": pool, **course.notes, **extra}
    env.progress(1.0, f"kept epoch {course.best.number}{course.best.note}")
    if checkpoint.worthwhile:
        checkpoint.write(_end(model, record, rng, env, course.seconds))
    return record


@dataclass
class _Course:
    """A training under way: how far it is, and the epochs that take it further."""

    model: nn.Module
    schedule: Schedule
    stepper: Stepper
    rng: np.random.Generator | None
    env: Env
    start: float
    done: int = 0
    steps: int = 0
    smoothed: Smoothed = field(default_factory=Smoothed)
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.best = Best(self.model)

    @property
    def seconds(self) -> float:
        """Since training began, without the time between a kill and what followed it."""
        return perf_counter() - self.start

    @property
    def goes_on(self) -> bool:
        """Whether there is another epoch."""
        return self.done < self.schedule.epochs and self.best.age < self.schedule.patience and not self.notes

    def one_epoch(
        self,
        batches: Iterable[tuple[float, Batch]],
        loss_of: Callable[[Batch], Tensor],
        evaluate: Callable[[], float | None],
        log: Log,
    ) -> None:
        """Learn from every batch once, then measure on dev."""
        self.model.train()
        waiting: list[Tensor] = []
        losses: list[float] = []
        rate = 0.0
        for within, batch in batches:
            part = (self.done + within) / self.schedule.epochs
            loss = loss_of(batch)
            rate = self.stepper.step(loss, part)
            self.steps += 1
            waiting.append(loss.detach())
            if len(waiting) == EVERY:
                if not self._look(waiting, losses, rate, log):
                    return
                note = f"epoch {self.done + 1}/{self.schedule.epochs}, loss {self.smoothed.mean:.3f}{self.best.note}"
                self.env.progress(part, note)
        if not self._look(waiting, losses, rate, log):
            return
        self.model.eval()
        measure = evaluate()
        mean = sum(losses) / max(len(losses), 1)
        self.done += 1
        self.best.consider(self.done, {"loss": mean, "dev": measure, "seconds": self.seconds, "rate": rate})
        if measure is not None:
            log(self.steps, {"dev RR@10": measure})

    def _look(self, waiting: list[Tensor], losses: list[float], rate: float, log: Log) -> bool:
        """Move losses to the host; False where one is no number, which ends the training."""
        values = [value.item() for value in waiting]
        waiting.clear()
        losses += values
        for value in values:
            self.smoothed.add(value)
        if not all(map(math.isfinite, values)):
            if not self.best.known:
                raise DataError(
                    f"training diverged in epoch {self.done + 1}: the loss is no number any more; "
                    f"a learning rate below {self.schedule.learning_rate:g} helps"
                )
            self.notes["stopped"] = f"diverged in epoch {self.done + 1}"
            return False
        if values:
            log(self.steps, {"loss": values[-1], "smoothed loss": self.smoothed.mean, "learning rate": rate})
        return True

    def state(self, extra: dict[str, Any]) -> State:
        """All that the next epoch depends on."""
        random, best = random_state(self.rng, self.env.device), self.best.state()
        return State(
            {
                **under("model", self.model.state_dict()),
                **under("optimiser", self.stepper.tensors()),
                **under("random", random.tensors),
                **under("best", best.tensors),
            },
            {
                "done": self.done,
                "steps": self.steps,
                "seconds": self.seconds,
                "smoothed": [self.smoothed.total, self.smoothed.weight],
                "scale": self.stepper.facts(),
                "random": random.facts,
                "best": best.facts,
                "extra": extra,
            },
        )

    def resume(self, state: State) -> None:
        """Take up what ``state`` told."""
        tensors, facts = state
        self.model.load_state_dict(below("model", tensors))
        self.stepper.resume(below("optimiser", tensors), facts["scale"])
        self.best.resume(State(below("best", tensors), facts["best"]))
        restore_random_state(State(below("random", tensors), facts["random"]), self.rng)
        self.done, self.steps = facts["done"], facts["steps"]
        self.smoothed.total, self.smoothed.weight = facts["smoothed"]
        self.start -= facts["seconds"]
        self.env.resumed(facts["seconds"])
        self.env.progress(self.done / self.schedule.epochs, f"goes on after epoch {self.done}{self.best.note}")


def _identity(
    model: nn.Module, schedule: Schedule, precision: Precision, rng: np.random.Generator | None, env: Env
) -> str:
    """Hash of what a training begins with; what differs in it ends differently."""
    random = random_state(rng, env.device)
    how = {
        "schedule": asdict(schedule),
        "precision": precision,
        "half": half_precision(env.device),
        "device": env.device,
        "random": random.facts,
    }
    return digest({**under("model", model.state_dict()), **under("random", random.tensors)}, json.dumps(how))


def _end(model: nn.Module, record: dict[str, Any], rng: np.random.Generator | None, env: Env, seconds: float) -> State:
    """What a training leaves behind: the model and the random numbers, for the stages that follow it."""
    random = random_state(rng, env.device)
    tensors = {**under("model", model.state_dict()), **under("random", random.tensors)}
    return State(tensors, {"record": record, "random": random.facts, "seconds": seconds})


def _ended(state: State, model: nn.Module, rng: np.random.Generator | None, env: Env) -> dict[str, Any]:
    """Inverse of ``_end``."""
    model.load_state_dict(below("model", state.tensors))
    model.eval()
    restore_random_state(State(below("random", state.tensors), state.facts["random"]), rng)
    env.resumed(state.facts["seconds"])
    env.progress(1.0, f"had kept epoch {state.facts['record']['best_epoch']}")
    record: dict[str, Any] = state.facts["record"]
    return record
