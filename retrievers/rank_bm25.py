"""The package rank_bm25, as it is: the reference for correctness and the usual starting point for speed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import rank_bm25

from bench.api import Doc, Env, Hits, Query, Retriever
from bench.errors import SpecError
from bench.explanation import Explanation, Terms
from retrievers.lexical.contributions import TITLE
from retrievers.lexical.counts import analysed
from retrievers.lexical.selection import prepare, rank
from retrievers.text.analysis import Analyzer

_CLASSES = {"okapi": rank_bm25.BM25Okapi, "plus": rank_bm25.BM25Plus, "l": rank_bm25.BM25L}


@dataclass
class RankBM25(Retriever):
    """The package rank_bm25 itself, unaltered, with the same text analysis as bm25; slow, a reference."""

    variant: Literal["okapi", "plus", "l"] = "okapi"
    """Which of its classes."""
    k1: float = 1.5
    b: float = 0.75
    stemmer: str = "english"
    """A Snowball stemmer, or ``none``."""
    stop: str = "english"
    """Stop words: ``english`` or ``none``."""
    split: bool = True
    """Divide identifiers such as ``num_workers`` and ``DataLoader``."""

    family: ClassVar[str] = "lexical"

    def __post_init__(self) -> None:
        """Reject a class that the package does not have."""
        if self.variant not in _CLASSES:
            raise SpecError(f"variant={self.variant}: choose from {', '.join(_CLASSES)}")
        self._analyze = Analyzer(self.stemmer, self.stop, self.split)

    def prepare(self, env: Env) -> None:  # noqa: ARG002 - the same everywhere
        """Compile what searching runs."""
        prepare()

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Build the package's index."""
        texts = list(analysed(corpus, self._analyze, env))
        self._documents = len(texts)
        # The package divides by zero where there is no term at all.
        self._model: Any = _CLASSES[self.variant](texts, k1=self.k1, b=self.b) if any(texts) else None

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Score every document for every question, the package's way."""
        if self._model is None:
            nothing = np.zeros(self._documents, dtype=np.float32)
            return rank((nothing for _ in queries), len(queries), self._documents, k)
        rows = (self._model.get_scores(self._analyze(query.text)).astype(np.float32) for query in queries)
        return rank(rows, len(queries), self._documents, k)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the index tells
        """What each term of the question adds: the package sums over the terms, repeats included."""
        asked = self._analyze(query.text)
        if self._model is None:
            return Explanation(0.0)
        counts = Counter(asked)
        weights = [count * float(self._model.get_scores([term])[position]) for term, count in counts.items()]
        score = float(np.float32(self._model.get_scores(asked)[position]))
        return Explanation(score, (Terms(TITLE, tuple(counts), tuple(weights)),))
