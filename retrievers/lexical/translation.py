"""Word translation probabilities learned from pairs (IBM's model 1), and the language model that searches with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrievers.lexical.counts import TermCounts
from retrievers.lexical.impacts import Impacts

ITERATIONS = 3
"""Expectation maximisation soon makes rare words too sure of their translation (Moore, ACL 2004)."""
LEAST = 1e-3
"""Smaller probabilities are dropped: most of the table's entries, hardly any of its mass."""


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
        targets = _joined(np.repeat(asked, len(told) + 1) for asked, told in rows)
        sources = _joined(np.tile([*told, null], len(asked)) for asked, told in rows)
        sizes = _joined(np.full(len(asked), len(told) + 1) for asked, told in rows)
        word = np.repeat(np.arange(len(sizes)), sizes)
        links, which = np.unique(sources * (null + 1) + targets, return_inverse=True)
        source, target = (part.astype(np.int64) for part in np.divmod(links, null + 1))
        probability = np.ones(len(links))
        for _ in range(ITERATIONS):
            share = probability[which]
            share /= np.bincount(word, weights=share)[word] if len(word) else 1.0
            expected = np.bincount(which, weights=share, minlength=len(links))
            probability = expected / np.bincount(source, weights=expected, minlength=null + 1)[source]
        kept = (source < null) & (probability >= LEAST)
        return cls(
            tuple(numbers),
            source[kept].astype(np.int32),
            target[kept].astype(np.int32),
            probability[kept].astype(np.float32),
        )


class TranslationModel:
    """Log-likelihood of a question under each document's language model, with translation (Xue, Jeon & Croft, SIGIR 2008).

    ``P(w|d) = l/(l+mu) [(1-beta) P_ml(w|d) + beta sum_t T(w|t) P_ml(t|d)] + mu/(l+mu) P(w|C)``, with l the document's
    length; a question's score is ``sum_w log(P(w|d)/P(w|C))``. All of it but one term of the length is an inverted file.
    """

    def __init__(self, counts: TermCounts, translations: Translations, beta: float, mu: float) -> None:
        documents = len(counts.lengths)
        self.terms = dict(counts.terms)
        for word in translations.words:
            self.terms.setdefault(word, len(self.terms))
        size = len(self.terms)
        starts = np.concatenate([counts.starts, np.full(size - len(counts.terms), counts.starts[-1])])
        tf = sp.csr_array(sp.csc_array((counts.frequencies, counts.docs, starts), shape=(documents, size)))
        collection = np.asarray(tf.sum(axis=0)) + 0.5
        number = np.array([self.terms[word] for word in translations.words], dtype=np.int64)
        sources, targets = number[translations.sources], number[translations.targets]
        table = sp.csr_array((translations.probability, (sources, targets)), shape=(size, size))
        mixed = sp.csc_array((1 - beta) * tf + beta * (tf @ table))
        spread = np.diff(mixed.indptr)
        background = np.repeat(collection / collection.sum(), spread)
        gains = np.log1p(mixed.data / (mu * background)).astype(np.float32)
        self._impacts = Impacts(mixed.indptr, mixed.indices.astype(np.int32), gains, documents)
        self._per_word = -np.log1p(counts.lengths / mu).astype(np.float32)

    def scores(self, bag: Mapping[int, float]) -> NDArray[np.float32]:
        """Score of a question, term number -> how often it stands there, for every document, float32 ``[N]``."""
        return self._impacts.scores(bag) + np.float32(sum(bag.values())) * self._per_word


def _joined(parts: Iterable[NDArray[np.integer]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)
