"""The best epoch so far, by its dev measure, and the learning curve."""

from typing import Any

from torch import Tensor, nn

from retrievers.neural.checkpoints import State

Row = dict[str, float | None]


class Best:
    """Keeps the weights of the epoch with the highest dev measure; where nothing is measured, the last epoch counts.

    number: of that epoch, 0 before the first. age: how many epochs have come since.
    """

    def __init__(self, model: nn.Module) -> None:
        self.number = self.age = 0
        self._model = model
        self._measure: float | None = None
        self._weights: dict[str, Tensor] = {}
        self._curve: list[Row] = []

    @property
    def known(self) -> bool:
        """Whether the weights of a measured epoch are kept."""
        return bool(self._weights)

    @property
    def note(self) -> str:
        """Its measure, for progress."""
        return "" if self._measure is None else f", dev {self._measure:.3f}"

    def consider(self, number: int, row: Row) -> None:
        """Take in an epoch that has ended: its number and its row of the curve, with ``dev``."""
        self._curve.append(row)
        measure = row["dev"]
        if measure is not None and self._measure is not None and measure <= self._measure:
            self.age += 1
            return
        self.number, self.age, self._measure = number, 0, measure
        if measure is not None:
            self._weights = {name: value.clone() for name, value in self._model.state_dict().items()}

    def restore(self) -> dict[str, Any]:
        """Give the model its best weights back; returns what happened."""
        if self._weights:
            self._model.load_state_dict(self._weights)
        return {"best_epoch": self.number, "dev RR@10": self._measure, "epochs": self._curve}

    def state(self) -> State:
        """All of it."""
        facts = {"number": self.number, "age": self.age, "measure": self._measure, "curve": self._curve}
        return State(self._weights, facts)

    def resume(self, state: State) -> None:
        """Take up what ``state`` told."""
        device = {name: value.device for name, value in self._model.state_dict().items()}
        self._weights = {name: value.to(device[name]) for name, value in state.tensors.items()}
        self.number, self.age = state.facts["number"], state.facts["age"]
        self._measure, self._curve = state.facts["measure"], state.facts["curve"]
