"""What a term of a question is worth, learned from how often solutions take it up: Robertson/Spärck Jones weights."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

STRENGTH = 5.0
"""How many questions the estimate for all terms of like frequency outweighs."""
CLASSES = 24
"""Classes of terms by frequency, each of terms half as frequent as those of the class before."""


class Relevance(NamedTuple):
    """How often a term stands in a question (``asked``) and then also in its solution (``kept``); both by term.

    prior: float64 ``[CLASSES]``, the part that is kept of the terms of each class of frequency.
    """

    asked: Mapping[str, int]
    kept: Mapping[str, int]
    prior: NDArray[np.float64]

    @classmethod
    def learn(
        cls, pairs: Iterable[tuple[Sequence[str], Sequence[str]]], frequencies: Mapping[str, int], documents: int
    ) -> Self:
        """Count over analysed pairs of question and solution; ``frequencies``: of how many ``documents`` hold a term."""
        asked: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        for question, solution in pairs:
            terms = set(question)
            asked.update(terms)
            kept.update(terms.intersection(solution))
        words = [word for word in asked if word in frequencies]
        classes = _classes(np.array([frequencies[word] for word in words], dtype=np.float64), documents)
        of_class = [np.bincount(classes, [n[word] for word in words], CLASSES) for n in (asked, kept)]
        return cls(asked, kept, (of_class[1] + 0.5) / (of_class[0] + 1.5))

    def weights(self, terms: Iterable[str], frequencies: NDArray[np.int64], documents: int) -> NDArray[np.float32]:
        """``log(p (1-q) / (q (1-p)))`` of each term, float32 ``[V]`` (Robertson & Spärck Jones 1976, formula F3).

        p: the chance that a solution takes the question's term up, estimated from the pairs and, where these are few, from
        the terms that are as frequent. q: the part of all documents that hold it; their F4 would leave out the relevant ones.
        frequencies: int64 ``[V]``, how many of the ``documents`` hold each term.
        """
        asked, kept = (np.array([n.get(term, 0) for term in terms], float) for n in (self.asked, self.kept))
        prior = self.prior[_classes(frequencies, documents)]
        chance = np.clip((kept + STRENGTH * prior) / (asked + STRENGTH), 1e-4, 0.99)
        common = (frequencies + 0.5) / (documents + 1)
        return (np.log(chance / (1 - chance)) - np.log(common / (1 - common))).astype(np.float32)


def _classes(frequencies: NDArray[np.integer] | NDArray[np.float64], documents: int) -> NDArray[np.int64]:
    return np.clip(np.log2((documents + 1) / (frequencies + 0.5)), 0, CLASSES - 1).astype(np.int64)
