"""The text encoder: word vectors, a GRU of one or both directions with pooling, and a skip connection around it."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.batches import inference_batches
from retrievers.neural.packed import Packed
from retrievers.neural.pooling import Pool, Pooling
from retrievers.neural.recurrent import Layers, project, states, states_by_module
from retrievers.neural.runtime import autocast
from retrievers.neural.vocabulary import PAD, Sequences

TOKENS_AT_ONCE = 1 << 13
"""Tokens of a batch in inference: enough to keep the products efficient, few enough to keep the states in the cache."""
TOKENS_PREPARED = 1 << 20
"""Tokens of the texts whose distinct words an encoder prepares together."""


class TextEncoder(nn.Module):
    """Ids ``[L, B]``, each column padded with ``PAD`` at its end -> unit vectors ``[B, dimensions]``, 0 for an empty text."""

    embedding: nn.Embedding

    def prepared(self, words: Tensor) -> Callable[[Tensor], Tensor]:  # noqa: ARG002 - others have something to prepare
        """The encoder for texts that hold no other words than these ``[U]``, without gradients."""
        return self


class Words(NamedTuple):
    """Distinct words: their vectors ``[U, E]``, and what the GRU's gates receive from them ``[D, U, 3 H]``, None where the GRU multiplies them itself."""

    ids: Tensor
    vectors: Tensor
    received: Tensor | None


class Encoder(TextEncoder):
    """A GRU with pooling and a linear layer.

    With ``skip`` its output starts small and is added to the weighted mean of the word vectors, the weights starting as IDF: at
    first the encoder is a good bag of words, and the GRU learns what that misses.

    Words are looked up, dropped out and multiplied by the GRU's input weights once, however often they stand in the batch.
    Dropout of the word vectors is therefore tied to the word (as in Gal & Ghahramani 2016, section 4.2): the same
    dimensions of a word are dropped wherever it stands.
    """

    def __init__(
        self,
        vectors: Tensor,
        idf: Tensor,
        *,
        hidden: int,
        dropout: float = 0.0,
        skip: bool = True,
        layers: int = 1,
        bidirectional: bool = True,
        pooling: Pooling = "max",
    ) -> None:
        super().__init__()
        dimensions = vectors.shape[1]
        self.embedding = nn.Embedding(len(vectors), dimensions, padding_idx=PAD, _weight=vectors.clone())
        self.weight = nn.Parameter(idf.clone()) if skip else None
        self.gru = Layers(
            dimensions, hidden, layers, bidirectional=bidirectional, dropout=dropout if layers > 1 else 0.0
        )
        width = hidden * (1 + bidirectional)
        self.pool = Pool(pooling, width)
        self.project = nn.Linear(width, dimensions)
        self.dropout = nn.Dropout(dropout)
        if skip:
            with torch.no_grad():
                self.project.weight *= 0.3
                self.project.bias.zero_()

    def forward(self, ids: Tensor) -> Tensor:
        """Encode; the padding of a batch does not touch the result."""
        packed = Packed.of(ids)
        return self._vectors(packed, *self._distinct(packed))

    def prepared(self, words: Tensor) -> Callable[[Tensor], Tensor]:
        """The encoder for texts that hold no other words than these ``[U]``: their share of the products is done here, once."""
        known = self._words(words)
        rows = torch.zeros(self.embedding.num_embeddings, dtype=torch.int64, device=words.device)
        rows[words] = torch.arange(len(words), device=words.device)

        def read(ids: Tensor) -> Tensor:
            packed = Packed.of(ids)
            return self._vectors(packed, known, rows[packed.ids])

        return read

    def token_states(self, ids: Tensor) -> Tensor:
        """States of the tokens ``[L, B, D H]``, forwards first; 0 where a text has ended."""
        packed = Packed.of(ids)
        return packed.padded(packed.token_order(self._states(packed, *self._distinct(packed))))

    def token_vectors(self, ids: Tensor) -> Tensor:
        """Unit vectors of the tokens ``[L, B, dimensions]``, 0 where a text has ended; for late interaction.

        The linear layer of the token's state, and with ``skip`` the word's own vector added.
        """
        packed = Packed.of(ids)
        words, rows = self._distinct(packed)
        tokens = packed.token_order(self._states(packed, words, rows))
        output = self.project(self.dropout(tokens)).to(tokens.dtype)
        if self.weight is not None:
            output = output + words.vectors[rows]
        return packed.padded(F.normalize(output, dim=-1))

    def contributions(self, ids: Tensor) -> Tensor:
        """Part of each token in the pooled state ``[L, B]``: at least 0, sums to 1 over a text, 0 where it has ended.

        For max pooling the part of the state's dimensions that the token decides, for attention its weight (see ``Pool``). The
        skip connection is not in it: there a token counts by its ``weight``.
        """
        packed = Packed.of(ids)
        return self.pool.contributions(self._states(packed, *self._distinct(packed)), packed)

    def _distinct(self, packed: Packed) -> tuple[Words, Tensor]:
        distinct, rows = torch.unique(packed.ids, return_inverse=True)
        return self._words(distinct), rows

    def _words(self, ids: Tensor) -> Words:
        vectors = self.dropout(self.embedding(ids))
        return Words(ids, vectors, None if ids.is_cuda else project(self.gru.together()[0], vectors))

    def _states(self, packed: Packed, words: Words, rows: Tensor) -> Tensor:
        if words.received is None:
            return states_by_module(self.gru, packed, words.vectors[rows])
        return states(self.gru, packed, words.received, rows)

    def _vectors(self, packed: Packed, words: Words, rows: Tensor) -> Tensor:
        pooled = self.pool(self._states(packed, words, rows), packed)
        output = self.project(self.dropout(pooled)).to(pooled.dtype)
        if self.weight is not None:
            weights = self.weight[words.ids][rows]
            total = F.embedding_bag(rows, words.vectors, packed.starts, mode="sum", per_sample_weights=weights)
            weight = weights.new_zeros(len(packed.lengths)).index_add(0, packed.texts, weights)
            output = output + total / weight[:, None].clamp_min(1e-6)
        unit: Tensor = F.normalize(output, dim=-1) * (packed.lengths > 0)[:, None]
        return unit


def encode(encoder: TextEncoder, texts: Sequences, device: str) -> Tensor:
    """Vectors ``[n, dimensions]`` float32 on the device, in the order of the texts."""
    vectors = torch.empty((len(texts.lengths), encoder.embedding.embedding_dim), device=device)
    with torch.inference_mode(), autocast(device):
        for group in _groups(texts.lengths):
            read: Callable[[Tensor], Tensor] = encoder
            if type(encoder).prepared is not TextEncoder.prepared:
                words = np.unique(
                    np.concatenate([texts.flat[texts.starts[i] : texts.starts[i + 1]] for i in chain(*group)])
                )
                read = encoder.prepared(torch.from_numpy(words.astype(np.int64)).to(device))
            for rows in group:
                vectors[torch.from_numpy(rows).to(device)] = read(columns(texts, rows, device))
    return vectors


def columns(texts: Sequences, rows: NDArray[np.int64], device: str) -> Tensor:
    """The chosen texts as the ids ``[L, B]`` that an encoder reads; ``L`` is at least 1."""
    width = max(1, int((texts.starts[rows + 1] - texts.starts[rows]).max(initial=0)))
    return torch.from_numpy(texts.padded(rows, width).T.astype(np.int64)).to(device)


def _groups(lengths: NDArray[np.int64]) -> Iterator[list[NDArray[np.int64]]]:
    """Batches, in groups that are prepared together."""
    group: list[NDArray[np.int64]] = []
    for rows in inference_batches(lengths, TOKENS_AT_ONCE):
        group.append(rows)
        if sum(int(lengths[part].sum()) for part in group) >= TOKENS_PREPARED:
            yield group
            group = []
    if group:
        yield group
