"""The mean of a text's word embeddings, padding left out."""

import torch
from torch import Tensor, nn

from retrievers.neural.vocabulary import PAD


class Mean(nn.Module):
    """Ids ``[n, width]`` -> the mean of the rows of an embedding of so many dimensions ``[n, dimensions]``; 0 without words."""

    def __init__(self, words: int, dimensions: int, *, scale: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, dimensions, padding_idx=PAD)
        with torch.no_grad():
            self.embedding.weight *= scale

    def forward(self, ids: Tensor) -> Tensor:
        """The mean."""
        real = (ids != PAD).sum(1, keepdim=True).clamp_min(1)
        mean: Tensor = self.embedding(ids).sum(1) / real
        return mean
