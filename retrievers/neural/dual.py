"""The dual encoder: one encoder for both sides or one for each, and how it learns from pairs."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Env
from retrievers.neural.batches import training_batches
from retrievers.neural.encoder import TextEncoder, columns
from retrievers.neural.examples import Examples
from retrievers.neural.negatives import Mined
from retrievers.neural.runtime import Precision, autocast
from retrievers.neural.vocabulary import Sequences

COLDEST = 0.01
"""A learned temperature does not fall below this (CLIP's bound): colder, one hard pair rules the gradient."""


class DualEncoder(nn.Module):
    """Encoders of questions and solutions, the same object if one was given, and the temperature of a softmax over cosines."""

    def __init__(
        self, encoders: Sequence[TextEncoder], temperature: float = 1.0, *, learn_temperature: bool = False
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)), requires_grad=learn_temperature)

    @property
    def questions(self) -> TextEncoder:
        """The encoder of questions."""
        return self.encoders[0]  # type: ignore[return-value]

    @property
    def solutions(self) -> TextEncoder:
        """The encoder of solutions."""
        return self.encoders[-1]  # type: ignore[return-value]

    def similarity(self, questions: Tensor, solutions: Tensor) -> Tensor:
        """Cosines ``[Q, S]`` of encoded questions ``[Q, D]`` and solutions ``[S, D]``."""
        return questions @ solutions.T

    @property
    def temperature(self) -> Tensor:
        """The temperature, bounded below."""
        return self.log_temperature.exp().clamp_min(COLDEST)


class Task(NamedTuple):
    """What a dual encoder has to learn, and how it is told how far it is.

    texts: ids of the examples' questions and solutions. evaluate: RR@10 on dev, None without dev. rng: where all random numbers
    come from.
    """

    examples: Examples
    texts: tuple[Sequences, Sequences]
    evaluate: Callable[[], float | None]
    rng: np.random.Generator
    env: Env


class PairLoss:
    """Batches of training pairs, and the loss of one.

    criterion: of similarities ``[B, M]`` whose diagonal holds the pairs, and bool ``[B, M]``, true where a solution off the
    diagonal solves the question too. negatives: where ``count`` hard negatives for each pair come from; they are the columns
    beyond the first ``B``. precision: of the encoders' products. mixed: batches of texts of all lengths, for a model that
    must learn what the length means.
    """

    def __init__(
        self,
        model: DualEncoder,
        task: Task,
        criterion: Callable[[Tensor, Tensor], Tensor],
        *,
        negatives: Mined | None = None,
        count: int = 0,
        precision: Precision = "auto",
        mixed: bool = False,
    ) -> None:
        self._model = model
        self._pairs = task.examples.pairs
        self._relevance = task.examples.relevance()
        self._questions, self._solutions = task.texts
        self._criterion = criterion
        self._device = task.env.device
        self._rng = task.rng
        self._negatives = negatives
        self._count = count
        self._precision = precision
        self._mixed = mixed

    def epoch(self, size: int) -> Iterator[tuple[float, NDArray[np.int64]]]:
        """Batches of pairs ``[B, 2]``, with solutions of similar length unless mixed, each after the part of the epoch that is done."""
        lengths = self._solutions.lengths[self._pairs[:, 1]]
        batches = list(training_batches(np.zeros_like(lengths) if self._mixed else lengths, size, self._rng))
        for number, batch in enumerate(batches):
            yield number / len(batches), self._pairs[batch]

    def __call__(self, pairs: NDArray[np.int64]) -> Tensor:
        """The loss of a batch; negatives are the other solutions of the batch, and the hard ones where there are any."""
        rows, others = pairs.T
        if self._negatives is not None:
            others = np.concatenate([others, self._negatives.draw(rows, self._count, self._rng).ravel()])
        with autocast(self._device, self._precision):
            asked = self._model.questions(columns(self._questions, rows, self._device))
            solved = self._model.solutions(columns(self._solutions, others, self._device))
        also = self._relevance[rows][:, others].toarray()
        np.fill_diagonal(also, val=False)
        return self._criterion(self._model.similarity(asked, solved), torch.from_numpy(also).to(self._device))
