"""The dual encoder of 2018, as told: where this benchmark comes from."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from bench.api import Range, Space
from retrievers.neural.cotraining import kinds_of
from retrievers.neural.dense import Dense
from retrievers.neural.dual import Task
from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.losses import hinge2018, logistic2018
from retrievers.neural.runtime import portion
from retrievers.neural.training import Schedule

LOSSES = {"hinge": hinge2018, "logistic": logistic2018}


@dataclass
class GRU2018(Dense):
    """The 2018 talk's search of the PyTorch forum: a GRU encoder for each side, one random negative a pair, plain SGD.

    It reached Success@10 of about 7% among 1,337 held-out solutions, ten times chance. It learned in two stages: from the
    search strings alone, both encoders reading the same one, then from search strings and their targets. Whether it learns
    from accepted answers alone or from each thread's best post is for the collection to say: ``pytorch-forum-solved`` and
    ``pytorch-forum``.
    """

    loss: Literal["hinge", "logistic"] = "logistic"
    """``(1 - pos) + (1 + neg)``, or ``log(1 + exp(-(pos - neg)))``, of the cosines with the solution and with another one."""
    string_epochs: int = 2
    """Epochs on search strings alone; 0 leaves that stage out."""
    clean: bool = True
    """Leave out numbers and single letters."""
    hidden: int = 256
    shared: bool = False
    init: Literal["cooccurrence", "random"] = "random"
    buckets: int = 0
    batch: int = 64
    learning_rate: float = 0.001
    schedule: Literal["cosine", "one-cycle", "constant"] = "constant"
    dropout: float = 0.0
    stemmer: str = "none"
    split: bool = False

    space: ClassVar[Space] = {**Dense.space, "learning_rate": Range(0.001, 10, log=True), "hidden": (128, 256)}

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if self.hidden < 1 or self.string_epochs < 0:
            raise ValueError("hidden must be at least 1, string_epochs cannot be negative")
        if self.batch == 1 or kinds_of(self.cotrain):
            raise ValueError("batch must be at least 2 and cotrain none: the negative is another pair's solution")
        if self.clean:
            self._analyze = replace(self._analyze, clean=True)

    def _encoder(self, vectors: Tensor, idf: Tensor) -> Encoder:
        return Encoder(
            vectors,
            idf,
            hidden=self.hidden,
            dropout=self.dropout,
            skip=False,
            bidirectional=False,
            pooling="last",
        )

    def _learn(self, task: Task) -> dict[str, Any]:
        questions = task.examples.questions
        strings = Examples(questions, questions, np.arange(len(questions)).repeat(2).reshape(-1, 2))
        first = task._replace(examples=strings, texts=(task.texts[0], task.texts[0]))
        before = self.string_epochs / (self.string_epochs + self.epochs)
        record: dict[str, Any] = {}
        if self.string_epochs:
            own = portion(task.env, 0.0, before, "strings")
            record = {"search strings": self._stage(first._replace(env=own), self.string_epochs)}
        return {**record, **self._stage(task._replace(env=portion(task.env, before, 1.0, "targets")), self.epochs)}

    def _stage(self, task: Task, epochs: int) -> dict[str, Any]:
        rate, kind = self.learning_rate, self.schedule
        schedule = Schedule(epochs, rate, kind=kind, optimiser="sgd", patience=epochs, clip=math.inf)
        return self._trained(task, self._criterion, schedule, mixed=True)

    def _criterion(self, similarity: Tensor, _: Tensor) -> Tensor:
        """The negative of a pair is the solution of the pair before it in the batch."""
        return LOSSES[self.loss](similarity.diagonal(), similarity.roll(1, 1).diagonal())
