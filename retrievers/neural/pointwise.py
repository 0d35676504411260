"""Scorers learned one pair at a time: a question with its solution is right, with solutions drawn at random it is wrong."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from bench.api import Doc, Env, Pairs, Query, Range, Scorer, Space
from bench.errors import DataError
from retrievers.neural import training
from retrievers.neural.examples import Examples
from retrievers.neural.runtime import pinned, seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.training import Schedule
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import compile_reading

DEV_QUESTIONS, DEV_SOLUTIONS = 400, 100
"""The measure on dev ranks each question's solutions among so many drawn at random."""
AT_ONCE = 1 << 12
"""Documents prepared together."""
MATCHED = 1 << 10
"""Documents matched with a question together: what a convolution makes of each takes some 100 KB."""


class Network(nn.Module):
    """What scores a pair. Texts are ids ``[n, width]``, padded with ``PAD``."""

    @abstractmethod
    def questions(self, ids: Tensor) -> Tensor:
        """What is kept of questions, a row for each."""

    @abstractmethod
    def documents(self, ids: Tensor) -> Tensor:
        """What is kept of documents, a row for each."""

    @abstractmethod
    def match(self, questions: Tensor, documents: Tensor) -> Tensor:
        """Logits ``[b, m]`` of what is kept of questions ``[b, ...]`` and of m documents for each ``[b, m, ...]``."""


class Batch(NamedTuple):
    """Questions ``[b]``, solutions ``[b, 1 + n]`` with the right one first, and which of the others are right too."""

    questions: NDArray[np.int64]
    solutions: NDArray[np.int64]
    ignored: NDArray[np.bool_]


@dataclass
class Pointwise(Scorer):
    """A scorer learned from pairs and random negatives; a subclass says which network."""

    dimensions: int = 128
    query_tokens: int = 24
    """Distinct tokens of a question that are read; the others are cut off."""
    document_tokens: int = 64
    min_count: int = 2
    buckets: int = 2048
    """Words rarer than ``min_count`` share so many vectors by hash."""
    negatives: int = 5
    """Solutions drawn at random for each pair."""
    batch: int = 64
    epochs: int = 5
    learning_rate: float = 0.01
    dropout: float = 0.1
    probability: bool = False
    """Scores are probabilities (the sigmoid of the logit) instead of logits; the ranking is the same."""
    stemmer: str = "english"
    stop: str = "english"
    split: bool = True

    space: ClassVar[Space] = {
        "learning_rate": Range(0.001, 0.05, log=True),
        "epochs": Range(2, 20),
        "negatives": Range(1, 10),
        "dropout": Range(0, 0.4),
        "dimensions": (64, 128, 256),
    }
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    seeded: ClassVar[bool] = True
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        self._analyze = Analyzer(stemmer=self.stemmer, stop=self.stop, split=self.split)
        for name in ("dimensions", "query_tokens", "document_tokens", "min_count", "negatives", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.buckets < 0 or not (0 < self.learning_rate < math.inf and 0 <= self.dropout < 1):
            raise ValueError(
                "buckets cannot be negative, learning_rate must be above 0, dropout at least 0 and below 1"
            )
        self._network: Network | None = None
        self.learned: dict[str, Any] = {}

    @abstractmethod
    def _built(self, vocabulary: Vocabulary) -> Network:
        """A fresh network."""

    def _begin(self, network: Network, examples: Examples, rng: np.random.Generator) -> None:
        """What a network knows before it learns; by default nothing."""

    def prepare(self, env: Env) -> None:  # noqa: ARG002 - the same everywhere
        """Compile what reads the documents."""
        compile_reading()

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Learn; the epoch that ranks dev solutions best among random ones is kept. DataError without pairs."""
        examples, unseen = (Examples.of(part, self._analyze, env.cache) for part in (train, dev))
        if not len(examples.pairs):
            raise DataError("a scorer learns from question/solution pairs, and the training split has none")
        with seeded(env) as rng:
            texts = examples.questions + examples.solutions
            self._vocabulary = Vocabulary.build(texts, min_count=self.min_count, buckets=self.buckets)
            network = self._built(self._vocabulary)
            self._begin(network, examples, rng)
            self._network = network.to(env.device)
            drawn = Drawn(examples, self.negatives, rng)
            read = self._ids(examples.questions), self._ids(examples.solutions, documents=True)

            def loss(batch: Batch) -> Tensor:
                logits = self._logits(*read, batch.questions, batch.solutions, env.device)
                return self._loss(logits, torch.from_numpy(batch.ignored).to(env.device))

            record = training.train(
                self._network,
                lambda: drawn.epoch(self.batch),
                loss,
                self._dev_measure(unseen, env),
                schedule=Schedule(self.epochs, self.learning_rate),
                env=env,
                rng=rng,
                pool=f"for each question {DEV_SOLUTIONS} dev documents drawn at random, and its own",
            )
        counts = {"pairs": len(examples.pairs), "vocabulary": len(self._vocabulary.words)}
        self.learned = {**counts, **record}

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Prepare every document."""
        self._env = env
        with pinned(env), torch.inference_mode():
            self._network = self._fitted().to(env.device).eval()
            read = self._vocabulary.read((doc.content for doc in corpus), self._analyze, self.document_tokens)
            texts = _padded(read, self.document_tokens)
            ids = torch.from_numpy(texts)
            parts = [self._network.documents(part.to(env.device)) for part in torch.split(ids, AT_ONCE)]
            self._documents = torch.cat(parts) if len(corpus) else self._network.documents(ids.to(env.device))

    def score(self, queries: Sequence[Query], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits, or probabilities, of the candidates of each question; -inf for a pad."""
        scores = np.full(positions.shape, -np.inf, dtype=np.float32)
        with pinned(self._env), torch.inference_mode():
            network = self._fitted()
            ids = torch.from_numpy(self._ids([self._analyze(query.text) for query in queries]))
            asked = network.questions(ids.to(self._env.device))
            for row, candidates in enumerate(positions):
                real = candidates >= 0
                chosen = torch.from_numpy(candidates[real]).to(self._env.device)
                parts = torch.split(chosen, MATCHED)
                logits = torch.cat(
                    [network.match(asked[row : row + 1], self._documents[part][None])[0] for part in parts]
                )
                scores[row, real] = (logits.sigmoid() if self.probability else logits).cpu().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Store weights, vocabulary and what fit chose."""
        facts = {"parameters": asdict(self), "vocabulary": asdict(self._vocabulary), "learned": self.learned}
        save_model(folder, self._fitted().state_dict(), facts)

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        tensors, facts = load_model(folder, asdict(self))
        self._vocabulary = Vocabulary.of(facts["vocabulary"])
        self.learned = facts["learned"]
        self._network = self._built(self._vocabulary)
        self._network.load_state_dict(tensors)

    def _loss(self, logits: Tensor, ignored: Tensor) -> Tensor:
        """Binary cross-entropy: of ``[b, 1 + n]`` logits the first is right, the others are wrong unless ignored."""
        right = torch.zeros_like(logits)
        right[:, 0] = 1
        return F.binary_cross_entropy_with_logits(logits, right, weight=(~ignored).float(), reduction="sum") / len(
            logits
        )

    def _logits(
        self,
        questions: NDArray[np.int64],
        solutions: NDArray[np.int64],
        asked: NDArray[np.int64],
        candidates: NDArray[np.int64],
        device: str,
    ) -> Tensor:
        network = self._fitted()
        kept = network.documents(torch.from_numpy(solutions[candidates.ravel()]).to(device))
        return network.match(
            network.questions(torch.from_numpy(questions[asked]).to(device)),
            kept.view(*candidates.shape, *kept.shape[1:]),
        )

    def _dev_measure(self, unseen: Examples, env: Env) -> Callable[[], float | None]:
        few = unseen.sample(DEV_QUESTIONS)
        read = self._ids(few.questions), self._ids(few.solutions, documents=True)
        rng = np.random.default_rng(0)
        relevance = few.relevance()
        candidates = [
            np.union1d(relevance[[row]].indices, rng.permutation(len(few.solutions))[:DEV_SOLUTIONS])
            for row in range(len(few.questions))
        ]

        def mean_rr() -> float | None:
            if not candidates:
                return None
            found = np.full((len(candidates), 10), -1)
            with torch.inference_mode():
                for row, chosen in enumerate(candidates):
                    logits = self._logits(*read, np.array([row]), chosen[None], env.device)[0].cpu().numpy()
                    best = chosen[np.argsort(-logits, kind="stable")[:10]]
                    found[row, : len(best)] = best
            return few.mean_rr(found)

        return mean_rr

    def _ids(self, texts: Iterable[list[str]], *, documents: bool = False) -> NDArray[np.int64]:
        limit = self.document_tokens if documents else self.query_tokens
        return _padded(self._vocabulary.encode_all(texts, limit), limit)

    def _fitted(self) -> Network:
        if self._network is None:
            raise DataError(f"{type(self).__name__} has learned nothing yet: fit or load it before index and score")
        return self._network


def _padded(texts: Sequences, width: int) -> NDArray[np.int64]:
    return texts.padded(np.arange(len(texts.lengths)), width).astype(np.int64)


class Drawn:
    """Training pairs in random order, each with solutions drawn at random."""

    def __init__(self, examples: Examples, negatives: int, rng: np.random.Generator) -> None:
        self._pairs = examples.pairs
        self._count = len(examples.solutions)
        self._right = np.unique(examples.pairs @ np.array([self._count, 1]))
        self._negatives = negatives
        self._rng = rng

    def epoch(self, size: int) -> Iterator[tuple[float, Batch]]:
        """Batches of at most ``size`` pairs, each after the part of the epoch that is done."""
        order = self._rng.permutation(len(self._pairs))
        batches = np.array_split(order, -(-len(order) // size))
        for number, rows in enumerate(batches):
            pairs = self._pairs[rows]
            drawn = self._rng.integers(self._count, size=(len(pairs), self._negatives))
            keys = pairs[:, :1] * self._count + drawn
            right = self._right[np.searchsorted(self._right, keys).clip(max=len(self._right) - 1)] == keys
            first = np.zeros((len(pairs), 1), dtype=np.bool_)
            yield number / len(batches), Batch(pairs[:, 0], np.hstack([pairs[:, 1:], drawn]), np.hstack([first, right]))
