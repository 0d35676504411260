"""The interaction CNN: how alike the words of a question and of a document are, read as an image."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.bag import Bag

CHANNELS = 4
SIGNALS = CHANNELS + 3
BINS = 4
"""Pooling leaves 4 x 4 places: where in the document, where in the question."""


class Words(NamedTuple):
    """What the words of a text put into a map: ids ``[..., W]``, unit vectors ``[..., W, D]``, IDF ``[..., W]`` of at most 1."""

    ids: Tensor
    vectors: Tensor
    idf: Tensor

    def rows(self, chosen: Tensor) -> "Words":
        """Some of the words of one text."""
        return Words(self.ids[chosen], self.vectors[chosen], self.idf[chosen])


class Lexicon(NamedTuple):
    """Vectors of length 1 ``[V, D]`` and IDF divided by its maximum ``[V]`` of every word."""

    vectors: Tensor
    idf: Tensor

    @classmethod
    def of(cls, bag: Bag, idf: Tensor) -> "Lexicon":
        """The vectors of a bag."""
        vectors = bag.embedding.weight.detach()
        return cls(F.normalize(vectors, dim=-1), (idf / idf.max().clamp_min(1e-6)).to(vectors.device))

    def look_up(self, ids: Tensor) -> Words:
        """The words with these ids."""
        return Words(ids, self.vectors[ids], self.idf[ids])


def interaction(document: Words, question: Words) -> Tensor:
    """Map ``[..., W, q, CHANNELS]`` of W words of a document with q of a question; 0 for padding.

    The channels are the cosine, exact match x IDF, cosine x IDF of the question's word, cosine x IDF of the document's.
    """
    cosine = document.vectors @ question.vectors.mT
    here, there = question.idf[..., None, :], document.idf[..., None]
    exact = (document.ids[..., None] == question.ids[..., None, :]) * here
    return torch.stack([cosine, exact, cosine * here, cosine * there], dim=-1)


class InteractionCNN(nn.Module):
    """Maps ``[n, L, q, CHANNELS]`` and signals ``[n, 3]`` -> logits ``[n]``; L and q are multiples of 16 and 4.

    Two convolutions (Pang et al., MatchPyramid, AAAI 2016) with max pooling along the document, then over 4 x 4 places, then
    two linear layers, which also see how well the best match of each question's word is on average, and the signals. The
    convolutions have no bias, so that padding stays 0 and no maximum notices it.
    """

    def __init__(self, filters: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS, filters, 3, padding=1, bias=False)
        self.second = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.mix = nn.Linear(filters * BINS * BINS + SIGNALS, hidden)
        self.out = nn.Linear(hidden, 1)
        self.direct = nn.Linear(SIGNALS, 1, bias=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, maps: Tensor, question_words: Tensor, signals: Tensor) -> Tensor:
        """Score; question_words ``[n, 1]`` is the number of real words of each question."""
        # Channels come last in memory, which suits oneDNN and cuDNN and makes the maxima run over whole cache lines.
        best = maps.amax(1).sum(1) / question_words
        signals = torch.cat([best, signals], 1)
        places = F.relu(_pooled(_convolved(self.first, maps), maps.shape[1] // BINS, maps.shape[2]))
        places = F.relu(_pooled(_convolved(self.second, places), BINS, BINS)).flatten(1)
        hidden = F.relu(self.mix(torch.cat([places, signals], 1)))
        logits: Tensor = (self.out(hidden) + self.direct(signals))[:, 0]
        return logits


def _convolved(layer: nn.Conv2d, image: Tensor) -> Tensor:
    """``[n, rows, columns, channels]`` in and out."""
    convolved: Tensor = layer(image.permute(0, 3, 1, 2))
    return convolved.permute(0, 2, 3, 1)


def _pooled(image: Tensor, rows: int, columns: int) -> Tensor:
    """The maximum of each of ``rows`` x ``columns`` equal fields.

    ``max_pool2d`` records where each maximum stood: good for the gradient, and a waste of time without one.
    """
    n, height, width, channels = image.shape
    if image.requires_grad:
        fields = (height // rows, width // columns)
        return F.max_pool2d(image.permute(0, 3, 1, 2), fields).permute(0, 2, 3, 1)
    image = image.reshape(n, rows, -1, width * channels).amax(2)
    if columns < width:
        image = image.reshape(n, rows, columns, -1, channels).amax(3)
    return image.reshape(n, rows, columns, channels)
