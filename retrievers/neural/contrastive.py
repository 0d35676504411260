"""Dual encoders that learn by telling the solution of a question from the other solutions of its batch."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Range, Space
from retrievers.neural.dense import Dense
from retrievers.neural.dual import COLDEST, DualEncoder, Task
from retrievers.neural.losses import in_batch_softmax
from retrievers.neural.negatives import Mined


@dataclass
class Contrastive(Dense):
    """A dual encoder learned by softmax over the solutions of a batch."""

    temperature: float = 0.07
    """Of the softmax over the solutions of a batch; 0.15 where pairs are few and noisy, as in a forum."""
    learn_temperature: bool = False
    hard_negatives: int = 0
    """Solutions that BM25 ranks high for a question, added to its batch, for each pair."""

    mixed_lengths: ClassVar[bool] = False
    """Whether solutions of all lengths stand in a batch; of similar length is faster."""
    space: ClassVar[Space] = {**Dense.space, "temperature": Range(0.03, 0.3, log=True)}

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if not COLDEST <= self.temperature < math.inf:
            raise ValueError(f"temperature must be at least {COLDEST}, and finite")
        if self.batch == 1 and not self.hard_negatives:
            raise ValueError("batch must be at least 2: the negatives are the other solutions of a batch")
        if self.hard_negatives < 0:
            raise ValueError("hard_negatives cannot be negative")

    def _learn(self, task: Task) -> dict[str, Any]:
        model = self._fitted()
        mined = Mined.of(task.examples, self._vocabulary, task.rng) if self.hard_negatives else None
        record = self._trained(
            task,
            lambda similarity, also: in_batch_softmax(similarity, model.temperature, also),
            mixed=self.mixed_lengths,
            negatives=mined,
            count=self.hard_negatives,
        )
        return {**record, "temperature": model.temperature.item()}

    def _build(self, vectors: NDArray[np.float32]) -> DualEncoder:
        return DualEncoder(self._encoders(vectors), self.temperature, learn_temperature=self.learn_temperature)
