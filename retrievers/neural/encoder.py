"""The text encoder: word vectors, a bidirectional GRU with max pooling, and a skip connection around it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.batches import inference_batches
from retrievers.neural.runtime import autocast
from retrievers.neural.vocabulary import PAD, Sequences

TOKENS_AT_ONCE = 1 << 14
"""Tokens of a batch in inference: enough to keep the products efficient, few enough to keep the states in the cache."""


class TextEncoder(nn.Module):
    """Ids ``[L, B]``, each column padded with ``PAD`` at its end -> unit vectors ``[B, dimensions]``, 0 for an empty text."""

    embedding: nn.Embedding


class Encoder(TextEncoder):
    """A bidirectional GRU with max pooling and a linear layer.

    With ``skip`` its output starts small and is added to the weighted mean of the word vectors, the weights starting as IDF: at
    first the encoder is a good bag of words, and the GRU learns what that misses.
    """

    def __init__(self, vectors: Tensor, idf: Tensor, *, hidden: int, dropout: float = 0.0, skip: bool = True) -> None:
        super().__init__()
        dimensions = vectors.shape[1]
        self.embedding = nn.Embedding(len(vectors), dimensions, padding_idx=PAD, _weight=vectors.clone())
        self.weight = nn.Parameter(idf.clone()) if skip else None
        self.forwards = nn.GRU(dimensions, hidden)
        self.backwards = nn.GRU(dimensions, hidden)
        self.project = nn.Linear(2 * hidden, dimensions)
        self.dropout = nn.Dropout(dropout)
        if skip:
            with torch.no_grad():
                self.project.weight *= 0.3
                self.project.bias.zero_()

    def forward(self, ids: Tensor) -> Tensor:
        """Encode; the padding of a batch does not touch the result."""
        real = ids != PAD
        # The backward direction reads each text reversed within its own length: both directions start at a real word and
        # padding comes last. Pooling does not mind the order.
        reverse = (real.sum(0) - 1 - torch.arange(len(ids), device=ids.device)[:, None]).clamp_min(0)
        words, mirrored = self._dropped(self.embedding(torch.stack([ids, ids.gather(0, reverse)]))).unbind()
        states = torch.cat([_pool(self.forwards(words)[0], real), _pool(self.backwards(mirrored)[0], real)], -1)
        output = self.project(self.dropout(states)).float()
        if self.weight is not None:
            weights = self.weight[ids] * real
            mean = torch.einsum("lb,lbe->be", weights, words).float()
            output = output + mean / weights.sum(0)[:, None].clamp_min(1e-6)
        unit: Tensor = F.normalize(output, dim=-1) * real.any(0)[:, None]
        return unit

    def _dropped(self, words: Tensor) -> Tensor:
        """Dropout with one mask for all positions of a text (Gal & Ghahramani 2016), also far cheaper to draw."""
        if not (self.training and self.dropout.p):
            return words
        mask: Tensor = self.dropout(words.new_ones(words.shape[2:]))
        return words * mask


def encode(encoder: TextEncoder, texts: Sequences, device: str) -> Tensor:
    """Vectors ``[n, dimensions]`` float32 on the device, in the order of the texts."""
    vectors = torch.empty((len(texts.lengths), encoder.embedding.embedding_dim), device=device)
    with torch.inference_mode(), autocast(device):
        for rows in inference_batches(texts.lengths, TOKENS_AT_ONCE):
            vectors[torch.from_numpy(rows).to(device)] = encoder(columns(texts, rows, device))
    return vectors


def columns(texts: Sequences, rows: NDArray[np.int64], device: str) -> Tensor:
    """The chosen texts as the ids ``[L, B]`` that an encoder reads; ``L`` is at least 1."""
    width = max(1, int(texts.lengths[rows].max(initial=0)))
    return torch.from_numpy(texts.padded(rows, width).T.astype(np.int64)).to(device)


def _pool(states: Tensor, real: Tensor) -> Tensor:
    return states.masked_fill(~real[..., None], -1).amax(0)  # a GRU's states lie within (-1, 1)
