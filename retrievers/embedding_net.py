"""A small net over two concatenated embeddings, as recommenders are taught."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.means import Mean
from retrievers.neural.pointwise import Network, Pointwise
from retrievers.neural.vocabulary import Vocabulary


@dataclass
class EmbeddingNet(Pointwise):
    """Scores a pair by a small net over the concatenated means of its word embeddings (fast.ai's EmbeddingNet).

    One hidden layer of rectified units between the embeddings of question and solution and the score. It has to learn from the
    pairs even that a word resembles itself.
    """

    hidden: int = 64

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if self.hidden < 1:
            raise ValueError("hidden must be at least 1")

    def _built(self, vocabulary: Vocabulary) -> "Net":
        return Net(len(vocabulary), self.dimensions, self.hidden, dropout=self.dropout)


class Net(Network):
    """``w . relu(A q + B d + a) + b``: the first layer over ``[q; d]``, written as a layer for each side.

    What that layer makes of a document does not depend on the question, so it is kept in place of the document.
    """

    def __init__(self, words: int, dimensions: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        self.sides = nn.ModuleList([Mean(words, dimensions, scale=1.0), Mean(words, dimensions, scale=1.0)])
        self.first = nn.ModuleList([nn.Linear(dimensions, hidden), nn.Linear(dimensions, hidden, bias=False)])
        self.out = nn.Linear(hidden, 1)
        self.dropout = nn.Dropout(dropout)

    def questions(self, ids: Tensor) -> Tensor:
        """``[n, hidden]``."""
        return self._side(0, ids)

    def documents(self, ids: Tensor) -> Tensor:
        """``[n, hidden]``."""
        return self._side(1, ids)

    def match(self, questions: Tensor, documents: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.out(F.relu(questions[:, None] + documents))[..., 0]
        return logits

    def _side(self, side: int, ids: Tensor) -> Tensor:
        layer: Tensor = self.first[side](self.dropout(self.sides[side](ids)))
        return layer
