"""Hard negatives: solutions that share words with a question and do not solve it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from retrievers.neural.examples import Examples
from retrievers.neural.lexical import Lexical
from retrievers.neural.vocabulary import Vocabulary

HARDEST = 50
"""Negatives are drawn from so many of the best."""
POOL = 4096
"""Solutions among which those of a question are looked for: about as hard as a pool of that size, and cheap to search."""
ROWS = 512


@dataclass(frozen=True)
class Mined:
    """The hardest solutions int64 ``[questions, HARDEST or fewer]`` of every question, by BM25."""

    hardest: NDArray[np.int64]

    @classmethod
    def of(cls, examples: Examples, vocabulary: Vocabulary, rng: np.random.Generator) -> Self:
        """Rank one random pool of solutions, the same for every question; what solves a question is not among its negatives."""
        questions, solutions = (
            vocabulary.encode_all(side, repeats=True) for side in (examples.questions, examples.solutions)
        )
        lexical = Lexical(questions, solutions, vocabulary.idf)
        relevance = examples.relevance()
        count = len(examples.solutions)
        pool = np.sort(rng.permutation(count)[:POOL])
        best = []
        for start in range(0, len(examples.questions), ROWS):
            rows = np.arange(start, min(start + ROWS, len(examples.questions)))
            scores = lexical.scores(rows, pool)
            scores[relevance[rows][:, pool].toarray()] = -np.inf
            best.append(pool[torch.from_numpy(scores).topk(min(HARDEST, len(pool))).indices.numpy()])
        return cls(np.concatenate(best) if best else np.zeros((0, 0), dtype=np.int64))

    def draw(self, questions: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """``count`` of the hardest solutions for each question, drawn with replacement: ``[len(questions), count]``."""
        drawn = rng.integers(self.hardest.shape[1], size=(len(questions), count))
        return np.take_along_axis(self.hardest[questions], drawn, axis=1)
