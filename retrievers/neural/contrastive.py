"""Dual encoders that learn by telling the solution of a question from the other solutions of its batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Env, Range, Space
from retrievers.neural import training
from retrievers.neural.dense import Dense
from retrievers.neural.dual import COLDEST, DualEncoder, PairLoss
from retrievers.neural.examples import Examples
from retrievers.neural.losses import in_batch_softmax
from retrievers.neural.negatives import Mined
from retrievers.neural.training import Schedule
from retrievers.neural.vocabulary import Sequences


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

    def _learn(
        self,
        examples: Examples,
        texts: tuple[Sequences, Sequences],
        evaluate: Callable[[], float | None],
        rng: np.random.Generator,
        env: Env,
    ) -> dict[str, Any]:
        model = self._fitted()
        loss = PairLoss(
            model,
            examples,
            texts,
            lambda similarity, also: in_batch_softmax(similarity, model.temperature, also),
            device=env.device,
            rng=rng,
            negatives=Mined.of(examples, self._vocabulary, rng) if self.hard_negatives else None,
            count=self.hard_negatives,
            precision=self.precision,
            mixed=self.mixed_lengths,
        )
        record = training.train(
            model,
            lambda: loss.epoch(self.batch),
            loss,
            evaluate,
            schedule=Schedule(self.epochs, self.learning_rate, kind=self.schedule),
            env=env,
            rng=rng,
            precision=self.precision,
        )
        return {**record, "temperature": model.temperature.item()}

    def _build(self, vectors: NDArray[np.float32]) -> DualEncoder:
        return DualEncoder(self._encoders(vectors), self.temperature, learn_temperature=self.learn_temperature)
