"""Late interaction: every word of a question looks for its best match in a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Doc, Env, Hits, Query, Range, Space
from bench.explanation import Explanation
from retrievers.neural.bag import Bag
from retrievers.neural.contrastive import Contrastive
from retrievers.neural.encoder import Encoder
from retrievers.neural.late import LateInteraction, TokenEncoder, TokenIndex, matches, read
from retrievers.neural.occlusion import Tokens
from retrievers.neural.runtime import pinned
from retrievers.neural.vocabulary import Sequences


@dataclass
class MaxSim(Contrastive):
    """Late interaction learned from pairs: the mean, over a question's words, of the best cosine with a word of the document.

    The words are read in context by the same encoder as ``gru``; each question word counts by a weight that starts as its IDF
    (ColBERT, Khattab & Zaharia 2020, whose words all count the same). Keeps a vector for every token of every document.
    """

    dimensions: int = 128
    hidden: int = 128
    """State of each direction of the GRU."""
    context: bool = True
    """Whether words are read in context; ``false`` compares learned word vectors alone, a soft BM25."""
    batch: int = 64
    temperature: float = 0.05
    epochs: int = 4

    mixed_lengths: ClassVar[bool] = True
    space: ClassVar[Space] = {**Contrastive.space, "dimensions": (64, 96, 128), "epochs": Range(2, 6)}

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        if self.hidden < 1:
            raise ValueError("hidden must be at least 1")

    def _encoder(self, vectors: Tensor, idf: Tensor) -> TokenEncoder:
        if self.context:
            return TokenEncoder(Encoder(vectors, idf, hidden=self.hidden, dropout=self.dropout))
        return TokenEncoder(Bag(vectors, idf), dropout=self.dropout)

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Encode every token of every document."""
        self._env = env
        with pinned(env):
            self._ready(env)
            model = self._late()
            texts = self._documents(corpus)
            self._tokens = TokenIndex(model, texts, env.device)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Encode the questions and compare token by token; a question without a known word gets no hits."""
        with pinned(self._env), torch.inference_mode():
            texts = self._questions(query.text for query in queries)
            asked = read(self._fitted().questions, texts, self._env.device)
            positions, scores = (part.cpu().numpy() for part in self._tokens.search(asked, k))
        return Hits(np.where(texts.lengths[:, None] > 0, positions, -1), scores)

    def _attributed(self, question: Tokens, document: Tokens) -> Explanation:
        return matches(self._fitted(), self._vocabulary, question, document, self._env.device)

    def _build(self, vectors: NDArray[np.float32]) -> LateInteraction:
        return LateInteraction(self._encoders(vectors), self.temperature, learn_temperature=self.learn_temperature)

    def _late(self) -> LateInteraction:
        model = self._fitted()
        if not isinstance(model, LateInteraction):
            raise TypeError(f"{type(model).__name__} compares no tokens")
        return model

    def _ranked(self, questions: Sequences, solutions: Sequences, k: int, device: str) -> Tensor:
        model = self._late()
        with torch.inference_mode():
            index = TokenIndex(model, solutions, device)
            return index.search(read(model.questions, questions, device), k)[0]
