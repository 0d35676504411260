"""The dual encoder: questions and solutions become vectors, and the nearest solutions by cosine are the answer."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever
from bench.errors import DataError
from retrievers.neural import training
from retrievers.neural.cosine import top_k
from retrievers.neural.dual import DualEncoder, PairLoss
from retrievers.neural.encoder import Encoder, encode
from retrievers.neural.examples import Examples
from retrievers.neural.runtime import pinned, seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.training import Schedule
from retrievers.neural.vectors import random_vectors, word_vectors
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.text.analysis import Analyzer


@dataclass
class GRU(Retriever):
    """Dual encoder learned from pairs: bidirectional GRU with max pooling, plus the IDF-weighted mean of its word vectors.

    shared: one encoder for questions and solutions; ``false`` learns one for each. skip: add the weighted mean of the word
    vectors. init: word vectors from co-occurrence counts (PPMI), or random. loss: softmax over the batch, or one of the two
    losses of the 2018 talk; its whole recipe is ``gru:shared=false:skip=false:init=random:loss=hinge2018``.
    query_tokens, document_tokens: distinct tokens read, the others are cut off. min_count: rarer words share ``buckets``
    vectors by hash, so that a word never learned still equals itself.
    """

    shared: bool = True
    skip: bool = True
    init: Literal["cooccurrence", "random"] = "cooccurrence"
    loss: Literal["softmax", "hinge2018", "logistic2018"] = "softmax"
    dimensions: int = 256
    hidden: int = 128
    query_tokens: int = 24
    document_tokens: int = 64
    min_count: int = 2
    buckets: int = 2048
    batch: int = 256
    epochs: int = 6
    learning_rate: float = 0.005
    temperature: float = 0.07
    learn_temperature: bool = False
    dropout: float = 0.1
    stemmer: str = "english"
    stop: str = "none"
    split: bool = True

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    seeded: ClassVar[bool] = True
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        self._analyze = Analyzer(stemmer=self.stemmer, stop=self.stop, split=self.split)
        sizes = ("dimensions", "hidden", "query_tokens", "document_tokens", "min_count", "batch", "epochs")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if not (self.temperature > 0 and self.learning_rate > 0 and 0 <= self.dropout < 1):
            raise ValueError("temperature and learning_rate must be above 0, dropout at least 0 and below 1")
        self._model: DualEncoder | None = None
        self.learned: dict[str, Any] = {}

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Learn the encoder; the epoch with the best RR@10 among the dev documents is kept. DataError without pairs."""
        examples = Examples.of(train, self._analyze)
        if not len(examples.pairs):
            raise DataError("gru learns from question/solution pairs, and the training split has none")
        with seeded(env) as rng:
            env.progress(0.0, "counting words")
            self._vocabulary = Vocabulary.build(
                examples.questions + examples.solutions, min_count=self.min_count, buckets=self.buckets
            )
            texts = self._sequences(examples)
            vectors = self._initial_vectors(examples, texts, rng)
            self._model = self._build(vectors, self._vocabulary.idf).to(env.device)
            batches = PairLoss(self._model, examples, texts, kind=self.loss, device=env.device, rng=rng)
            self.learned = {
                "pairs": len(examples.pairs),
                "vocabulary": len(self._vocabulary.words),
                **training.train(
                    self._model,
                    lambda: batches.epoch(self.batch),
                    batches,
                    self._dev_measure(dev, env),
                    schedule=Schedule(self.epochs, self.learning_rate),
                    env=env,
                ),
                "temperature": self._model.temperature.item(),
            }

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Encode every document."""
        self._env = env
        with pinned(env):
            model = self._fitted().to(env.device).eval()
            tokens = (self._analyze(doc.content) for doc in corpus)
            texts = self._vocabulary.encode_all(tokens, self.document_tokens)
            self._vectors = encode(model.solutions, texts, env.device)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Encode the questions and rank by cosine; a question without a known word gets no hits."""
        with pinned(self._env), torch.inference_mode():
            tokens = (self._analyze(query.text) for query in queries)
            texts = self._vocabulary.encode_all(tokens, self.query_tokens)
            positions, scores = top_k(encode(self._fitted().questions, texts, self._env.device), self._vectors, k)
        found = np.where(texts.lengths[:, None] > 0, positions.cpu().numpy(), -1)
        return Hits(found, scores.cpu().numpy())

    def save(self, folder: Path) -> None:
        """Store weights, vocabulary and what fit chose."""
        facts = {"parameters": asdict(self), "vocabulary": asdict(self._vocabulary), "learned": self.learned}
        save_model(folder, self._fitted().state_dict(), facts)

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        tensors, facts = load_model(folder, asdict(self))
        self._vocabulary = Vocabulary.of(facts["vocabulary"])
        self.learned = facts["learned"]
        size = len(self._vocabulary)
        self._model = self._build(np.zeros((size, self.dimensions), dtype=np.float32), self._vocabulary.idf)
        self._model.load_state_dict(tensors)

    def _sequences(self, examples: Examples) -> tuple[Sequences, Sequences]:
        return (
            self._vocabulary.encode_all(examples.questions, self.query_tokens),
            self._vocabulary.encode_all(examples.solutions, self.document_tokens),
        )

    def _initial_vectors(
        self, examples: Examples, texts: tuple[Sequences, Sequences], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        size = len(self._vocabulary)
        if self.init == "random":
            return random_vectors(size, self.dimensions, rng)
        return word_vectors(*texts, examples.pairs, size=size, dimensions=self.dimensions, rng=rng)

    def _build(self, vectors: NDArray[np.float32], idf: NDArray[np.float32]) -> DualEncoder:
        encoders = [
            Encoder(
                torch.from_numpy(vectors),
                torch.from_numpy(idf),
                hidden=self.hidden,
                dropout=self.dropout,
                skip=self.skip,
            )
            for _ in range(1 if self.shared else 2)
        ]
        return DualEncoder(encoders, self.temperature, learn_temperature=self.learn_temperature)

    def _dev_measure(self, dev: Pairs, env: Env) -> Callable[[], float | None]:
        examples = Examples.of(dev, self._analyze)
        questions, solutions = self._sequences(examples)
        model = self._fitted()

        def mean_rr() -> float | None:
            if not examples.questions:
                return None
            asked, solved = (
                encode(model.questions, questions, env.device),
                encode(model.solutions, solutions, env.device),
            )
            return examples.mean_rr(top_k(asked, solved, 10)[0].cpu().numpy())

        return mean_rr

    def _fitted(self) -> DualEncoder:
        if self._model is None:
            raise DataError("gru has learned nothing yet: fit or load it before index and search")
        return self._model
