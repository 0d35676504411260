"""The GRU dual encoder: questions and solutions become vectors, and the nearest solutions by cosine are the answer."""

from dataclasses import dataclass

from torch import Tensor

from retrievers.neural.dense import Dense
from retrievers.neural.encoder import Encoder


@dataclass
class GRU(Dense):
    """Dual encoder learned from pairs: bidirectional GRU with max pooling, plus the IDF-weighted mean of its word vectors.

    Its ancestor is the dual encoder of the 2018 talk (``gru-2018``). What made the difference: one encoder for both sides,
    the other solutions of a batch as negatives, word vectors from co-occurrence counts to start from, and the skip connection.
    """

    hidden: int = 128
    """State of each direction."""
    skip: bool = True
    """Add the weighted mean of the word vectors to what the GRU says."""

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if self.hidden < 1:
            raise ValueError("hidden must be at least 1")

    def _encoder(self, vectors: Tensor, idf: Tensor) -> Encoder:
        return Encoder(
            vectors,
            idf,
            hidden=self.hidden,
            dropout=self.dropout,
            skip=self.skip,
        )
