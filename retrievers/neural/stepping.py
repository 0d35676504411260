"""One step of the optimiser: gradients of a loss, clipped, at the rate that the schedule says."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from retrievers.neural.runtime import Precision
from retrievers.neural.schedule import Schedule


class Stepper:
    """Takes steps; ``tensors`` and ``facts`` hold all that it knows, and ``resume`` takes it up again.

    With ``float16`` the loss is scaled up before its gradients are taken, which would otherwise vanish in that format's narrow
    range, and a step whose gradients overflow is left out (Micikevicius et al. 2018, arXiv:1710.03740).
    """

    def __init__(self, model: nn.Module, schedule: Schedule, *, device: str, precision: Precision) -> None:
        self._model = model
        self._schedule = schedule
        self._optimiser = schedule.build(model)
        self._scaler = torch.amp.GradScaler(device, enabled=precision == "float16")

    def step(self, loss: Tensor, done: float, *, rate: float | None = None) -> float:
        """Step down the loss of a batch when this part of all steps is done; returns the learning rate.

        rate: in place of the schedule's.
        """
        rate = self._schedule.apply(self._optimiser, done, rate=rate)
        self._optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._model.parameters(), self._schedule.clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        return rate

    def tensors(self) -> dict[str, Tensor]:
        """State of the optimiser, ``NUMBER OF THE PARAMETER.NAME`` -> tensor."""
        state: Mapping[int, Mapping[str, Tensor | None]] = self._optimiser.state_dict()["state"]
        return {
            f"{number}.{name}": value
            for number, values in state.items()
            for name, value in values.items()
            if value is not None  # the momentum of an SGD without momentum
        }

    def facts(self) -> dict[str, Any]:
        """State of the scale of the loss."""
        return self._scaler.state_dict()

    def resume(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Take up what ``tensors`` and ``facts`` told."""
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": state})
        if facts:
            self._scaler.load_state_dict(dict(facts))
