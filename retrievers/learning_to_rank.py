"""Learning to rank: many lexical signals, and one small function learned from pairs that weighs them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever
from bench.errors import DataError, StoreError
from bench.explanation import Explanation, Terms
from retrievers.lexical.blas import pinned
from retrievers.lexical.counts import TermCounts
from retrievers.lexical.folds import splits
from retrievers.lexical.grams import Grams
from retrievers.lexical.lessons import Lessons, Reading
from retrievers.lexical.listwise import Lists, learn
from retrievers.lexical.selection import prepare
from retrievers.lexical.signals import NAMES, Signals, Table, candidates, standard
from retrievers.text.analysis import Analyzer

TITLE = "what each signal adds to the score, compared with the other candidates of the question; the sum is the score"


@dataclass
class LearningToRank(Retriever):
    """Weighs BM25, its variants, n-grams, coverage, word translation and topics by a function learned from pairs.

    Word translation probabilities are learned by IBM's model 1 (Berger & Lafferty 1999), topics by latent semantic analysis of
    the searched documents; the function, listwise (softmax cross-entropy, Bruch et al. 2019), from pairs that the translations
    have not seen.
    """

    depth: int = 100
    """Candidates from each of four signals; what none of them finds is not retrieved."""
    folds: int = 5
    """Parts of the pairs; signals of one part come from translations that are learned from the others."""
    questions: int = 4000
    """At most so many training questions, spread evenly, teach the function; translations learn from all."""
    stemmer: str = "english"
    """A Snowball stemmer, or ``none``."""
    stop: str = "english"
    """Stop words: ``english`` or ``none``."""
    split: bool = True
    """Divide identifiers such as ``num_workers`` and ``DataLoader``."""

    family: ClassVar[str] = "lexical"

    def __post_init__(self) -> None:
        """Reject what cannot work before anything is learned."""
        for name, least in (("depth", 1), ("folds", 2), ("questions", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}")
        self._analyze = Analyzer(self.stemmer, self.stop, self.split)
        self._lessons: Lessons | None = None
        self.learned: dict[str, Any] = {}

    def prepare(self, env: Env) -> None:  # noqa: ARG002 - the same everywhere
        """Compile what counting and searching run."""
        prepare()
        TermCounts.of([["word"]])

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:  # noqa: ARG002 - nothing is chosen on dev
        """Learn what the signals need, then the function that weighs them; DataError without pairs."""
        relevant = _relevant(train)
        pairs = np.array([(asked, at) for asked, found in enumerate(relevant) for at in found.tolist()], dtype=np.int64)
        if not len(pairs):
            raise DataError("learning-to-rank learns from question/solution pairs, and the training split has none")
        with pinned(env):
            env.progress(0.0, "reading the pairs")
            words, grams = (Reading.of(train.queries, train.corpus, one) for one in (self._analyze, Grams()))
            signals = Signals([doc.content for doc in train.corpus], self._analyze, _portion(env, 0.1, 0.3))
            asked = [query.text for query in train.queries]
            lists: list[_List] = []
            for number, split in enumerate(splits(pairs, self.folds, -(-len(relevant) // self.folds))):
                part = _portion(env, 0.3 + 0.5 * number / self.folds, 0.3 + 0.5 * (number + 1) / self.folds)
                part.progress(0.0, f"learning translations without part {number + 1} of the pairs")
                signals.teach(Lessons.learn(pairs[split.taught].tolist(), words, grams))
                held = np.intersect1d(pairs[split.held, 0], _spread(self.questions, len(relevant)))
                for done, row in enumerate(held.tolist()):
                    if done % 100 == 0:
                        part.progress(0.5 + 0.5 * done / len(held), f"{len(lists):,} lists of candidates")
                    lists.extend(self._list(signals.table(asked[row]), relevant[row]))
            if not lists:
                raise DataError("learning-to-rank: no training question finds its solution among the first candidates")
            env.progress(0.8, f"weighing the signals by {len(lists):,} questions with a right candidate")
            learned = learn(_joined(lists))
            env.progress(0.9, "learning translations from all pairs")
            self._take(Lessons.learn(pairs.tolist(), words, grams), learned)
        weights = {name: round(float(weight), 3) for name, weight in zip(NAMES, learned, strict=True)}
        self.learned = {"pairs": len(pairs), "lists": len(lists), "weights": weights}

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Build what every signal needs."""
        if self._lessons is None:
            raise DataError("learning-to-rank has learned nothing yet: fit or load it first")
        with pinned(env):
            signals = Signals([doc.content for doc in corpus], self._analyze, env)
            signals.teach(self._lessons)
        self._env, self._signals = env, signals

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Rank the candidates of each question."""
        with pinned(self._env):
            ranked = list(self._ranked(queries, k))
        width = max((len(positions) for positions, _ in ranked), default=0)
        hits = Hits(
            np.full((len(queries), width), -1, dtype=np.int64), np.zeros((len(queries), width), dtype=np.float32)
        )
        for row, (positions, scores) in enumerate(ranked):
            hits.positions[row, : len(positions)] = positions
            hits.scores[row, : len(scores)] = scores
        return hits

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the postings tell
        """What each signal adds; no number for what is no candidate."""
        found, features, scores = self._scored(query)
        at = np.flatnonzero(found == position)
        if not len(at):
            return Explanation(float("nan"))
        added = self._weights * features[:, at[0]]
        return Explanation(float(scores[at[0]]), (Terms(TITLE, NAMES, tuple(added.tolist())),))

    def save(self, folder: Path) -> None:
        """Store what the signals learned, and the weights."""
        if self._lessons is None:
            raise DataError("learning-to-rank has learned nothing yet: fit or load it first")
        self._lessons.save(folder)
        facts = {"parameters": asdict(self), "weights": self._weights.tolist(), "learned": self.learned}
        (folder / "learned.json").write_text(json.dumps(facts), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        try:
            facts = json.loads((folder / "learned.json").read_text(encoding="utf-8"))
            lessons = Lessons.load(folder)
            weights, learned = np.array(facts["weights"], dtype=np.float64), dict(facts["learned"])
            parameters = facts["parameters"]
            if weights.shape != (len(NAMES),) or not np.isfinite(weights).all():
                raise ValueError(f"{len(NAMES)} weights expected")  # noqa: TRY301 - said as any other damage
        except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, BadZipFile) as error:
            raise StoreError(f"{folder}: cannot be read, delete it to learn again: {error!r}") from None
        if parameters != asdict(self):
            raise StoreError(f"the model stored in {folder} was learned with other parameters: {parameters}")
        self._take(lessons, weights)
        self.learned = learned

    def _ranked(self, queries: Sequence[Query], k: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        for query in queries:
            found, _, scores = self._scored(query)
            best = np.argsort(-scores, kind="stable")[:k]
            yield found[best], scores[best]

    def _scored(self, query: Query) -> tuple[NDArray[np.int64], Table, NDArray[np.float32]]:
        """Positions of the candidates ``[C]`` in the order of the corpus, their features ``[F, C]`` and scores."""
        with self._env.stage("signals"):
            table = self._signals.table(query.text)
        with self._env.stage("rank"):
            found = candidates(table, self.depth)
            features = standard(table[:, found])
            return found, features, (self._weights @ features).astype(np.float32)

    def _list(self, table: Table, relevant: NDArray[np.int64]) -> "list[_List]":
        """The candidates' features and which are right; nothing where none or all are."""
        found = candidates(table, self.depth)
        right = np.isin(found, relevant)
        return [(standard(table[:, found]).T, right)] if right.any() and not right.all() else []

    def _take(self, lessons: Lessons, weights: NDArray[np.float64]) -> None:
        self._lessons, self._weights = lessons, weights


_List = tuple[Table, NDArray[np.bool_]]


def _relevant(data: Pairs) -> list[NDArray[np.int64]]:
    """Rows of the solutions of each question; DataError for one that is not in the corpus."""
    rows = {doc.id: row for row, doc in enumerate(data.corpus)}
    found = []
    for query in data.queries:
        names = [name for name, grade in data.qrels.get(query.id, {}).items() if grade > 0]
        if missing := [name for name in names if name not in rows]:
            raise DataError(f"query {query.id!r} is judged for document {missing[0]!r}, which is not in the corpus")
        found.append(np.array(sorted(rows[name] for name in names), dtype=np.int64))
    return found


def _joined(lists: Sequence[_List]) -> Lists:
    starts = np.cumsum([0, *(len(right) for _, right in lists)])
    return Lists(np.concatenate([table for table, _ in lists]), starts, np.concatenate([right for _, right in lists]))


def _spread(wanted: int, questions: int) -> NDArray[np.int64]:
    """Rows of at most so many questions, evenly spread."""
    return np.unique(np.linspace(0, questions - 1, min(wanted, questions)).astype(np.int64))


def _portion(env: Env, start: float, stop: float) -> Env:
    """``env`` for a part of the work: its progress from 0 to 1 is told as progress from ``start`` to ``stop``."""

    def progress(fraction: float, note: str) -> None:
        env.progress(start + fraction * (stop - start), note)

    return replace(env, progress=progress)
