"""The interaction CNN: reads a question and a document together, word against word, and says how well they match."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Doc, Env, Pairs, Query, Range, Scorer, Space
from bench.errors import DataError
from bench.explanation import Explanation
from retrievers.neural import closeup, training
from retrievers.neural.bag import Bag
from retrievers.neural.cosine import top_k
from retrievers.neural.encoder import encode
from retrievers.neural.examples import Examples
from retrievers.neural.folds import cross_fitted
from retrievers.neural.interaction import InteractionCNN, Lexicon
from retrievers.neural.lexical import Lexical
from retrievers.neural.lists import ListLoss, first_stage
from retrievers.neural.occlusion import Tokens, occlusion, tokens_read
from retrievers.neural.reading import Reader, Texts
from retrievers.neural.runtime import pinned, portion, seeded
from retrievers.neural.store import load_model, save_model
from retrievers.neural.training import Schedule
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import compile_reading

WIDE_QUERY, WIDE_DOCUMENT = 32, 128
"""Distinct tokens that enter the mean vectors; the maps see the first of them."""
DEV_QUESTIONS, DEV_DEPTH = 400, 50
"""The measure on dev re-ranks this many first-stage hits of so many questions: a few seconds, and what the scorer is for."""


@dataclass
class CNN(Scorer):
    """Interaction CNN: convolution and max pooling over the question x document matrix of word similarities.

    The word vectors come from co-occurrence counts and are then learned as a mean-of-words dual encoder, whose cosine the
    last layers see too. The convolutions learn from pairs that their vectors have not seen (two folds), or they would trust
    the vectors too much.

    query_tokens, document_tokens: distinct tokens in the matrix, multiples of 4 and 16. hard, random: negatives for each
    pair; where labels are noisy, as in a forum, ``hard=0:random=6`` learns more. probability: scores are probabilities
    (the sigmoid of the logit) instead of logits. min_count, buckets: rarer words share vectors by hash.
    """

    filters: int = 8
    hidden: int = 64
    dimensions: int = 256
    query_tokens: int = 16
    document_tokens: int = 64
    min_count: int = 2
    buckets: int = 2048
    hard: int = 8
    random: int = 2
    batch: int = 16
    epochs: int = 2
    vector_epochs: int = 5
    learning_rate: float = 0.001
    probability: bool = False
    stemmer: str = "english"
    stop: str = "english"
    split: bool = True

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    seeded: ClassVar[bool] = True
    family: ClassVar[str] = "neural"
    space: ClassVar[Space] = {
        "learning_rate": Range(0.0003, 0.004, log=True),
        "epochs": Range(1, 4),
        "vector_epochs": Range(2, 8),
        "hard": (0, 4, 8),
        "random": (2, 6),
    }

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        self._analyze = Analyzer(stemmer=self.stemmer, stop=self.stop, split=self.split)
        for name in ("filters", "hidden", "dimensions", "min_count", "batch", "epochs", "vector_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name, unit in (("query_tokens", 4), ("document_tokens", 16)):
            if getattr(self, name) < unit or getattr(self, name) % unit:
                raise ValueError(f"{name} must be a multiple of {unit}")
        if min(self.hard, self.random, self.buckets) < 0 or self.hard + self.random == 0 or self.learning_rate <= 0:
            raise ValueError(
                "hard, random and buckets cannot be negative, hard + random and learning_rate must be above 0"
            )
        self._cnn: InteractionCNN | None = None
        self._bag: Bag | None = None
        self.learned: dict[str, Any] = {}

    def prepare(self, env: Env) -> None:  # noqa: ARG002 - the same everywhere
        """Compile what reads the documents."""
        compile_reading()

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Learn the word vectors, then the network; of both the best epoch on dev is kept. DataError without pairs."""
        examples, unseen = (Examples.of(part, self._analyze, env.cache) for part in (train, dev))
        if not len(examples.pairs):
            raise DataError("cnn learns from question/solution pairs, and the training split has none")
        with seeded(env) as rng:
            env.progress(0.0, "counting words")
            texts = examples.questions + examples.solutions
            self._vocabulary = Vocabulary.build(texts, min_count=self.min_count, buckets=self.buckets)
            self._bag, folds, of_vectors = cross_fitted(
                examples,
                self._wide(examples),
                self._vocabulary,
                self._dev_bag(unseen, env),
                widths=(self.query_tokens, self.document_tokens),
                dimensions=self.dimensions,
                epochs=self.vector_epochs,
                rng=rng,
                env=portion(env, 0.0, 0.4, "vectors"),
            )
            self._cnn = InteractionCNN(self.filters, self.hidden).to(env.device)
            lists = ListLoss(
                self._cnn, examples, folds, self._lexical(examples), hard=self.hard, random=self.random, rng=rng
            )
            of_network = training.train(
                self._cnn,
                lambda: lists.epoch(self.batch),
                lists,
                self._dev_measure(unseen, env),
                schedule=Schedule(self.epochs, self.learning_rate),
                env=portion(env, 0.4, 1.0, "network"),
                rng=rng,
                pool=f"for each question the {DEV_DEPTH} dev documents that a first stage ranks best",
            )
        counts = {"pairs": len(examples.pairs), "vocabulary": len(self._vocabulary.words)}
        self.learned = {**counts, **of_network, "vectors": of_vectors}

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Prepare every document: its ids and its mean vector."""
        self._env = env
        with pinned(env):
            cnn, bag = self._fitted()
            self._bag, self._cnn = bag.to(env.device).eval(), cnn.to(env.device).eval()
            texts = self._vocabulary.read((doc.content for doc in corpus), self._analyze, WIDE_DOCUMENT)
            self._reader = self._reader_of(texts, env.device)

    def score(self, queries: Sequence[Query], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits, or probabilities, of the candidates of each question; -inf for a pad."""
        scores = np.full(positions.shape, -np.inf, dtype=np.float32)
        with pinned(self._env), torch.inference_mode():
            tokens = (self._analyze(query.text) for query in queries)
            wide = self._vocabulary.encode_all(tokens, WIDE_QUERY)
            questions = Texts.of(wide, self.query_tokens, self._fitted()[1], self._env.device)
            for row, candidates in enumerate(positions):
                real = candidates >= 0
                logits = self._reader.score(questions.rows(slice(row, row + 1)), candidates[real])
                scores[row, real] = (logits.sigmoid() if self.probability else logits).cpu().numpy()
        return scores

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the text tells
        """The map of similarities, what each of its cells adds, and each token of question and document."""
        cnn, bag = self._fitted()
        lexicon = Lexicon.of(bag, torch.from_numpy(self._vocabulary.idf))
        question = tokens_read(self._vocabulary, self._analyze(query.text), WIDE_QUERY)
        document = tokens_read(self._vocabulary, self._analyze(doc.content), WIDE_DOCUMENT)

        def texts(tokens: Sequence[Tokens], width: int) -> Texts:
            return Texts.of(self._vocabulary.encode_all(tokens), width, bag, self._env.device)

        def score(questions: Sequence[Tokens], documents: Sequence[Tokens]) -> NDArray[np.float32]:
            pairs = texts(questions, self.query_tokens), texts(documents, self.document_tokens)
            logits = closeup.read(cnn, lexicon, *pairs)
            return (logits.sigmoid() if self.probability else logits).cpu().numpy()

        with pinned(self._env), torch.inference_mode():
            explanation = occlusion(question, document, score)
            pair = texts([question], self.query_tokens), texts([document], self.document_tokens)
            maps = closeup.closeup(cnn, lexicon, pair, (question, document), probability=self.probability)
        return explanation._replace(parts=(*maps, *explanation.parts))

    def save(self, folder: Path) -> None:
        """Store weights, vocabulary and what fit chose."""
        cnn, bag = self._fitted()
        parts = {"cnn": cnn, "bag": bag}
        tensors = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
        facts = {"parameters": asdict(self), "vocabulary": asdict(self._vocabulary), "learned": self.learned}
        save_model(folder, tensors, facts)

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        tensors, facts = load_model(folder, asdict(self))
        self._vocabulary = Vocabulary.of(facts["vocabulary"])
        self.learned = facts["learned"]
        self._cnn = InteractionCNN(self.filters, self.hidden)
        self._bag = Bag(torch.zeros(len(self._vocabulary), self.dimensions), torch.from_numpy(self._vocabulary.idf))
        parts = {"cnn": self._cnn, "bag": self._bag}
        for name, part in parts.items():
            own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            part.load_state_dict(own)

    def _dev_bag(self, unseen: Examples, env: Env) -> Callable[[Bag], float | None]:
        questions, solutions = self._wide(unseen)

        def mean_rr(bag: Bag) -> float | None:
            if not unseen.questions:
                return None
            asked, solved = encode(bag, questions, env.device), encode(bag, solutions, env.device)
            return unseen.mean_rr(top_k(asked, solved, 10)[0].cpu().numpy())

        return mean_rr

    def _dev_measure(self, unseen: Examples, env: Env) -> Callable[[], float | None]:
        """RR@10 after re-ranking what a first stage finds among the dev documents."""
        few = unseen.sample(DEV_QUESTIONS)
        questions, solutions = self._wide(few)
        asked = Texts.of(questions, self.query_tokens, self._fitted()[1], env.device)
        reader = self._reader_of(solutions, env.device)
        everyone = np.arange(len(few.questions)), np.arange(len(few.solutions))
        scores = first_stage(self._lexical(few), asked, reader.documents, *everyone)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :DEV_DEPTH]

        def mean_rr() -> float | None:
            if not few.questions:
                return None
            with torch.inference_mode():
                logits = [
                    reader.score(asked.rows(slice(row, row + 1)), best[row]).cpu().numpy() for row in range(len(best))
                ]
            order = np.argsort(-np.stack(logits), axis=1, kind="stable")[:, :10]
            return few.mean_rr(np.take_along_axis(best, order, axis=1))

        return mean_rr

    def _wide(self, examples: Examples) -> tuple[Sequences, Sequences]:
        return (
            self._vocabulary.encode_all(examples.questions, WIDE_QUERY),
            self._vocabulary.encode_all(examples.solutions, WIDE_DOCUMENT),
        )

    def _lexical(self, examples: Examples) -> Lexical:
        questions, solutions = (
            self._vocabulary.encode_all(side, repeats=True) for side in (examples.questions, examples.solutions)
        )
        return Lexical(questions, solutions, self._vocabulary.idf)

    def _reader_of(self, documents: Sequences, device: str) -> Reader:
        cnn, bag = self._fitted()
        lexicon = Lexicon.of(bag, torch.from_numpy(self._vocabulary.idf))
        return Reader(lexicon, cnn, Texts.of(documents, self.document_tokens, bag, device))

    def _fitted(self) -> tuple[InteractionCNN, Bag]:
        if self._cnn is None or self._bag is None:
            raise DataError("cnn has learned nothing yet: fit or load it before index and score")
        return self._cnn, self._bag
