"""The training loop of every neural retriever: AdamW, warm-up and cosine decay, the best epoch on dev is kept."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.api import Env

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    warmup: part of all steps during which the learning rate rises linearly; then it falls to 0 along a cosine.
    patience: stop after this many epochs without a better dev measure.
    """

    epochs: int
    learning_rate: float
    warmup: float = 0.1
    patience: int = 2
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0

    def factor(self, done: float) -> float:
        """Part of the learning rate that applies when this part of all steps is done (Loshchilov & Hutter 2017, equation 5)."""
        if done < self.warmup:
            return done / self.warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - self.warmup) / (1 - self.warmup))))


def train(
    model: nn.Module,
    epoch: Callable[[], Iterable[tuple[float, Batch]]],
    loss_of: Callable[[Batch], Tensor],
    evaluate: Callable[[], float | None],
    *,
    schedule: Schedule,
    env: Env,
) -> dict[str, Any]:
    """Train in place and leave the model as it was after its best epoch.

    epoch: the batches of one epoch, each with the part of the epoch that is done before it. evaluate: RR@10 on dev,
    higher is better, or None where there is nothing to measure; then the last epoch is kept. Returns what happened, as
    plain values: ``best_epoch``, ``dev RR@10`` and ``epochs``, a row of mean loss and dev measure for each.
    """
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, betas=schedule.betas, weight_decay=0.0, fused=True)
    best = _Best(model)
    for number in range(schedule.epochs):
        model.train()
        losses: list[float] = []
        for within, batch in epoch():
            done = (number + within) / schedule.epochs
            optimiser.param_groups[0]["lr"] = schedule.learning_rate * schedule.factor(done)
            losses.append(_step(model, loss_of(batch), optimiser, schedule.clip))
            if len(losses) % 10 == 0:
                env.progress(done, f"epoch {number + 1}/{schedule.epochs}, loss {_recent(losses):.3f}{best.note}")
        model.eval()
        best.consider(number + 1, sum(losses) / max(len(losses), 1), evaluate())
        if best.age >= schedule.patience:
            break
    env.progress(1.0, f"kept epoch {best.number}{best.note}")
    return best.restore()


class _Best:
    """The state of the best epoch so far, and the curve."""

    def __init__(self, model: nn.Module) -> None:
        self.number = self.age = 0
        self._model = model
        self._measure: float | None = None
        self._state: dict[str, Tensor] = {}
        self._curve: list[dict[str, float | None]] = []

    @property
    def note(self) -> str:
        return "" if self._measure is None else f", dev {self._measure:.3f}"

    def consider(self, number: int, loss: float, measure: float | None) -> None:
        self._curve.append({"loss": loss, "dev": measure})
        if measure is not None and self._measure is not None and measure <= self._measure:
            self.age += 1
            return
        self.number, self.age, self._measure = number, 0, measure
        if measure is not None:
            self._state = {name: value.clone() for name, value in self._model.state_dict().items()}

    def restore(self) -> dict[str, Any]:
        if self._state:
            self._model.load_state_dict(self._state)
        return {"best_epoch": self.number, "dev RR@10": self._measure, "epochs": self._curve}


def _step(model: nn.Module, loss: Tensor, optimiser: torch.optim.Optimizer, clip: float) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    return loss.item()


def _recent(losses: list[float]) -> float:
    return sum(losses[-50:]) / len(losses[-50:])
