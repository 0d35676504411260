"""Learning to rank: many lexical signals, and one small function learned from pairs that weighs them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever
from bench.errors import DataError, StoreError
from retrievers.lexical.grams import Grams
from retrievers.lexical.lessons import Lessons, Reading
from retrievers.lexical.listwise import Lists, learn
from retrievers.lexical.signals import NAMES, Signals, Table
from retrievers.text.analysis import Analyzer

FIRST = ("bm25", "grams", "translation", "topics")
"""The signals whose best documents are candidates."""


@dataclass
class LearningToRank(Retriever):
    """Weighs BM25, its variants, n-grams, coverage, word translation and topics by a function learned from pairs.

    Word translation probabilities are learned by IBM's model 1 (Berger & Lafferty 1999), topics by latent semantic analysis of
    the searched documents; the function, listwise (ListNet, Cao et al. 2007), from pairs that the translations have not seen.
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

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:  # noqa: ARG002 - nothing is chosen on dev
        """Learn what the signals need, then the function that weighs them; DataError without pairs."""
        relevant = _relevant(train)
        pairs = [(asked, at) for asked, found in enumerate(relevant) for at in found.tolist()]
        if not pairs:
            raise DataError("learning-to-rank learns from question/solution pairs, and the training split has none")
        env.progress(0.0, "reading the pairs")
        words, grams = (Reading.of(train.queries, train.corpus, one) for one in (self._analyze, Grams()))
        self._lessons = Lessons.learn(pairs, words, grams)
        signals = Signals([doc.content for doc in train.corpus], self._analyze, self._lessons, env)
        block = -(-len(relevant) // self.folds)
        chosen = np.unique(np.linspace(0, len(relevant) - 1, min(self.questions, len(relevant))).astype(int))
        lists: list[_List] = []
        for fold in range(self.folds):
            signals.teach(Lessons.learn([pair for pair in pairs if pair[0] // block != fold], words, grams))
            for row in chosen[chosen // block == fold].tolist():
                lists.extend(self._list(signals.table(train.queries[row].text), relevant[row]))
            env.progress(0.4 + 0.5 * fold / self.folds, f"{len(lists):,} questions have a candidate that is right")
        if not lists:
            raise DataError("learning-to-rank: no training question finds its solution among the first candidates")
        self._weights = learn(_joined(lists))
        weights = {name: round(float(weight), 3) for name, weight in zip(NAMES, self._weights, strict=True)}
        self.learned = {"pairs": len(pairs), "lists": len(lists), "weights": weights}

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Build what every signal needs."""
        self._env = env
        self._signals = Signals([doc.content for doc in corpus], self._analyze, self._taught(), env)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Rank the candidates of each question."""
        ranked = list(self._ranked(queries, k))
        width = max((len(positions) for positions, _ in ranked), default=0)
        hits = Hits(
            np.full((len(queries), width), -1, dtype=np.int64), np.zeros((len(queries), width), dtype=np.float32)
        )
        for row, (positions, scores) in enumerate(ranked):
            hits.positions[row, : len(positions)] = positions
            hits.scores[row, : len(scores)] = scores
        return hits

    def save(self, folder: Path) -> None:
        """Store what the signals learned, and the weights."""
        self._taught().save(folder)
        facts = {"parameters": asdict(self), "weights": self._weights.tolist(), "learned": self.learned}
        (folder / "learned.json").write_text(json.dumps(facts), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take over what ``save`` stored; StoreError if it is damaged or was learned with other parameters."""
        try:
            facts = json.loads((folder / "learned.json").read_text(encoding="utf-8"))
            self._lessons = Lessons.load(folder)
            self._weights, self.learned = np.array(facts["weights"]), facts["learned"]
            parameters = facts["parameters"]
        except (OSError, ValueError, TypeError, KeyError, BadZipFile) as error:
            raise StoreError(f"{folder}: cannot be read, delete it to learn again: {error!r}") from None
        if parameters != asdict(self):
            raise StoreError(f"the model stored in {folder} was learned with other parameters: {parameters}")

    def _ranked(self, queries: Sequence[Query], k: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        for query in queries:
            with self._env.stage("signals"):
                table = self._signals.table(query.text)
            with self._env.stage("rank"):
                if table is None:
                    yield np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
                    continue
                found = self._candidates(table)
                scores = (self._weights @ table[:, found]).astype(np.float32)
                best = np.argsort(-scores, kind="stable")[:k]
                yield found[best], scores[best]

    def _candidates(self, table: Table) -> NDArray[np.int64]:
        """Positions of the best documents by each of the first signals, in the order of the corpus."""
        depth = min(self.depth, table.shape[1])
        rows = table[[NAMES.index(name) for name in FIRST]]
        return np.unique(np.argpartition(-rows, depth - 1, axis=1)[:, :depth]).astype(np.int64)

    def _list(self, table: Table | None, relevant: NDArray[np.int64]) -> "list[_List]":
        """The candidates' features and which are right; nothing where none or all are."""
        if table is None:
            return []
        found = self._candidates(table)
        right = np.isin(found, relevant)
        return [(table[:, found].T, right)] if right.any() and not right.all() else []

    def _taught(self) -> Lessons:
        if self._lessons is None:
            raise DataError("learning-to-rank has learned nothing yet: fit or load it first")
        return self._lessons


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
