"""How long, how fast and with which optimiser to learn."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Kind = Literal["cosine", "one-cycle", "constant"]
Optimiser = Literal["adamw", "sgd"]

WARMUP = {"cosine": 0.1, "one-cycle": 0.3, "constant": 0.0}
FIRST, LAST = 1 / 25, 1 / 250_000
"""Of a one-cycle schedule: its first and last learning rate as parts of the highest (the defaults of fastai and PyTorch)."""
LEAST_MOMENTUM, MOST_MOMENTUM = 0.85, 0.95
"""Between these the momentum of a one-cycle schedule moves (Smith 2018, section 4.3)."""


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and with which optimiser to learn.

    learning_rate: the highest; 0 lets a range test find it before training begins (``rate_finder``).
    warmup: part of all steps during which the learning rate rises; None is the usual part for the kind (``WARMUP``).
    patience: stop after this many epochs without a better dev measure.
    betas: of AdamW. clip: gradients are scaled down to this norm at most.
    kind: ``cosine`` rises linearly, then falls to 0 along half a cosine (Loshchilov & Hutter 2017, equation 5).
    ``one-cycle`` rises and falls along half cosines, while the momentum falls and rises (Smith 2018,
    arXiv:1803.09820; half cosines in place of its straight lines as in fastai). ``constant`` stays where it is.
    optimiser: ``adamw`` without weight decay, or plain ``sgd``. momentum: of SGD; AdamW's is ``betas[0]``. A one-cycle
    schedule moves the momentum itself, but leaves an SGD without momentum alone.
    """

    epochs: int
    learning_rate: float
    warmup: float | None = None
    patience: int = 2
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    kind: Kind = "cosine"
    optimiser: Optimiser = "adamw"
    momentum: float = 0.0

    @property
    def peak(self) -> float:
        """Part of all steps after which the learning rate is at its highest."""
        return WARMUP[self.kind] if self.warmup is None else self.warmup

    def factor(self, done: float) -> float:
        """Part of the learning rate that applies when this part of all steps is done."""
        rising, part = self._phase(done)
        if self.kind == "one-cycle":
            return _half_cosine(FIRST, 1, part) if rising else _half_cosine(1, LAST, part)
        if rising:
            return part
        return 1.0 if self.kind == "constant" else _half_cosine(1, 0, part)

    def momentum_at(self, done: float) -> float:
        """Momentum (AdamW's first beta) when this part of all steps is done."""
        usual = self.betas[0] if self.optimiser == "adamw" else self.momentum
        if self.kind != "one-cycle" or not usual:
            return usual
        rising, part = self._phase(done)
        start, stop = (MOST_MOMENTUM, LEAST_MOMENTUM) if rising else (LEAST_MOMENTUM, MOST_MOMENTUM)
        return _half_cosine(start, stop, part)

    def build(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser over all parameters of a model; ``apply`` sets its learning rate."""
        if self.optimiser == "sgd":
            return torch.optim.SGD(model.parameters(), lr=0.0, momentum=self.momentum)
        return torch.optim.AdamW(model.parameters(), lr=0.0, betas=self.betas, weight_decay=0.0, fused=True)

    def apply(self, optimiser: torch.optim.Optimizer, done: float, *, rate: float | None = None) -> float:
        """Set learning rate (``rate`` in place of the schedule's) and momentum for the next step; returns the former."""
        rate = self.learning_rate * self.factor(done) if rate is None else rate
        momentum = self.momentum_at(done)
        for group in optimiser.param_groups:
            group["lr"] = rate
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum
        return rate

    def _phase(self, done: float) -> tuple[bool, float]:
        """Whether the learning rate still rises, and the part of the rise or of what follows that is done."""
        if done < self.peak:
            return True, done / self.peak
        return False, min(1.0, (done - self.peak) / (1 - self.peak)) if self.peak < 1 else 1.0


def _half_cosine(start: float, stop: float, part: float) -> float:
    return stop + (start - stop) * 0.5 * (1 + math.cos(math.pi * part))
