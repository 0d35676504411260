"""What the dual encoders have in common: questions and solutions become vectors, the nearest by cosine are the answer."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever
from bench.errors import DataError
from retrievers.neural import training
from retrievers.neural.cosine import top_k
from retrievers.neural.dual import DualEncoder, PairLoss
from retrievers.neural.encoder import TextEncoder, encode
from retrievers.neural.examples import Examples
from retrievers.neural.losses import in_batch_softmax
from retrievers.neural.negatives import Mined
from retrievers.neural.runtime import pinned, seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.training import Schedule
from retrievers.neural.vectors import random_vectors, word_vectors
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.text.analysis import Analyzer


@dataclass
class Dense(Retriever):
    """A dual encoder learned from pairs; a subclass says which encoder."""

    shared: bool = True
    """One encoder for questions and solutions; ``false`` learns one for each."""
    dimensions: int = 256
    init: Literal["cooccurrence", "random"] = "cooccurrence"
    """Word vectors to start from: of co-occurrence counts (PPMI, reduced by SVD), or random."""
    query_tokens: int = 24
    """Distinct tokens of a question that are read; the others are cut off."""
    document_tokens: int = 64
    min_count: int = 2
    buckets: int = 2048
    """Words rarer than ``min_count`` share so many vectors by hash, so that a word never learned still equals itself."""
    batch: int = 256
    epochs: int = 6
    learning_rate: float = 0.005
    temperature: float = 0.07
    """Of the softmax over the solutions of a batch; 0.15 where pairs are few and noisy, as in a forum."""
    learn_temperature: bool = False
    dropout: float = 0.1
    hard_negatives: int = 0
    """Solutions that BM25 ranks high for a question, added to its batch, for each pair."""
    stemmer: str = "english"
    stop: str = "none"
    split: bool = True

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    seeded: ClassVar[bool] = True
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        self._analyze = Analyzer(stemmer=self.stemmer, stop=self.stop, split=self.split)
        for name in ("dimensions", "query_tokens", "document_tokens", "min_count", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if min(self.buckets, self.hard_negatives) < 0:
            raise ValueError("buckets and hard_negatives cannot be negative")
        if not (self.temperature > 0 and self.learning_rate > 0 and 0 <= self.dropout < 1):
            raise ValueError("temperature and learning_rate must be above 0, dropout at least 0 and below 1")
        self._model: DualEncoder | None = None
        self.learned: dict[str, Any] = {}

    @abstractmethod
    def _encoder(self, vectors: Tensor, idf: Tensor) -> TextEncoder:
        """A fresh encoder with these word vectors ``[V, dimensions]`` and IDF weights ``[V]``."""

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Learn the encoder; the epoch with the best RR@10 among the dev documents is kept. DataError without pairs."""
        examples = Examples.of(train, self._analyze)
        if not len(examples.pairs):
            raise DataError("a dual encoder learns from question/solution pairs, and the training split has none")
        with seeded(env) as rng:
            env.progress(0.0, "counting words")
            self._vocabulary = Vocabulary.build(
                examples.questions + examples.solutions, min_count=self.min_count, buckets=self.buckets
            )
            texts = self._sequences(examples)
            self._model = self._build(self._initial_vectors(examples, texts, rng)).to(env.device)
            self.learned = {
                "pairs": len(examples.pairs),
                "vocabulary": len(self._vocabulary.words),
                **self._learn(examples, texts, self._dev_measure(dev, env), rng, env),
                "temperature": self._model.temperature.item(),
            }

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Encode every document."""
        self._env = env
        with pinned(env):
            model = self._ready(env)
            texts = self._read((doc.content for doc in corpus), self.document_tokens)
            self._vectors = encode(model.solutions, texts, env.device)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Encode the questions and rank by cosine; a question without a known word gets no hits."""
        with pinned(self._env), torch.inference_mode():
            texts = self._read((query.text for query in queries), self.query_tokens)
            asked = encode(self._fitted().questions, texts, self._env.device)
            positions, scores = (part.cpu().numpy() for part in top_k(asked, self._vectors, k))
        return Hits(np.where(texts.lengths[:, None] > 0, positions, -1), scores)

    def save(self, folder: Path) -> None:
        """Store weights, vocabulary and what fit chose."""
        facts = {"parameters": asdict(self), "vocabulary": asdict(self._vocabulary), "learned": self.learned}
        save_model(folder, self._fitted().state_dict(), facts)

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        tensors, facts = load_model(folder, asdict(self))
        self._vocabulary = Vocabulary.of(facts["vocabulary"])
        self.learned = facts["learned"]
        self._model = self._build(np.zeros((len(self._vocabulary), self.dimensions), dtype=np.float32))
        self._model.load_state_dict(tensors)

    def _learn(
        self,
        examples: Examples,
        texts: tuple[Sequences, Sequences],
        evaluate: Callable[[], float | None],
        rng: np.random.Generator,
        env: Env,
    ) -> dict[str, Any]:
        """Train the model on the pairs; returns the record of the training."""
        mined = Mined.of(examples, self._vocabulary, rng) if self.hard_negatives else None
        loss = PairLoss(
            self._fitted(),
            examples,
            texts,
            self._criterion(),
            device=env.device,
            rng=rng,
            negatives=mined,
            count=self.hard_negatives,
        )
        schedule = Schedule(self.epochs, self.learning_rate)
        return training.train(
            self._fitted(), lambda: loss.epoch(self.batch), loss, evaluate, schedule=schedule, env=env
        )

    def _criterion(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss of a batch, given the similarities ``[B, M]`` and which of them are no negatives though off the diagonal."""
        model = self._fitted()
        return lambda similarity, also: in_batch_softmax(similarity, model.temperature, also)

    def _dev_measure(self, dev: Pairs, env: Env) -> Callable[[], float | None]:
        examples = Examples.of(dev, self._analyze)
        questions, solutions = self._sequences(examples)

        def mean_rr() -> float | None:
            if not examples.questions:
                return None
            return examples.mean_rr(self._ranked(questions, solutions, 10, env.device).cpu().numpy())

        return mean_rr

    def _ranked(self, questions: Sequences, solutions: Sequences, k: int, device: str) -> Tensor:
        """Positions ``[Q, k]`` of the solutions nearest to each question."""
        model = self._fitted()
        asked, solved = encode(model.questions, questions, device), encode(model.solutions, solutions, device)
        return top_k(asked, solved, k)[0]

    def _build(self, vectors: NDArray[np.float32]) -> DualEncoder:
        tables = torch.from_numpy(vectors), torch.from_numpy(self._vocabulary.idf)
        encoders = [self._encoder(*tables) for _ in range(1 if self.shared else 2)]
        return DualEncoder(encoders, self.temperature, learn_temperature=self.learn_temperature)

    def _initial_vectors(
        self, examples: Examples, texts: tuple[Sequences, Sequences], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        size = len(self._vocabulary)
        if self.init == "random":
            return random_vectors(size, self.dimensions, rng)
        return word_vectors(*texts, examples.pairs, size=size, dimensions=self.dimensions, rng=rng)

    def _sequences(self, examples: Examples) -> tuple[Sequences, Sequences]:
        return (
            self._vocabulary.encode_all(examples.questions, self.query_tokens),
            self._vocabulary.encode_all(examples.solutions, self.document_tokens),
        )

    def _read(self, texts: Iterable[str], limit: int) -> Sequences:
        return self._vocabulary.encode_all(map(self._analyze, texts), limit)

    def _ready(self, env: Env) -> DualEncoder:
        """The model, where and how it is used from now on."""
        self._model = self._fitted().to(env.device).eval()
        return self._model

    def _fitted(self) -> DualEncoder:
        if self._model is None:
            raise DataError(f"{type(self).__name__} has learned nothing yet: fit or load it before index and search")
        return self._model
