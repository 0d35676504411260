"""Many opinions on how well a document answers a question, and which documents are worth asking all of them about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from bench.api import Env
from retrievers.lexical.counts import TermCounts, bag
from retrievers.lexical.formulas import VARIANTS, Variant, weights
from retrievers.lexical.grams import Grams
from retrievers.lexical.impacts import Impacts
from retrievers.lexical.lessons import Lessons
from retrievers.lexical.relevance import Relevance
from retrievers.lexical.selection import rank
from retrievers.lexical.translation import TranslationModel
from retrievers.text.analysis import Analyzer

NAMES = (
    "BM25", "lead BM25", "unstemmed BM25", "bigram BM25", "n-gram BM25",
    "IDF coverage", "IDF² coverage", "n-gram IDF coverage", "LSA cosine", "translation model",
    "RSJ weight", "RSJ weight BM25", "n-gram RSJ weight", "n-gram RSJ weight BM25", "length", "code",
)  # fmt: skip
"""In the order of the columns; the last two are of the document alone."""
FIRST = ("BM25", "n-gram BM25", "translation model", "LSA cosine")
"""The signals whose best documents are candidates; above 0 where they speak for a document."""

BETA, MU = 0.6, 100.0
LEAD = 60
"""Terms of a document's beginning: people answer first and explain then."""
TOPICS = 200
_CODE = re.compile(r"[=(){}\[\]]|>>>|^\s{2}|^import |^from ")

_BM25 = VARIANTS["lucene"]

Table = NDArray[np.float32]
Row = NDArray[np.float32]
Terms = list[str]


class Signals:
    """What every signal says about every document of one corpus."""

    def __init__(self, contents: Sequence[str], analyze: Analyzer, env: Env) -> None:
        self._analyze, self._words, self._grams = analyze, Analyzer("none", analyze.stop, split=False), Grams()
        terms = []
        for number, content in enumerate(contents):
            if number % 1000 == 0:
                env.progress(0.4 * number / len(contents), f"analysed {number:,} of {len(contents):,} documents")
            terms.append(analyze(content))
        counts = TermCounts.of(terms)
        self._lead = _Lexical(TermCounts.of(text[:LEAD] for text in terms), 2.0, 0.75)
        self._bigrams = _Lexical(TermCounts.of(map(bigrams, terms)), 1.2, 0.3)
        del terms
        env.progress(0.4, "counting words and n-grams")
        self._whole = _Lexical(TermCounts.of(map(self._words, contents)), 1.2, 0.75)
        self._terms, self._gram_terms = _Vocabulary(counts), _Vocabulary(TermCounts.of(map(self._grams, contents)))
        self._translation = TranslationModel(counts, BETA, MU)
        env.progress(0.7, "reducing dimensions")
        self._topics = _Topics(counts, self._terms.idf)
        code = [_part_of_code(content) for content in contents]
        self._own = np.stack([np.log1p(counts.lengths), np.asarray(code, dtype=np.float64)]).astype(np.float32)
        env.progress(1.0, f"{len(contents):,} documents counted")

    def teach(self, lessons: Lessons) -> None:
        """Take over what was learned from pairs, instead of nothing or of other lessons."""
        self._translation.teach(lessons.translations)
        self._terms.teach(lessons.words)
        self._gram_terms.teach(lessons.grams)

    def table(self, text: str) -> Table:
        """Signals of a question, float32 ``[len(NAMES), N]``, each in its own unit."""
        asked = self._analyze(text)
        terms = self._terms.signals(bag(asked, self._terms.numbers))
        grams = self._gram_terms.signals(bag(self._grams(text), self._gram_terms.numbers))
        rows = [
            terms.bm25,
            self._lead.scores(asked),
            self._whole.scores(self._words(text)),
            self._bigrams.scores(bigrams(asked)),
            grams.bm25,
            terms.coverage,
            terms.rare,
            grams.coverage,
            self._topics.scores(bag(asked, self._terms.numbers)),
            self._translation.scores(bag(asked, self._translation.terms)),
            terms.worth,
            terms.worth_bm25,
            grams.worth,
            grams.worth_bm25,
        ]
        return np.concatenate([np.stack(rows), self._own])


def candidates(table: Table, depth: int) -> NDArray[np.int64]:
    """Positions of the ``depth`` best documents by each of the first signals, in the order of the corpus.

    Of equal ones the first are taken; a document that none of these signals speaks for is no candidate.
    """
    documents = table.shape[1]
    found = rank((table[NAMES.index(name)] for name in FIRST), len(FIRST), documents, depth).positions
    return np.unique(found[found >= 0])


def standard(rows: Table) -> Table:
    """Every row with mean 0 and standard deviation 1; a constant row becomes 0.

    Of candidates rather than of all documents, since among more documents the best stand out by more deviations, and what
    was learned in one collection would weigh differently in another.
    """
    if not rows.shape[1]:
        return rows
    centred = rows - rows.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(deviation > 1e-6, deviation, np.inf), dtype=np.float32)  # noqa: PLR2004


def bigrams(terms: Sequence[str]) -> Terms:
    """Neighbouring terms, as one term each."""
    return [f"{left} {right}" for left, right in pairwise(terms)]


class _Lexical:
    """BM25 over terms of its own."""

    def __init__(self, counts: TermCounts, k1: float, b: float) -> None:
        scores = weights(counts, _BM25, k1, b, 0.0)
        self._terms = counts.terms
        self._impacts = Impacts(counts.starts, counts.docs, scores, len(counts.lengths))

    def scores(self, terms: Iterable[str]) -> Row:
        return self._impacts.scores(bag(terms, self._terms))


class _Of(NamedTuple):
    """What the terms of a question say about every document, float32 ``[N]`` each.

    bm25 and worth_bm25 by how often a document holds them, with IDF or with learned weights; the others by whether it does,
    with IDF, its square, or learned weights.
    """

    bm25: Row
    coverage: Row
    rare: Row
    worth: Row
    worth_bm25: Row


class _Vocabulary:
    """Postings of one kind of terms, stored twice; what is a factor of the term is the question's part."""

    def __init__(self, counts: TermCounts) -> None:
        documents = len(counts.lengths)
        self.numbers, self.idf = counts.terms, _idf(counts)
        self._relevance = (counts.terms, counts.document_frequencies, documents)
        gains = weights(counts, Variant(_ones, _BM25.gain), 2.0, 0.75, 0.0)
        self._gains = Impacts(counts.starts, counts.docs, gains, documents)
        self._there = Impacts(counts.starts, counts.docs, np.ones(len(counts.docs), dtype=np.float32), documents)
        self._worth: NDArray[np.float32] = np.zeros(len(counts.terms), dtype=np.float32)

    def teach(self, lessons: Relevance) -> None:
        self._worth = lessons.weights(*self._relevance)

    def signals(self, asked: Mapping[int, float]) -> _Of:
        idf = {term: float(self.idf[term]) for term in asked}
        worth = {term: float(self._worth[term]) for term in asked}
        return _Of(
            self._gains.scores({term: often * idf[term] for term, often in asked.items()}),
            self._there.scores(idf),
            self._there.scores({term: one * one for term, one in idf.items()}),
            self._there.scores(worth),
            self._gains.scores(worth),
        )


class _Topics:
    """Cosine in the space of latent semantic analysis (Deerwester et al. 1990)."""

    def __init__(self, counts: TermCounts, idf: NDArray[np.float64]) -> None:
        documents, size = len(counts.lengths), len(counts.terms)
        values = (1 + np.log(counts.frequencies)) * np.repeat(idf, counts.document_frequencies)
        matrix = sp.csr_array(
            sp.csc_array((values.astype(np.float32), counts.docs, counts.starts), shape=(documents, size))
        )
        self._idf = idf.astype(np.float32)
        if min(matrix.shape) == 0:
            self._basis, self._documents = np.zeros((size, 1), np.float32), np.zeros((documents, 1), np.float32)
            return
        lengths = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)))
        matrix.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(matrix.indptr)).astype(np.float32)
        left, values, right = randomized_svd(matrix, min(TOPICS, *matrix.shape), n_iter=2, random_state=0)
        self._basis = np.ascontiguousarray(right.T, dtype=np.float32)
        self._documents = _unit((left * values).astype(np.float32))

    def scores(self, terms: Iterable[int]) -> Row:
        at = np.fromiter(sorted(terms), dtype=np.int64)
        return np.asarray(self._documents @ _unit(self._idf[at] @ self._basis[at]), dtype=np.float32)


def _unit(vectors: Table) -> Table:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _idf(counts: TermCounts) -> NDArray[np.float64]:
    return _BM25.idf(counts.document_frequencies, len(counts.lengths))


def _ones(frequencies: NDArray[np.int64], _: int) -> NDArray[np.float64]:
    return np.ones(len(frequencies))


def _part_of_code(content: str) -> float:
    """Part of the characters that stand on lines which look like code."""
    return sum(len(line) for line in content.splitlines() if _CODE.search(line)) / max(1, len(content))
