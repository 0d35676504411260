"""The dot product of two embeddings, as recommenders are taught."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retrievers.neural.means import Mean
from retrievers.neural.pointwise import Network, Pointwise
from retrievers.neural.vocabulary import Vocabulary


@dataclass
class EmbeddingDot(Pointwise):
    """Scores a pair by the dot product of two means of word embeddings, one table for each side (fast.ai's EmbeddingDot).

    In the lectures a user and an item have an embedding each, and the dot product predicts a rating; here question and
    solution are the means of their words', and it predicts whether they belong together. ``embedding-average``, with one table
    for both sides and the other solutions of a batch as negatives, is its better form.
    """

    bias: bool = False
    """Add a bias for each side and one for all (EmbeddingDotBias)."""

    def _built(self, vocabulary: Vocabulary) -> "Dot":
        return Dot(len(vocabulary), self.dimensions, dropout=self.dropout, bias=self.bias)


class Dot(Network):
    """``q . d``, and with ``bias`` ``q . d + b(q) + b(d) + b``, the biases of a text being the means of its words'."""

    def __init__(self, words: int, dimensions: int, *, dropout: float, bias: bool) -> None:
        super().__init__()
        self.sides = nn.ModuleList([Mean(words, dimensions), Mean(words, dimensions)])
        self.biases = nn.ModuleList([Mean(words, 1), Mean(words, 1)]) if bias else None
        self.offset = nn.Parameter(torch.zeros(())) if bias else None
        self.dropout = nn.Dropout(dropout)

    def questions(self, ids: Tensor) -> Tensor:
        """``[n, dimensions]``, and a bias after them."""
        return self._side(0, ids)

    def documents(self, ids: Tensor) -> Tensor:
        """``[n, dimensions]``, and a bias after them."""
        return self._side(1, ids)

    def match(self, questions: Tensor, documents: Tensor) -> Tensor:
        """Logits."""
        if self.biases is None or self.offset is None:
            return torch.einsum("bd,bmd->bm", questions, documents)
        product = torch.einsum("bd,bmd->bm", questions[:, :-1], documents[..., :-1])
        return product + questions[:, -1:] + documents[..., -1] + self.offset

    def _side(self, side: int, ids: Tensor) -> Tensor:
        mean: Tensor = self.dropout(self.sides[side](ids))
        return mean if self.biases is None else torch.cat([mean, self.biases[side](ids)], 1)
