"""What the dual encoders have in common: questions and solutions become vectors, the nearest by cosine are the answer."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Doc, Env, Hits, Pairs, Query, Range, Space
from bench.errors import DataError
from bench.explanation import Explanation
from retrievers.neural import training
from retrievers.neural.attribution import attribution
from retrievers.neural.cosine import top_k
from retrievers.neural.cotraining import cotrained, counted, kinds_of
from retrievers.neural.dual import DualEncoder, PairLoss, Task
from retrievers.neural.encoder import TextEncoder, encode
from retrievers.neural.examples import Examples
from retrievers.neural.negatives import Mined
from retrievers.neural.occlusion import Tokens, tokens_read
from retrievers.neural.recurrent import compile_cells
from retrievers.neural.runtime import autocast, pinned, seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.topk.choice import compile_kernels
from retrievers.neural.training import Schedule
from retrievers.neural.vector_files import file_hash, require_gensim
from retrievers.neural.vector_search import VectorSearch
from retrievers.neural.vectors import random_vectors, word_vectors
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.neural.word_vectors import vectors_of_file
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import compile_reading


@dataclass
class Dense(VectorSearch):
    """A dual encoder learned from pairs; a subclass says which encoder, and how it learns."""

    shared: bool = True
    """One encoder for questions and solutions; ``false`` learns one for each."""
    dimensions: int = 256
    init: Literal["cooccurrence", "random"] = "cooccurrence"
    """Word vectors to start from: of co-occurrence counts (PPMI, reduced by SVD), or random."""
    vectors: str = ""
    """A file of word vectors to start from instead, of as many dimensions: word2vec's or fastText's, text or binary, such as
    ``./wiki.en.vec``; words that it does not know start at random."""
    query_tokens: int = 24
    """Distinct tokens of a question that are read; the others are cut off."""
    document_tokens: int = 64
    min_count: int = 2
    buckets: int = 2048
    """Words rarer than ``min_count`` share so many vectors by hash, so that a word never learned still equals itself."""
    batch: int = 256
    epochs: int = 6
    """At most; two without a better measure on dev end it."""
    learning_rate: float = 0.005
    """The highest; 0 finds one by a range test before training begins (Smith 2018)."""
    schedule: Literal["cosine", "one-cycle", "constant"] = "cosine"
    """How the learning rate moves: up for a tenth of all steps and down along a cosine, up and down as one cycle, or not at all."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the products while it learns; auto is bfloat16 where the device multiplies it faster."""
    dropout: float = 0.1
    cotrain: str = "none"
    """Further pairs to learn from: ``body`` (a question and its body), ``title`` (a document's title and text), ``cloze`` (a
    sentence of a document and the rest); several joined by ``-``."""
    stemmer: str = "english"
    stop: str = "none"
    split: bool = True

    space: ClassVar[Space] = {
        "learning_rate": Range(0.001, 0.02, log=True),
        "epochs": Range(2, 10),
        "dropout": Range(0, 0.4),
        "dimensions": (128, 256, 512),
        "document_tokens": (48, 64, 96, 128),
        "min_count": Range(1, 3),
    }
    dev_questions: ClassVar[int] = 2000
    """The measure on dev asks so many of them, about all dev documents."""
    recall_questions: ClassVar[int] = 200
    """So many dev questions, training questions where there are none, tell what approximate search misses."""
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    seeded: ClassVar[bool] = True
    family: ClassVar[str] = "neural"

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        super().__post_init__()
        self._analyze = Analyzer(stemmer=self.stemmer, stop=self.stop, split=self.split)
        kinds_of(self.cotrain)
        for name in ("dimensions", "query_tokens", "document_tokens", "min_count", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.buckets < 0:
            raise ValueError("buckets cannot be negative")
        if not (0 <= self.learning_rate < math.inf and 0 <= self.dropout < 1):
            raise ValueError("learning_rate and dropout must be at least 0, dropout below 1")
        if self.vectors:
            require_gensim()
            if not Path(self.vectors).expanduser().is_file():
                raise ValueError(f"there is no file {self.vectors}")
        if self.ann != "exact" and type(self).search is not Dense.search:
            raise ValueError(f"ann={self.ann} does not search what {type(self).__name__} compares")
        self._model: DualEncoder | None = None

    def content(self) -> str:
        """Hash of the file of word vectors, if there is one."""
        if not self.vectors:
            return ""
        return file_hash(Path(self.vectors).expanduser())

    @abstractmethod
    def _encoder(self, vectors: Tensor, idf: Tensor) -> TextEncoder:
        """A fresh encoder with these word vectors ``[V, dimensions]`` and IDF weights ``[V]``."""

    @abstractmethod
    def _learn(self, task: Task) -> dict[str, Any]:
        """Train the model; returns the record of the training."""

    def prepare(self, env: Env) -> None:
        """Compile what a CPU runs."""
        compile_reading()
        if env.device == "cpu":
            compile_cells()
        if self.ann == "int8" or (self.ann == "exact" and env.device == "cpu"):
            compile_kernels()

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Learn the encoder; the epoch with the best RR@10 among the dev documents is kept. DataError without pairs."""
        examples, kinds = Examples.of(train, self._analyze, env.cache), kinds_of(self.cotrain)
        if not len(examples.pairs):
            raise DataError("a dual encoder learns from question/solution pairs, and the training split has none")
        autocast(env.device, self.precision)  # refused before anything is learned
        self._asked = [query.text for query in (dev.queries or train.queries)[: self.recall_questions]]
        with seeded(env) as rng:
            env.progress(0.0, "counting words")
            read = counted(train, examples, kinds, self._analyze)
            self._vocabulary = Vocabulary.build(read, min_count=self.min_count, buckets=self.buckets)
            told: dict[str, Any] = {"pairs": len(examples.pairs), "vocabulary": len(self._vocabulary.words)}
            if kinds:
                examples = further = cotrained(examples, train, kinds, self._analyze, rng)
                told["further pairs"] = further.counts
            texts = self._sequences(examples)
            vectors, about = self._initial_vectors(examples, texts, rng)
            self._model = self._build(vectors).to(env.device)
            self.learned = {
                **told,
                **about,
                **self._learn(Task(examples, texts, self._dev_measure(dev, env), rng, env)),
            }

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Encode every document."""
        self._env = env
        with pinned(env):
            model = self._ready(env)
            texts = self._documents(corpus)
            asked = partial(encode, model.questions, self._questions(self._asked), env.device)
            self._hold(encode(model.solutions, texts, env.device), asked, env)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Encode the questions and rank by cosine; a question without a known word gets no hits."""
        with pinned(self._env), torch.inference_mode():
            texts = self._questions(query.text for query in queries)
            asked = encode(self._fitted().questions, texts, self._env.device)
            positions, scores = (part.cpu().numpy() for part in self._neighbours.search(asked, k))
        return Hits(np.where(texts.lengths[:, None] > 0, positions, -1), scores)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the text tells
        """What each token read of question and document is worth, and its part in the pooled state."""
        question = tokens_read(self._vocabulary, self._analyze(query.text), self.query_tokens)
        document = tokens_read(self._vocabulary, self._analyze(doc.content), self.document_tokens)
        with pinned(self._env), torch.inference_mode():
            return self._attributed(question, document)

    def _attributed(self, question: Tokens, document: Tokens) -> Explanation:
        return attribution(self._fitted(), self._vocabulary, question, document, self._env.device)

    def save(self, folder: Path) -> None:
        """Store weights, vocabulary and what fit chose."""
        facts = {
            "parameters": self._of_fit(),
            "vocabulary": asdict(self._vocabulary),
            "learned": self.learned,
            "asked": self._asked,
        }
        save_model(folder, self._fitted().state_dict(), facts)

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        tensors, facts = load_model(folder, self._of_fit())
        self._vocabulary = Vocabulary.of(facts["vocabulary"])
        self.learned, self._asked = facts["learned"], facts["asked"]
        self._model = self._build(np.zeros((len(self._vocabulary), self.dimensions), dtype=np.float32))
        self._model.load_state_dict(tensors)

    def _of_fit(self) -> dict[str, Any]:
        """The parameters that a stored fit has to agree in."""
        return {name: value for name, value in asdict(self).items() if name not in self.phases}

    def _trained(
        self,
        task: Task,
        criterion: Callable[[Tensor, Tensor], Tensor],
        schedule: Schedule | None = None,
        *,
        stage: str = "training",
        mixed: bool = False,
        negatives: Mined | None = None,
        count: int = 0,
    ) -> dict[str, Any]:
        """Train the model to minimise a criterion of similarities (see ``PairLoss``); returns the record."""
        model = self._fitted()
        loss = PairLoss(model, task, criterion, negatives=negatives, count=count, precision=self.precision, mixed=mixed)
        return training.train(
            model,
            lambda: loss.epoch(self.batch),
            loss,
            task.evaluate,
            schedule=schedule or Schedule(self.epochs, self.learning_rate, kind=self.schedule),
            env=task.env,
            stage=stage,
            rng=task.rng,
            precision=self.precision,
        )

    def _dev_measure(self, dev: Pairs, env: Env) -> Callable[[], float | None]:
        examples = Examples.of(dev, self._analyze, env.cache).sample(self.dev_questions)
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
        return DualEncoder(self._encoders(vectors))

    def _encoders(self, vectors: NDArray[np.float32]) -> list[TextEncoder]:
        tables = torch.from_numpy(vectors), torch.from_numpy(self._vocabulary.idf)
        return [self._encoder(*tables) for _ in range(1 if self.shared else 2)]

    def _initial_vectors(
        self, examples: Examples, texts: tuple[Sequences, Sequences], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """The word vectors ``[V, dimensions]`` to start from, and what is to be told of them."""
        size = len(self._vocabulary)
        if self.vectors:
            path = Path(self.vectors).expanduser()
            vectors, facts = vectors_of_file(
                path, self._vocabulary, texts, self._analyze, dimensions=self.dimensions, rng=rng
            )
            return vectors, {"vectors": facts}
        if self.init == "random":
            return random_vectors(size, self.dimensions, rng), {}
        return word_vectors(*texts, examples.pairs, size=size, dimensions=self.dimensions, rng=rng), {}

    def _sequences(self, examples: Examples) -> tuple[Sequences, Sequences]:
        return (
            self._vocabulary.encode_all(examples.questions, self.query_tokens),
            self._vocabulary.encode_all(examples.solutions, self.document_tokens),
        )

    def _questions(self, texts: Iterable[str]) -> Sequences:
        return self._vocabulary.encode_all(map(self._analyze, texts), self.query_tokens)

    def _documents(self, corpus: Sequence[Doc]) -> Sequences:
        return self._vocabulary.read((doc.content for doc in corpus), self._analyze, self.document_tokens)

    def _ready(self, env: Env) -> DualEncoder:
        """The model, where and how it is used from now on."""
        self._model = self._fitted().to(env.device).eval()
        return self._model

    def _fitted(self) -> DualEncoder:
        if self._model is None:
            raise DataError(f"{type(self).__name__} has learned nothing yet: fit or load it before index and search")
        return self._model
