"""TF-IDF and cosine, weighted by scikit-learn and searched like BM25."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from bench.api import Doc, Env, Hits, Query, Retriever, Space
from bench.explanation import Explanation
from retrievers.lexical.contributions import contributions
from retrievers.lexical.counts import analysed, bag
from retrievers.lexical.impacts import Impacts
from retrievers.lexical.selection import prepare
from retrievers.text.analysis import Analyzer


@dataclass
class Tfidf(Retriever):
    """TF-IDF: cosine of the word counts of question and solution, rare words counting more (scikit-learn)."""

    sublinear: bool = True
    """Count a word that stands tf times as 1 + log(tf)."""
    stemmer: str = "english"
    """A Snowball stemmer, or ``none``."""
    stop: str = "english"
    """Stop words: ``english`` or ``none``."""
    split: bool = True
    """Divide identifiers such as ``num_workers`` and ``DataLoader``."""

    family: ClassVar[str] = "lexical"
    space: ClassVar[Space] = {
        "sublinear": (True, False),
        "stemmer": ("english", "none"),
        "stop": ("english", "none"),
        "split": (True, False),
    }

    def __post_init__(self) -> None:
        """Reject stemmers and stop words that do not exist."""
        self._analyze = Analyzer(self.stemmer, self.stop, self.split)

    def prepare(self, env: Env) -> None:  # noqa: ARG002 - the same everywhere
        """Compile what searching runs."""
        prepare()

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Weigh the documents' terms; each document becomes a vector of length 1."""
        self._env = env
        vectorizer = TfidfVectorizer(analyzer=_as_it_is, sublinear_tf=self.sublinear, dtype=np.float32)
        if any(self._analyze(doc.content) for doc in corpus):
            postings = vectorizer.fit_transform(analysed(corpus, self._analyze, env)).tocsc()
            self._terms, self._idf = vectorizer.vocabulary_, vectorizer.idf_.tolist()
        else:  # which scikit-learn refuses
            postings = sp.csc_array((len(corpus), 0), dtype=np.float32)
            self._terms, self._idf = {}, []
        self._impacts = Impacts(postings.indptr, postings.indices, postings.data, len(corpus))

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Cosine of every question with the documents that share a word with it."""
        with self._env.stage("tokenise"):
            vectors = [self._vector(query.text) for query in queries]
        with self._env.stage("score"):
            return self._impacts.search(vectors, k, self._env.threads)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:  # noqa: ARG002 - the postings tell
        """What each term of the question adds to the cosine."""
        asked = self._analyze(query.text)
        return contributions(self._impacts, self._vector(query.text), asked, self._terms, position)

    def _vector(self, text: str) -> dict[int, float]:
        """What ``TfidfVectorizer.transform`` computes, without its overhead of some hundred microseconds a call."""
        counts = bag(self._analyze(text), self._terms)
        weights = {
            term: (1 + math.log(count) if self.sublinear else count) * self._idf[term] for term, count in counts.items()
        }
        length = math.hypot(*weights.values())
        return {term: weight / length for term, weight in weights.items()}


def _as_it_is(terms: list[str]) -> list[str]:
    return terms
