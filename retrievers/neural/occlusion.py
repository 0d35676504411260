"""What each token is worth to a score, found by leaving it out: for any scorer of pairs, and it needs no gradient."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.explanation import Explanation, Terms
from retrievers.neural.vocabulary import Vocabulary

Tokens = Sequence[str]
PairScores = Callable[[Sequence[Tokens], Sequence[Tokens]], NDArray[np.float32]]
"""Scores ``[n]`` of n questions, each with the document at the same place; both given as tokens."""

TITLE = "what each token of the {} adds, found by leaving it out: the score minus the score without it; the sum is not the score"


def tokens_read(vocabulary: Vocabulary, tokens: Tokens, limit: int) -> tuple[str, ...]:
    """The tokens behind the ids of ``Vocabulary.encode``: of those with one id the first, at most ``limit``."""
    first: dict[int, str] = {}
    for token in dict.fromkeys(tokens):
        for known in vocabulary.encode([token]):
            first.setdefault(known, token)
    return tuple(first.values())[:limit]


def occlusion(question: Tokens, document: Tokens, score: PairScores) -> Explanation:
    """The score of a pair, and the change when a token of the question or of the document goes (Zeiler & Fergus, ECCV 2014)."""
    questions, documents = _without(question), _without(document)
    asked = [question, *questions, *[question] * len(documents)]
    read = [*[document] * (1 + len(questions)), *documents]
    scores = score(asked, read).astype(np.float64)
    lost = (scores[0] - scores[1:]).tolist()
    sides = (("question", question, lost[: len(question)]), ("document", document, lost[len(question) :]))
    parts = tuple(Terms(TITLE.format(side), tuple(tokens), tuple(values)) for side, tokens, values in sides)
    return Explanation(float(scores[0]), parts)


def _without(tokens: Tokens) -> list[list[str]]:
    """The text without its first token, without its second, and so on."""
    return [[*tokens[:at], *tokens[at + 1 :]] for at in range(len(tokens))]
