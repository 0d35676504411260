"""Listwise training of the interaction CNN: a solution among hard and random negatives."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from retrievers.neural.examples import Examples
from retrievers.neural.folds import Fold
from retrievers.neural.interaction import InteractionCNN, interaction
from retrievers.neural.lexical import Lexical
from retrievers.neural.reading import Texts, signals

POOL = 2048
"""Pairs among which negatives are looked for: about as hard as a pool of that size, and cheap to search."""
HARDEST = 50
"""Hard negatives are drawn from this many of the pool that a first stage ranks highest."""


class Lists(NamedTuple):
    """A batch: questions ``[b]``, solutions ``[b, m]`` with the right one first, ignored ``[b, m]`` where another is right too."""

    fold: Fold
    questions: NDArray[np.int64]
    solutions: NDArray[np.int64]
    ignored: NDArray[np.bool_]


class ListLoss:
    """Batches of lists, drawn anew in every epoch, and the loss of one."""

    def __init__(
        self,
        cnn: InteractionCNN,
        examples: Examples,
        folds: Sequence[Fold],
        lexical: Lexical,
        *,
        hard: int,
        random: int,
        rng: np.random.Generator,
    ) -> None:
        self._cnn = cnn
        self._relevance = examples.relevance()
        self._folds = folds
        self._lexical = lexical
        self._counts = hard, random
        self._rng = rng

    def epoch(self, size: int) -> Iterator[tuple[float, Lists]]:
        """Lists for every training pair, each batch after the part of the epoch that is done."""
        pools = [
            (fold, pool)
            for fold in self._folds
            for pool in np.array_split(self._rng.permutation(fold.pairs), -(-len(fold.pairs) // POOL))
        ]
        for number, at in enumerate(self._rng.permutation(len(pools))):
            fold, pool = pools[at]
            solutions, ignored = self._negatives(fold, pool)
            batches = np.array_split(np.arange(len(pool)), -(-len(pool) // size))
            for step, batch in enumerate(batches):
                done = (number + step / len(batches)) / len(pools)
                yield done, Lists(fold, pool[batch, 0], solutions[batch], ignored[batch])

    def __call__(self, lists: Lists) -> Tensor:
        """Softmax cross-entropy of the right solution in its list (ListNet's top-one loss; Cao et al., ICML 2007)."""
        device = lists.fold.questions.words.device
        questions = lists.fold.questions.rows(torch.from_numpy(lists.questions).to(device)[:, None])
        solutions = lists.fold.solutions.rows(torch.from_numpy(lists.solutions).to(device))
        look_up = lists.fold.lexicon.look_up
        maps = interaction(look_up(solutions.words.flatten(1)), look_up(questions.words[:, 0]))
        counts = questions.lengths.clamp_min(1).expand_as(solutions.lengths).reshape(-1, 1)
        logits = self._cnn(
            maps.view(-1, solutions.words.shape[2], *maps.shape[2:]),
            counts,
            signals(questions, solutions).flatten(0, 1),
        )
        logits = logits.view(lists.solutions.shape).masked_fill(torch.from_numpy(lists.ignored).to(device), -torch.inf)
        return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64, device=device))

    def _negatives(self, fold: Fold, pool: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Solutions ``[P, 1 + hard + random]`` and which of them, besides the first, are right as well."""
        known = np.unique(pool[:, 1])
        relevant = self._relevance[pool[:, 0]][:, known].toarray()
        scores = first_stage(self._lexical, fold.questions, fold.solutions, pool[:, 0], known)
        scores[relevant] = -np.inf
        hardest = torch.from_numpy(scores).topk(min(HARDEST, len(known))).indices.numpy()
        hard, random = self._counts
        drawn = self._rng.integers(hardest.shape[1], size=(len(pool), hard))
        columns = np.hstack(
            [np.take_along_axis(hardest, drawn, axis=1), self._rng.integers(len(known), size=(len(pool), random))]
        )
        ignored = np.take_along_axis(relevant, columns, axis=1)
        first = np.zeros((len(pool), 1), dtype=np.bool_)
        return np.hstack([pool[:, 1:], known[columns]]), np.hstack([first, ignored])


def first_stage(
    lexical: Lexical, questions: Texts, solutions: Texts, asked: NDArray[np.int64], known: NDArray[np.int64]
) -> NDArray[np.float32]:
    """BM25 plus the cosine of the bags, both as standard scores over the known solutions: ``[len(asked), len(known)]``."""
    cosine = questions.bags[asked] @ solutions.bags[known].T
    return _standard(lexical.scores(asked, known)) + _standard(cosine.cpu().numpy())


def _standard(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    if not scores.size:
        return scores
    spread = scores.std(axis=1, keepdims=True)
    standard: NDArray[np.float32] = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return standard
