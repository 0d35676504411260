"""Word translation probabilities learned from pairs (IBM's model 1), and the language model that searches with them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrievers.lexical.counts import TermCounts

ITERATIONS = 3
"""Expectation maximisation soon makes rare words too sure of their translation (Moore, ACL 2004)."""
LEAST = 1e-3
"""Smaller probabilities are dropped: most of the table's entries, hardly any of its mass."""
SOURCES = 1024
"""Words of solutions kept for each word of questions, the likeliest; hardly any has more."""
ROWS = 128
"""Words of questions whose gains are worked out beforehand for every document, those that take longest: common ones, which
solutions of all kinds stand for. Half a kilobyte for each document."""


class Translations(NamedTuple):
    """``probability[e]`` that a word of a solution, ``sources[e]``, stands for a word of its question, ``targets[e]``.

    words: what the numbers in sources and targets, int32 ``[E]``, mean. probability: float32 ``[E]``.
    """

    words: tuple[str, ...]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    probability: NDArray[np.float32]

    @classmethod
    def learn(cls, questions: Sequence[Sequence[str]], solutions: Sequence[Sequence[str]]) -> Self:
        """Model 1 of Brown et al. (1993) from analysed pairs, ``questions[i]`` being solved by ``solutions[i]``.

        Which word of the solution, or none (the null word), gave rise to each word of the question is what expectation
        maximisation fills in. A word counts once in a solution, for every repeat in a question.
        """
        numbers: dict[str, int] = {}
        rows = [
            (
                [numbers.setdefault(w, len(numbers)) for w in asked],
                [numbers.setdefault(w, len(numbers)) for w in set_of],
            )
            for asked, set_of in zip(questions, map(dict.fromkeys, solutions), strict=True)
        ]
        null = len(numbers)
        sizes = np.array([len(told) + 1 for asked, told in rows for _ in asked], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes  # of what one word of a question may stem from
        links = np.empty(sizes.sum(), dtype=np.int64)  # every word told for every word asked: what takes memory
        at = 0
        for asked, told in rows:
            part = np.add.outer(asked, np.multiply([*told, null], null + 1)).ravel()
            links[at : at + len(part)] = part
            at += len(part)
        del rows
        links, inverse = np.unique(links, return_inverse=True)
        which = inverse.astype(np.int32)
        del inverse
        source, target = (part.astype(np.int32) for part in np.divmod(links, null + 1))
        size = len(links)
        del links
        probability = np.ones(size)
        for _ in range(ITERATIONS if size else 0):
            share = probability[which]
            share /= np.repeat(np.add.reduceat(share, starts), sizes)
            expected = np.bincount(which, weights=share, minlength=size)
            probability = expected / np.bincount(source, weights=expected, minlength=null + 1)[source]
        kept = np.flatnonzero((source < null) & (probability >= LEAST))
        kept = kept[_among_best(target[kept], probability[kept])]
        return cls(tuple(numbers), source[kept], target[kept], probability[kept].astype(np.float32))

    def check(self) -> None:
        """ValueError if this cannot have been learned: arrays of other lengths, or numbers of no word."""
        entries, words = self.probability.shape, len(self.words)
        numbers = (self.sources, self.targets)
        if len(entries) != 1 or any(part.shape != entries or part.dtype != np.int32 for part in numbers):
            raise ValueError("a source, a target and a probability expected for each translation")
        if any(part.size and not 0 <= part.min() <= part.max() < words for part in numbers):
            raise ValueError(f"a translation names a word beyond the {words:,} stored")


class TranslationModel:
    """Log-likelihood of a question under each document's language model, with translation (Xue, Jeon & Croft, SIGIR 2008).

    ``P(w|d) = l/(l+mu) [(1-beta) P_ml(w|d) + beta sum_t T(w|t) P_ml(t|d)] + mu/(l+mu) P(w|C)``, with l the document's
    length; a question's score is ``sum_w log(P(w|d)/P(w|C))``. Questions are translated, not documents, whose postings
    would be many times more.
    """

    def __init__(self, counts: TermCounts, beta: float, mu: float) -> None:
        documents = len(counts.lengths)
        self._known, self._beta, self._mu = counts.terms, beta, mu
        shape = (len(counts.terms), documents)
        self._postings = sp.csr_array((counts.frequencies, counts.docs, counts.starts), shape=shape)
        self._often = np.asarray(self._postings.sum(axis=1), dtype=np.float64)
        self._per_word = -np.log1p(counts.lengths / mu).astype(np.float32)
        self.teach(Translations.learn((), ()))

    def teach(self, translations: Translations) -> None:
        """Take over other translations instead."""
        self.terms = dict(self._known)
        for word in translations.words:
            self.terms.setdefault(word, len(self.terms))
        collection = np.full(len(self.terms), 0.5)
        collection[: len(self._known)] += self._often
        self._background: NDArray[np.float64] = self._mu * collection / collection.sum()
        number = np.array([self.terms[word] for word in translations.words], dtype=np.int64)
        sources, targets = number[translations.sources], number[translations.targets]
        there = sources < len(self._known)
        shape = (len(self.terms), len(self._known))
        table = sp.csr_array((translations.probability[there], (targets[there], sources[there])), shape=shape)
        itself = sp.eye_array(*shape, dtype=np.float32, format="csr")
        self._sources = (self._beta * table + (1 - self._beta) * itself).tocsr()
        spread = np.concatenate([[0], np.cumsum(np.diff(self._postings.indptr)[self._sources.indices])])
        work = np.diff(spread[self._sources.indptr]) * (np.diff(self._sources.indptr) > 1)
        most = np.argsort(-work, kind="stable")[:ROWS]
        self._rows = {word: self._row(word) for word in most[work[most] > 0].tolist()}

    def scores(self, bag: Mapping[int, float]) -> NDArray[np.float32]:
        """Score of a question, term number -> how often it stands there, for every document, float32 ``[N]``.

        Above 0 where the document makes the question likelier than the collection does.
        """
        total = np.float32(sum(bag.values())) * self._per_word
        for word in sorted(bag):
            row = self._rows.get(word)
            docs, gains = self._gains(word) if row is None else (slice(None), row)
            total[docs] += np.float32(bag[word]) * gains
        return total

    def _gains(self, word: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The documents that hold a word or one that stands for it, and what they gain before their length is counted."""
        part = slice(self._sources.indptr[word], self._sources.indptr[word + 1])
        weights, sources = self._sources.data[part], self._sources.indices[part]
        one = sp.csr_array((weights, sources, np.array([0, len(sources)])), shape=(1, len(self._known)))
        mixed = one @ self._postings
        return mixed.indices, np.log1p(mixed.data / np.float32(self._background[word]))

    def _row(self, word: int) -> NDArray[np.float32]:
        row = np.zeros(len(self._per_word), dtype=np.float32)
        docs, gains = self._gains(word)
        row[docs] = gains
        return row


def _among_best(target: NDArray[np.int32], probability: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a source is one of the ``SOURCES`` likeliest of its target."""
    order = np.lexsort((-probability, target))
    ordered = target[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    best = np.zeros(len(order), dtype=np.bool_)
    best[order] = place < SOURCES
    return best
