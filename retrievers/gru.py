"""The GRU dual encoder: questions and solutions become vectors, and the nearest solutions by cosine are the answer."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

from torch import Tensor

from bench.api import Env, Pairs, Space
from retrievers.neural.contrastive import Contrastive
from retrievers.neural.dual import Task
from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.language_model import pretrain_language_model
from retrievers.neural.pretraining import Course
from retrievers.neural.runtime import portion
from retrievers.neural.seq2seq import pretrain_seq2seq

PRETRAINING = {"language-model": pretrain_language_model, "sequence-to-sequence": pretrain_seq2seq}
PRETRAINED = 0.6
"""Part of all progress when pretraining ends."""


@dataclass
class GRU(Contrastive):
    """Dual encoder learned from pairs: bidirectional GRU with max pooling, plus the IDF-weighted mean of its word vectors.

    Its ancestor is the dual encoder of the 2018 talk (``gru-2018``). What made the difference: one encoder for both sides,
    the other solutions of a batch as negatives, word vectors from co-occurrence counts to start from, and the skip connection.
    """

    dimensions: int = 384
    hidden: int = 128
    """State of each direction."""
    layers: int = 1
    bidirectional: bool = True
    pooling: Literal["max", "mean", "attention", "last"] = "max"
    """How the states of a text become one vector."""
    skip: bool = True
    """Add the weighted mean of the word vectors to what the GRU says."""
    pretrain: Literal["none", "language-model", "sequence-to-sequence"] = "none"
    """What the encoder learns before the pairs: to predict the next word, or to write a question's solution (Husain 2018)."""
    pretrain_epochs: int = 2

    space: ClassVar[Space] = {**Contrastive.space, "hidden": (64, 128, 192), "dimensions": (256, 384, 512)}

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if min(self.hidden, self.layers) < 1:
            raise ValueError("hidden and layers must be at least 1")
        if self.pretrain_epochs < 1:
            raise ValueError("pretrain_epochs must be at least 1; pretrain=none leaves pretraining out")
        if self.pretrain == "language-model" and self.bidirectional and self.layers > 1:
            raise ValueError(
                "pretrain=language-model needs layers=1 or bidirectional=false: "
                "a second layer reads both directions, and so the word that is to be predicted"
            )

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Pretrain the encoder where ``pretrain`` says so, then learn as every dual encoder does."""
        self._splits = train, dev
        try:
            super().fit(train, dev, env)
        finally:
            del self._splits

    def _learn(self, task: Task) -> dict[str, Any]:
        if self.pretrain == "none":
            return super()._learn(task)
        encoders = cast("list[Encoder]", list(self._fitted().encoders))
        own, dev = (Examples.of(part, self._analyze, task.env.cache) for part in self._splits)
        first, rest = portion(task.env, 0.0, PRETRAINED), portion(task.env, PRETRAINED, 1.0)
        course = Course(self.pretrain, self.pretrain_epochs, self.precision, task.rng, first)
        record = PRETRAINING[self.pretrain](encoders, self._vocabulary, own, dev, course)
        return {"pretraining": record, **super()._learn(task._replace(env=rest))}

    def _encoder(self, vectors: Tensor, idf: Tensor) -> Encoder:
        return Encoder(
            vectors,
            idf,
            hidden=self.hidden,
            layers=self.layers,
            bidirectional=self.bidirectional,
            pooling=self.pooling,
            dropout=self.dropout,
            skip=self.skip,
        )
