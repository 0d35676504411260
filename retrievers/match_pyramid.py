"""The interaction CNN of the lecture, as told."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.examples import Examples
from retrievers.neural.pointwise import Network, Pointwise
from retrievers.neural.vectors import word_vectors
from retrievers.neural.vocabulary import PAD, Vocabulary


@dataclass
class MatchPyramid(Pointwise):
    """Interaction CNN of the lecture: embedding, matrix of word similarities, convolution, max pooling, linear layer.

    Known as MatchPyramid (Pang et al., AAAI 2016). ``cnn`` is its better form: vectors learned beforehand, exact matches and
    IDF as channels of their own, hard negatives, a softmax over lists, and the cosine of the texts beside the convolutions.
    """

    init: Literal["random", "cooccurrence"] = "random"
    """Word vectors to start from."""
    similarity: Literal["dot", "cosine"] = "dot"
    loss: Literal["logistic", "hinge"] = "logistic"
    """Of each pair by itself, or ``max(0, 1 - s+ + s-)`` of a pair against each negative, as in the paper."""
    filters: int = 8
    grid: int = 4
    """Max pooling leaves so many places along the question and along the document."""
    query_tokens: int = 16

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if min(self.filters, self.grid) < 1 or self.query_tokens % self.grid or self.document_tokens % self.grid:
            raise ValueError("filters must be at least 1, query_tokens and document_tokens multiples of grid")

    def _built(self, vocabulary: Vocabulary) -> "Pyramid":
        shape = (self.query_tokens, self.document_tokens)
        cosine = self.similarity == "cosine"
        return Pyramid(
            len(vocabulary), self.dimensions, shape, self.filters, self.grid, dropout=self.dropout, cosine=cosine
        )

    def _begin(self, network: Network, examples: Examples, rng: np.random.Generator) -> None:
        if self.init == "cooccurrence" and isinstance(network, Pyramid):
            texts = (
                self._vocabulary.encode_all(examples.questions, self.query_tokens),
                self._vocabulary.encode_all(examples.solutions, self.document_tokens),
            )
            size = len(self._vocabulary)
            vectors = word_vectors(*texts, examples.pairs, size=size, dimensions=self.dimensions, rng=rng)
            with torch.no_grad():
                network.embedding.weight.copy_(torch.from_numpy(vectors))

    def _loss(self, logits: Tensor, ignored: Tensor) -> Tensor:
        if self.loss == "logistic":
            return super()._loss(logits, ignored)
        margins = (1 - logits[:, :1] + logits[:, 1:]).clamp_min(0)
        return margins.masked_fill(ignored[:, 1:], 0).sum() / len(logits)


class Pyramid(Network):
    """The matrix of similarities, a 3 x 3 convolution, max pooling to a grid, a linear layer; one embedding for both sides."""

    def __init__(
        self,
        words: int,
        dimensions: int,
        shape: tuple[int, int],
        filters: int,
        grid: int,
        *,
        dropout: float,
        cosine: bool,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, dimensions, padding_idx=PAD)
        with torch.no_grad():
            self.embedding.weight *= dimensions**-0.5
        self.convolution = nn.Conv2d(1, filters, 3, padding=1)
        self.out = nn.Linear(filters * grid * grid, 1)
        self.dropout = nn.Dropout(dropout)
        self._fields = tuple(size // grid for size in shape)
        self._cosine = cosine

    def questions(self, ids: Tensor) -> Tensor:
        """The ids themselves: a vector for each word would take far more room."""
        return ids

    def documents(self, ids: Tensor) -> Tensor:
        """The ids themselves."""
        return ids

    def match(self, questions: Tensor, documents: Tensor) -> Tensor:
        """Logits."""
        maps = self.interaction(questions, documents)
        image = F.relu(self.convolution(maps.flatten(0, 1)[:, None]))
        pooled = F.max_pool2d(image, self._fields).flatten(1)
        logits: Tensor = self.out(self.dropout(pooled))[:, 0]
        return logits.view(documents.shape[:2])

    def interaction(self, questions: Tensor, documents: Tensor) -> Tensor:
        """Similarity of every word of the questions ``[b, q]`` with every word of the documents ``[b, m, L]``: ``[b, m, q, L]``."""
        asked, solved = self._read(questions), self._read(documents)
        return torch.einsum("bqd,bmld->bmql", asked, solved)

    def _read(self, ids: Tensor) -> Tensor:
        vectors: Tensor = self.embedding(ids)
        return F.normalize(vectors, dim=-1) if self._cosine else vectors
