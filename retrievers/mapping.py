"""Questions mapped into a space that was there before: that of the solutions' word vectors."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrievers.neural.bag import Bag
from retrievers.neural.dense import Dense
from retrievers.neural.dual import Task
from retrievers.neural.encoder import Encoder, TextEncoder


@dataclass
class Mapping(Dense):
    """Learns to say where the solution of a question lies among fixed vectors: IDF-weighted means of the solutions' words.

    The code-search study's way (Husain & Wu 2018, "How To Create Natural Language Semantic Search For Arbitrary Objects With
    Deep Learning"), whose vectors were those of a language model: regression by ``1 - cos(f(question), v(solution))``. No
    other solution is seen, so nothing is learned about telling solutions apart. The vectors do not change in learning: they come
    from the words' co-occurrence, or with ``vectors`` from a file.
    """

    encoder: Literal["gru", "average"] = "gru"
    """What reads the question: a bidirectional GRU, to which the mean of its word vectors is added, or that mean alone."""
    hidden: int = 128
    """State of each direction of the GRU."""
    shared: bool = False

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if self.shared:
            raise ValueError("shared cannot be true: questions are mapped, solutions stay where they are")
        if self.hidden < 1:
            raise ValueError("hidden must be at least 1")

    def _encoder(self, vectors: Tensor, idf: Tensor) -> TextEncoder:
        if self.encoder == "average":
            return Bag(vectors, idf, dropout=self.dropout)
        return Encoder(vectors, idf, hidden=self.hidden, dropout=self.dropout)

    def _encoders(self, vectors: NDArray[np.float32]) -> list[TextEncoder]:
        tables = torch.from_numpy(vectors), torch.from_numpy(self._vocabulary.idf)
        return [self._encoder(*tables), Bag(*tables).requires_grad_(requires_grad=False)]

    def _learn(self, task: Task) -> dict[str, Any]:
        return self._trained(task, distance, stage="mapping")


def distance(cosines: Tensor, _: Tensor) -> Tensor:
    """Mean of ``1 - cos`` over the pairs, which stand in the diagonal."""
    return 1 - cosines.diagonal().float().mean()
