"""Many opinions on how well a document answers a question, each standardised over the searched documents."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from bench.api import Env
from retrievers.lexical.counts import TermCounts, bag
from retrievers.lexical.formulas import VARIANTS, weights
from retrievers.lexical.grams import Grams
from retrievers.lexical.impacts import Impacts
from retrievers.lexical.lessons import Lessons
from retrievers.lexical.translation import TranslationModel
from retrievers.text.analysis import Analyzer

NAMES = (
    "bm25", "lead", "words", "bigrams", "grams", "coverage", "rare coverage", "gram coverage", "topics", "translation",
    "worth", "worth x frequency", "gram worth", "gram worth x frequency", "length", "code",
)  # fmt: skip
"""In the order of the columns; the last two are of the document alone."""

BETA, MU = 0.6, 100.0
LEAD = 60
"""Terms of a document's beginning: people answer first and explain then."""
TOPICS = 200
_CODE = re.compile(r"[=(){}\[\]]|>>>|^\s{2}|^import |^from ")

Table = NDArray[np.float32]
Terms = list[str]


class Signals:
    """What every signal says about every document of one corpus."""

    def __init__(self, contents: Sequence[str], analyze: Analyzer, lessons: Lessons, env: Env) -> None:
        self._analyze, self._words, self._grams = analyze, Analyzer("none", analyze.stop, split=False), Grams()
        terms = []
        for number, content in enumerate(contents, start=1):
            terms.append(analyze(content))
            if number % 1000 == 0:
                env.progress(0.3 * number / len(contents), f"analysed {number:,} of {len(contents):,} documents")
        counts = TermCounts.of(terms)
        idf = _idf(counts)
        self._counts, self._gram_counts = counts, TermCounts.of(map(self._grams, contents))
        grams = self._gram_counts
        self._bm25 = _bm25(counts, 2.0, 0.75)
        self._lead = _Lexical(TermCounts.of(text[:LEAD] for text in terms), 2.0, 0.75)
        self._whole = _Lexical(TermCounts.of(map(self._words, contents)), 1.2, 0.75)
        self._bigrams = _Lexical(TermCounts.of(map(bigrams, terms)), 1.2, 0.3)
        self._gram_bm25 = _bm25(grams, 2.0, 0.75)
        self._gram_coverage = _coverage(grams, _idf(grams))
        self._coverage, self._rare = _coverage(counts, idf), _coverage(counts, idf * idf)
        env.progress(0.7, "reducing dimensions")
        self._topics = _Topics(counts, idf)
        self.teach(lessons)
        code = [_part_of_code(content) for content in contents]
        self._own = standard(
            np.stack([np.log1p(counts.lengths), np.asarray(code, dtype=np.float64)]).astype(np.float32)
        )

    def teach(self, lessons: Lessons) -> None:
        """Take over other lessons instead."""
        self._translation = TranslationModel(self._counts, lessons.translations, BETA, MU)
        words, grams = lessons.words.weights(self._counts), lessons.grams.weights(self._gram_counts)
        self._word_worth = [_coverage(self._counts, words), _weighted(self._counts, words, 2.0, 0.75)]
        self._gram_worth = [_coverage(self._gram_counts, grams), _weighted(self._gram_counts, grams, 2.0, 0.75)]

    def table(self, text: str) -> Table | None:
        """Signals of a question, float32 ``[len(NAMES), N]``; None if no document shares a word or n-gram with it.

        Each row has mean 0 and standard deviation 1 over the documents, or is 0 where all are alike.
        """
        asked, grams = self._analyze(text), bag(self._grams(text), self._gram_counts.terms)
        terms = bag(asked, self._counts.terms)
        if not terms and not grams:
            return None
        once, grams_once = dict.fromkeys(terms, 1), dict.fromkeys(grams, 1)
        rows = [
            self._bm25.scores(terms),
            self._lead.scores(asked),
            self._whole.scores(self._words(text)),
            self._bigrams.scores(bigrams(asked)),
            self._gram_bm25.scores(grams),
            self._coverage.scores(once),
            self._rare.scores(once),
            self._gram_coverage.scores(grams_once),
            self._topics.scores(terms),
            self._translation.scores(bag(asked, self._translation.terms)),
            *(worth.scores(once) for worth in self._word_worth),
            *(worth.scores(grams_once) for worth in self._gram_worth),
        ]
        return np.concatenate([standard(np.stack(rows)), self._own])


def standard(rows: Table) -> Table:
    """Every row with mean 0 and standard deviation 1; a constant row becomes 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(deviation > 1e-6, deviation, np.inf), dtype=np.float32)  # noqa: PLR2004


def bigrams(terms: Sequence[str]) -> Terms:
    """Neighbouring terms, as one term each."""
    return [f"{left} {right}" for left, right in pairwise(terms)]


class _Lexical:
    """BM25 over terms of its own."""

    def __init__(self, counts: TermCounts, k1: float, b: float) -> None:
        self._terms, self._impacts = counts.terms, _bm25(counts, k1, b)

    def scores(self, terms: Iterable[str]) -> Table:
        return self._impacts.scores(bag(terms, self._terms))


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

    def scores(self, terms: Iterable[int]) -> Table:
        at = np.fromiter(sorted(terms), dtype=np.int64)
        return np.asarray(self._documents @ _unit(self._idf[at] @ self._basis[at]), dtype=np.float32)


def _unit(vectors: Table) -> Table:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _idf(counts: TermCounts) -> NDArray[np.float64]:
    return VARIANTS["lucene"].idf(counts.document_frequencies, len(counts.lengths))


def _bm25(counts: TermCounts, k1: float, b: float) -> Impacts:
    scores = weights(counts, VARIANTS["lucene"], k1, b, 0.0)
    return Impacts(counts.starts, counts.docs, scores, len(counts.lengths))


def _weighted(counts: TermCounts, worth: NDArray[np.float32], k1: float, b: float) -> Impacts:
    """BM25 with these weights for its IDF."""
    factors = np.repeat(worth / _idf(counts), counts.document_frequencies).astype(np.float32)
    scores = factors * weights(counts, VARIANTS["lucene"], k1, b, 0.0)
    return Impacts(counts.starts, counts.docs, scores, len(counts.lengths))


def _coverage(counts: TermCounts, worth: NDArray[np.floating]) -> Impacts:
    """Worth of the question's terms that a document holds, however often."""
    scores = np.repeat(worth, counts.document_frequencies).astype(np.float32)
    return Impacts(counts.starts, counts.docs, scores, len(counts.lengths))


def _part_of_code(content: str) -> float:
    """Part of the characters that stand on lines which look like code."""
    return sum(len(line) for line in content.splitlines() if _CODE.search(line)) / max(1, len(content))
