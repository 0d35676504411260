"""Cross-fitting: what learns from vectors must not see them on the pairs that they were learned from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Env
from retrievers.lexical.folds import splits
from retrievers.neural.bag import Bag, learn_bag
from retrievers.neural.examples import Examples
from retrievers.neural.interaction import Lexicon
from retrievers.neural.reading import Texts
from retrievers.neural.runtime import portion
from retrievers.neural.vocabulary import Sequences, Vocabulary

FOLDS = 2
BLOCK = 256
"""Questions that go to a fold together: neighbours in a collection are often related, and would give each other away."""


class Fold(NamedTuple):
    """A part of the training pairs ``[P, 2]``, with vectors learned without them, their questions and their solutions."""

    pairs: NDArray[np.int64]
    lexicon: Lexicon
    questions: Texts
    solutions: Texts


def cross_fitted(
    examples: Examples,
    texts: tuple[Sequences, Sequences],
    vocabulary: Vocabulary,
    evaluate: Callable[[Bag], float | None],
    *,
    widths: tuple[int, int],
    dimensions: int,
    epochs: int,
    rng: np.random.Generator,
    env: Env,
) -> tuple[Bag, list[Fold], dict[str, Any]]:
    """A bag learned from all pairs, the folds with bags learned from the other folds' pairs, and the first one's record.

    evaluate: the dev measure of a bag. widths: how many words of a question and of a solution enter a map.
    """

    def learn(part: Examples, measure: Callable[[Bag], float | None], step: int) -> tuple[Bag, dict[str, Any]]:
        own = portion(env, step / (1 + FOLDS), (step + 1) / (1 + FOLDS), f"fold-{step}")
        return learn_bag(part, texts, vocabulary, measure, dimensions=dimensions, epochs=epochs, rng=rng, env=own)

    bag, record = learn(examples, evaluate, 0)
    block = max(1, min(BLOCK, len(examples.questions) // FOLDS))
    folds = []
    for number, split in enumerate(splits(examples.pairs, FOLDS, block), start=1):
        other, _ = learn(examples._replace(pairs=examples.pairs[split.taught]), lambda _: None, number)
        lexicon = Lexicon.of(other, torch.from_numpy(vocabulary.idf))
        questions, solutions = (
            Texts.of(side, width, other, env.device) for side, width in zip(texts, widths, strict=True)
        )
        folds.append(Fold(examples.pairs[split.held], lexicon, questions, solutions))
    return bag, folds, record
