"""The plainest encoder, the weighted mean of a text's word vectors, and how it is learned from pairs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from bench.api import Env
from retrievers.neural.dual import DualEncoder, PairLoss, Task
from retrievers.neural.encoder import TextEncoder
from retrievers.neural.examples import Examples
from retrievers.neural.losses import in_batch_softmax
from retrievers.neural.training import Schedule, train
from retrievers.neural.vectors import word_vectors
from retrievers.neural.vocabulary import PAD, Sequences, Vocabulary

BATCH, LEARNING_RATE, DROPOUT, TEMPERATURE = 256, 0.01, 0.2, 0.05


class Bag(TextEncoder):
    """The weighted mean.

    Vectors and weights are both learned, the weights starting as IDF. dropout: part of the words left out while it learns.
    """

    def __init__(self, vectors: Tensor, idf: Tensor, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(vectors), vectors.shape[1], padding_idx=PAD, _weight=vectors.clone())
        self.weight = nn.Parameter(idf.clone())
        self.dropout = dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Encode."""
        if self.training and self.dropout:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.dropout, PAD)
        weights = self.weight[ids] * (ids != PAD)
        total = F.embedding_bag(ids.T, self.embedding.weight, per_sample_weights=weights.T, mode="sum")
        return F.normalize(total, dim=-1)


def learn_bag(
    examples: Examples,
    texts: tuple[Sequences, Sequences],
    vocabulary: Vocabulary,
    evaluate: Callable[[Bag], float | None],
    *,
    dimensions: int,
    epochs: int,
    rng: np.random.Generator,
    env: Env,
) -> tuple[Bag, dict[str, Any]]:
    """A bag learned from the pairs of the examples by in-batch softmax, and the record of its training."""
    vectors: NDArray[np.float32] = word_vectors(
        *texts, examples.pairs, size=len(vocabulary), dimensions=dimensions, rng=rng
    )
    bag = Bag(torch.from_numpy(vectors), torch.from_numpy(vocabulary.idf), dropout=DROPOUT).to(env.device)
    model = DualEncoder([bag], TEMPERATURE, learn_temperature=False).to(env.device)
    task = Task(examples, texts, lambda: evaluate(bag), rng, env)
    loss = PairLoss(model, task, lambda similarity, also: in_batch_softmax(similarity, model.temperature, also))
    schedule = Schedule(epochs, LEARNING_RATE)
    record = train(model, lambda: loss.epoch(BATCH), loss, task.evaluate, schedule=schedule, env=env, rng=rng)
    return bag.eval(), record
