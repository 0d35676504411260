"""Texts prepared for the interaction CNN, and the CNN at work on the documents of a collection."""

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.bag import Bag
from retrievers.neural.encoder import encode
from retrievers.neural.interaction import InteractionCNN, Lexicon, interaction
from retrievers.neural.vocabulary import PAD, Sequences

TILE = 128
"""Documents read at once: their images (2 MB after the first convolution) stay in a core's cache."""


class Texts(NamedTuple):
    """words int32 ``[n, width]``, the first ones of each text; bags ``[n, D]``, mean vectors of all its words; lengths ``[n]``."""

    words: Tensor
    bags: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, texts: Sequences, width: int, bag: Bag, device: str) -> Self:
        """Prepare texts."""
        words = torch.from_numpy(texts.padded(np.arange(len(texts.lengths)), width)).to(device)
        return cls(words, encode(bag, texts, device), (words != PAD).sum(1))

    def rows(self, chosen: Tensor | slice) -> "Texts":
        """Some of the texts; an index ``[b, m]`` gives fields with both dimensions."""
        return Texts(self.words[chosen], self.bags[chosen], self.lengths[chosen])


def signals(questions: Texts, documents: Texts) -> Tensor:
    """What is known of pairs besides their maps ``[n, 3]``: cosine of the bags, size of the document and of the question."""
    cosine = (questions.bags * documents.bags).sum(-1)
    sizes = documents.lengths.float().log1p() / 4, questions.lengths.float().log1p() / 3  # about 1 for full texts
    return torch.stack([cosine, sizes[0], sizes[1].expand_as(cosine)], -1)


class Reader:
    """Reads documents of an indexed collection for one question at a time.

    A map is the same function of a pair of words wherever it occurs, so it is computed once for each distinct word of the
    documents; the map of a document is then only a lookup.
    """

    def __init__(self, lexicon: Lexicon, cnn: InteractionCNN, documents: Texts) -> None:
        self.documents = documents
        self._cnn = cnn
        self._lexicon = lexicon
        distinct, self._slots = torch.unique(documents.words, return_inverse=True)
        self._vocabulary = lexicon.look_up(distinct)

    def score(self, question: Texts, positions: NDArray[np.int64]) -> Tensor:
        """Logits ``[n]`` of the documents at these positions for one question (``Texts`` of one row)."""
        chosen = torch.from_numpy(np.ascontiguousarray(positions)).to(self._slots.device)
        words, slots = self._vocabulary, self._slots[chosen]
        if slots.numel() < len(words.ids):
            distinct, slots = torch.unique(slots, return_inverse=True)
            words = words.rows(distinct)
        table = interaction(words, self._lexicon.look_up(question.words[0]))
        tiles = [slice(start, start + TILE) for start in range(0, len(chosen), TILE)]
        logits = [self._read(table, slots[tile], self.documents.rows(chosen[tile]), question) for tile in tiles]
        return torch.cat(logits) if logits else torch.zeros(0, device=chosen.device)

    def _read(self, table: Tensor, slots: Tensor, documents: Texts, question: Texts) -> Tensor:
        maps = F.embedding(slots, table.flatten(1)).view(*slots.shape, *table.shape[1:])
        logits: Tensor = self._cnn(maps, question.lengths.clamp_min(1)[:, None], signals(question, documents))
        return logits
