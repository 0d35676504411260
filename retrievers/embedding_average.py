"""The averaged shared embedding: the strong, cheap baseline that any other encoder must justify itself against."""

from dataclasses import dataclass

from torch import Tensor

from retrievers.neural.bag import Bag
from retrievers.neural.contrastive import Contrastive


@dataclass
class EmbeddingAverage(Contrastive):
    """Dual encoder learned from pairs whose text vector is the weighted mean of its words' vectors; weights start as IDF.

    Without recurrence it reads no order, and learns and encodes many times faster than ``gru`` (NBoW in CodeSearchNet, Husain
    et al. 2019; StarSpace, Wu et al. 2018).
    """

    dimensions: int = 512
    learning_rate: float = 0.01
    temperature: float = 0.05
    dropout: float = 0.2
    """Part of the words of a text left out while it learns."""

    def _encoder(self, vectors: Tensor, idf: Tensor) -> Bag:
        return Bag(vectors, idf, dropout=self.dropout)
