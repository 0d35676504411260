"""Pretraining as a language model: the encoder's GRU learns to predict the word that it reads next."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.pretraining import Aligned, Course, Objective, WordOutput
from retrievers.neural.vocabulary import PAD, Vocabulary

TOKENS = 32
"""Of each text, in their order and with repeats."""


class LanguageModel(Objective):
    """Next words from the states of the forward GRU, previous words from those of the backward one, by softmax.

    Both directions predict by themselves, as in ELMo (Peters et al. 2018, section 3.1), and share the output; a layer above
    that reads both directions would have seen the word. The first word that a direction reads is not predicted, nor the end.
    """

    learning_rate = 0.0005  # at 0.002 perplexity on a forum is 127, not 217, but RR@10 on dev .362, not .390 (one seed)

    def __init__(self, encoder: Encoder, vocabulary: Vocabulary, epochs: int) -> None:
        super().__init__(encoder, epochs)
        if encoder.gru.bidirectional and encoder.gru.num_layers > 1:
            raise ValueError(
                "a language model needs layers that read one direction: one layer, or a GRU of one direction"
            )
        self.to_word = nn.Linear(encoder.gru.hidden_size, encoder.embedding.embedding_dim)
        self.output = WordOutput(encoder.embedding, vocabulary)

    def forward(self, ids: Sequence[Tensor], done: float) -> Tensor:  # noqa: ARG002 - what a batch is
        """Loss of every predicted word, forwards first, of texts ``[L, B]``."""
        states = self.encoder.dropout(self.encoder.token_states(ids[0]))
        words = ids[0][: len(states)]
        followed = words[1:] != PAD
        forwards, *backwards = states.split(self.encoder.gru.hidden_size, -1)
        known = torch.cat([forwards[:-1][followed], *(part[1:][followed] for part in backwards)])
        hidden = torch.cat([words[1:][followed], *(words[:-1][followed] for _ in backwards)])
        scores = self.output(self.to_word(known), self.output.vectors())
        return F.cross_entropy(scores, self.output.classes(hidden), reduction="none")


def pretrain_language_model(
    encoders: Sequence[Encoder], vocabulary: Vocabulary, train: Examples, dev: Examples, course: Course
) -> dict[str, Any]:
    """One encoder learns from questions and solutions, two each from their own side. Returns the record (``Course.run``)."""

    def texts(examples: Examples, side: int) -> Aligned:
        chosen = [examples.questions, examples.solutions]
        read = [text for part in (chosen if len(encoders) == 1 else chosen[side : side + 1]) for text in part]
        ids = vocabulary.encode_all(read, TOKENS, repeats=True)
        return Aligned.of((ids,), np.arange(len(read))[:, None], 2)

    def learn(side: int, encoder: Encoder, own: Course) -> dict[str, Any]:
        model = LanguageModel(encoder, vocabulary, own.epochs)
        return own.run(model, texts(train, side), texts(dev, side))

    return course.of_each(encoders, learn)
