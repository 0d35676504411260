"""What the ways of pretraining an encoder share: the words that can be predicted, the texts, and the course of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Env
from bench.errors import DataError
from retrievers.neural import training
from retrievers.neural.batches import training_batches
from retrievers.neural.encoder import Encoder, columns
from retrievers.neural.runtime import Precision, autocast, portion
from retrievers.neural.training import Schedule
from retrievers.neural.vocabulary import Sequences, Vocabulary

PREDICTED = 1024
"""The most frequent words, each a class of the softmax: 87 to 92% of the tokens of code and of a forum; the rest share one class."""
DEV_ROWS = 1000
"""At most so many texts tell the perplexity on dev."""
BATCH = 64
IGNORED = -100
"""Class of what is not predicted (that of torch's ``cross_entropy``)."""

Batch = tuple[list[Tensor], float]
"""Ids ``[L, B]`` of each side, and the part of all batches that is done."""


class WordOutput(nn.Module):
    """Scores of the next word: its own vector times the output (tied weights: Press & Wolf 2017), and a bias.

    Classes: the ``count`` most frequent words, then one for all others (class ``rare``), then ``extra`` ones.
    """

    def __init__(self, embedding: nn.Embedding, vocabulary: Vocabulary, *, extra: int = 0) -> None:
        super().__init__()
        if not vocabulary.words:
            raise DataError(
                "pretraining predicts words, and no word of the training split is frequent enough (min_count)"
            )
        self._embedding = [embedding]  # in a list: a parameter of the encoder, not of this
        self.first = 1 + vocabulary.buckets
        self.count = min(PREDICTED, len(vocabulary.words))
        self.rare = self.count
        self.others = nn.Parameter(torch.randn(1 + extra, embedding.embedding_dim) * 0.1)
        self.bias = nn.Parameter(torch.zeros(self.count + 1 + extra))

    def vectors(self) -> Tensor:
        """Vectors of the classes ``[classes, E]``; taken once a batch, as each gradient of them is as large as all words."""
        words = self._embedding[0].weight[self.first : self.first + self.count]
        return torch.cat([words, self.others])

    def forward(self, output: Tensor, vectors: Tensor) -> Tensor:
        """Outputs ``[N, E]`` and ``vectors()`` -> scores ``[N, classes]``, float."""
        return nn.functional.linear(output, vectors, self.bias).float()

    def classes(self, ids: Tensor) -> Tensor:
        """Class of each word by its id."""
        ranks = ids - self.first
        return torch.where((ranks >= 0) & (ranks < self.count), ranks, self.rare)


class Objective(nn.Module):
    """An encoder and what it is pretrained with; batch -> loss in nats of every word that is predicted ``[N]``.

    How far it is, and the loss on dev after each epoch, are buffers, so that a checkpoint holds them too.
    """

    learning_rate: ClassVar[float]
    """The highest, unless another one is given."""

    dev_losses: Tensor
    epochs_done: Tensor

    def __init__(self, encoder: Encoder, epochs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer("dev_losses", torch.full((epochs,), math.nan))
        self.register_buffer("epochs_done", torch.zeros((), dtype=torch.int64))


class Aligned(NamedTuple):
    """Texts read together: ``rows [N, S]`` says which text of each of the ``S`` sides stands in an example."""

    sides: tuple[Sequences, ...]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, sides: tuple[Sequences, ...], rows: NDArray[np.int64], least: int) -> "Aligned":
        """Only the examples whose texts have at least so many words each."""
        lengths = np.stack([side.lengths[part] for side, part in zip(sides, rows.T, strict=True)], axis=1)
        return cls(sides, rows[(lengths >= least).all(1)])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of the last side's text, which decide what a batch costs."""
        return self.sides[-1].lengths[self.rows[:, -1]]

    def columns(self, chosen: NDArray[np.int64], device: str) -> list[Tensor]:
        """Ids ``[L, B]`` of each side."""
        return [columns(side, part, device) for side, part in zip(self.sides, self.rows[chosen].T, strict=True)]


@dataclass(frozen=True)
class Course:
    """How to pretrain: the kind (its name), and as in ``training.train``; None is the objective's own learning rate."""

    kind: str
    epochs: int
    precision: Precision
    rng: np.random.Generator
    env: Env
    batch: int = BATCH
    learning_rate: float | None = None

    def of_each(self, encoders: Sequence[Encoder], learn: Callable[[int, Encoder, "Course"], Any]) -> dict[str, Any]:
        """Pretrain the one encoder of both sides, or that of questions (0) and that of solutions (1), and return the record."""
        if len(encoders) == 1:
            return {"kind": self.kind, **learn(0, encoders[0], self)}
        record: dict[str, Any] = {"kind": self.kind}
        for side, (name, encoder) in enumerate(zip(("questions", "solutions"), encoders, strict=True)):
            own = replace(self, kind=f"{self.kind}-{name}", env=portion(self.env, side / 2, (side + 1) / 2))
            record[name] = learn(side, encoder, own)
        return record

    def run(self, model: Objective, train: Aligned, dev: Aligned) -> dict[str, Any]:
        """Train on the examples; the encoder stays as it is after the last epoch.

        Returns ``examples``, how many texts or pairs of them, and ``epochs``: mean ``loss`` of an epoch's batches in nats a
        word, ``perplexity``, its exponential, ``dev loss`` and ``dev perplexity`` over the words of dev (None without any),
        ``seconds`` and ``rate``.
        DataError where there is nothing to read.
        """
        if not len(train.rows):
            raise DataError(
                f"pretrain={self.kind}: the training split has no text that is long enough to predict words"
            )
        device = self.env.device
        model = model.to(device)

        def epoch() -> Iterator[tuple[float, Batch]]:
            batches = list(training_batches(train.lengths, self.batch, self.rng))
            for number, rows in enumerate(batches):
                within = number / len(batches)
                done = (int(model.epochs_done) + within) / self.epochs
                yield within, (train.columns(rows, device), done)

        def loss_of(batch: Batch) -> Tensor:
            with autocast(device, self.precision):
                losses: Tensor = model(*batch)
            return losses.mean()

        def evaluate() -> None:
            model.dev_losses[int(model.epochs_done)] = self._mean_loss(model, dev)
            model.epochs_done += 1

        rate = model.learning_rate if self.learning_rate is None else self.learning_rate
        schedule = Schedule(self.epochs, rate)
        record = training.train(
            model, epoch, loss_of, evaluate,
            schedule=schedule, env=self.env, stage=self.kind, rng=self.rng, precision=self.precision,
        )  # fmt: skip
        rows = zip(record["epochs"], model.dev_losses.tolist(), strict=True)
        return {"examples": len(train.rows), "epochs": [_row(told, loss) for told, loss in rows]}

    def _mean_loss(self, model: Objective, dev: Aligned) -> float:
        """Nats a word on dev, NaN without dev."""
        total, words = 0.0, 0
        with torch.no_grad(), autocast(self.env.device, self.precision):
            for start in range(0, min(len(dev.rows), DEV_ROWS), self.batch):
                chosen = np.arange(start, min(start + self.batch, len(dev.rows), DEV_ROWS))
                losses = model(dev.columns(chosen, self.env.device), 0.0)
                total, words = total + float(losses.sum()), words + len(losses)
        return total / words if words else math.nan


def _row(told: dict[str, Any], dev_loss: float) -> dict[str, float | None]:
    known = not math.isnan(dev_loss)
    return {
        "loss": told["loss"],
        "perplexity": math.exp(told["loss"]),
        "dev loss": dev_loss if known else None,
        "dev perplexity": math.exp(dev_loss) if known else None,
        "seconds": told["seconds"],
        "rate": told["rate"],
    }
