"""Pretraining by writing: a decoder with attention writes the solution from the states of the encoder that reads the question."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.pretraining import IGNORED, Aligned, Course, Objective, WordOutput
from retrievers.neural.vocabulary import PAD, Vocabulary

READ_TOKENS = 48
WRITTEN_TOKENS = 24
"""Of the text that is read and of the one that is written, in their order and with repeats."""
LAST_FORCING = 0.5
"""Probability of the true word before the next at the end of training: predicting from its own words alone is too hard so soon."""


def teacher_forcing(done: float) -> float:
    """Probability that the decoder is given the true word before the next, not its own, when this part of training is done.

    Scheduled sampling with linear decay from 1 (Bengio et al. 2015, section 2.4).
    """
    return 1 - (1 - LAST_FORCING) * done


class Attention(nn.Module):
    """Additive attention: the softmax over ``v . tanh(W s + U h_j)`` (Bahdanau et al. 2015, equation 6 and appendix A.1.2)."""

    def __init__(self, state: int, annotation: int, width: int) -> None:
        super().__init__()
        self.of_state = nn.Linear(state, width, bias=False)
        self.of_annotations = nn.Linear(annotation, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, state: Tensor, keys: Tensor, real: Tensor) -> Tensor:
        """Weights ``[L, B]`` of the tokens, 0 where a text has ended.

        state ``[B, S]``: of the decoder; keys ``[L, B, W]``: ``of_annotations`` of the tokens' states; real ``[L, B]``: true
        for tokens; an empty text has no weights that mean anything.
        """
        scores = self.score((self.of_state(state) + keys).tanh())[..., 0].float()
        weights: Tensor = scores.masked_fill(~real, torch.finfo(scores.dtype).min).softmax(0)
        return weights


class Seq2Seq(Objective):
    """The encoder, and a GRU with attention that writes another text, word by word.

    The GRU reads the word before and what attention gives (Bahdanau et al. 2015, section 3.1) and starts from the mean of
    the encoder's states (Sennrich et al. 2017, Nematus). Its words have the encoder's vectors, and the softmax too. A text
    of ``limit`` words is taken for one that was cut off: its end is not predicted.
    """

    learning_rate = 0.002

    def __init__(self, encoder: Encoder, vocabulary: Vocabulary, epochs: int, limit: int = WRITTEN_TOKENS) -> None:
        super().__init__(encoder, epochs)
        self.limit = limit
        hidden = encoder.gru.hidden_size
        annotation = hidden * (1 + encoder.gru.bidirectional)
        dimensions = encoder.embedding.embedding_dim
        self.begin = nn.Parameter(torch.randn(dimensions) * 0.1)
        self.first_state = nn.Linear(annotation, hidden)
        self.attention = Attention(hidden, annotation, hidden)
        self.cell = nn.GRUCell(dimensions + annotation, hidden)
        self.to_word = nn.Linear(hidden + annotation, dimensions)
        self.output = WordOutput(encoder.embedding, vocabulary, extra=1)
        self.end = self.output.rare + 1

    def forward(self, ids: Sequence[Tensor], done: float) -> Tensor:
        """Loss of every word of the second text ``[T, B]`` and of its end, given the first ``[L, B]``.

        While it learns, the true words before are replaced by its own, more and more often.
        """
        read, written = ids
        scores = self.scores(read, written, teacher_forcing(done) if self.training else 1.0)
        classes = self.classes(written)
        losses = F.cross_entropy(scores.flatten(0, 1), classes.flatten(), reduction="none", ignore_index=IGNORED)
        return losses[classes.flatten() != IGNORED]

    def classes(self, written: Tensor) -> Tensor:
        """What is to be predicted ``[T + 1, B]``: the words, the end, then ``IGNORED``."""
        real = written != PAD
        classes = F.pad(self.output.classes(written).where(real, IGNORED), (0, 0, 0, 1), value=IGNORED)
        lengths = real.sum(0)
        ended = (lengths < self.limit).nonzero()[:, 0]
        classes[lengths[ended], ended] = self.end
        return classes

    def scores(self, read: Tensor, written: Tensor, forced: float) -> Tensor:
        """Scores ``[T + 1, B, classes]``; each true word before the next is given with probability ``forced``."""
        annotations = self.encoder.dropout(self.encoder.token_states(read))
        real = read[: len(annotations)] != PAD
        keys = self.attention.of_annotations(annotations)
        state = self.first_state(annotations.sum(0) / real.sum(0).clamp_min(1)[:, None]).tanh().float()
        words, true = self.output.vectors(), self.encoder.embedding(written)
        before = self.begin.expand(len(state), -1)
        scores: list[Tensor] = []
        for at in range(len(written) + 1):
            if at:
                own = F.embedding(scores[-1][:, : self.output.count].argmax(1), words)  # never one that is no word
                given = torch.rand(len(state), 1, device=state.device) < forced
                before = self.encoder.dropout(torch.where(given, true[at - 1], own))
            weights = self.attention(state, keys, real)
            context = torch.einsum("lb,lba->ba", weights, annotations).float()
            with torch.autocast(state.device.type, enabled=False):  # a step is too small to gain by another format
                state = self.cell(torch.cat([before, context], -1), state)
            scores.append(self.output(self.to_word(torch.cat([state, context], -1)), words))
        return torch.stack(scores)


def pretrain_seq2seq(
    encoders: Sequence[Encoder], vocabulary: Vocabulary, train: Examples, dev: Examples, course: Course
) -> dict[str, Any]:
    """The encoder of both sides reads questions and learns to write their solutions; of two, the other does the reverse.

    The decoder is thrown away. Returns the record (``Course.run``).
    """

    def texts(examples: Examples, side: int) -> Aligned:
        both = [examples.questions, examples.solutions]
        read = vocabulary.encode_all(both[side], READ_TOKENS, repeats=True)
        written = vocabulary.encode_all(both[1 - side], WRITTEN_TOKENS, repeats=True)
        return Aligned.of((read, written), examples.pairs[:, [side, 1 - side]], 1)

    def learn(side: int, encoder: Encoder, own: Course) -> dict[str, Any]:
        return own.run(Seq2Seq(encoder, vocabulary, own.epochs), texts(train, side), texts(dev, side))

    return course.of_each(encoders, learn)
