"""Why a dual encoder gives a question and a document its score."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.explanation import Explanation, Matrix, Part, Terms
from retrievers.neural.bag import Bag
from retrievers.neural.dual import DualEncoder
from retrievers.neural.encoder import Encoder, TextEncoder, columns, encode
from retrievers.neural.occlusion import Tokens, occlusion
from retrievers.neural.vocabulary import PAD, Sequences, Vocabulary

PRODUCTS = (
    "what each token of the question (rows) and each of the document (columns) add together: the cosine of two weighted means of "
    "word vectors is a sum over all pairs; the sum is the score"
)
POOLED = (
    "part of each token of the {} in the encoder's pooled state: {}; the parts sum to 1 and say where the encoder looks, not "
    "whether that helps"
)
KINDS = {
    "max": "of the dimensions whose maximum stands at the token",
    "attention": "its attention weight",
    "mean": "all equal",
    "last": "the tokens read last",
}


def attribution(
    model: DualEncoder, vocabulary: Vocabulary, question: Tokens, document: Tokens, device: str
) -> Explanation:
    """Occlusion of the tokens that the encoders read, and what can be read off the encoders themselves.

    That is for means of word vectors the exact products behind the cosine, for recurrent encoders the pooling shares.
    """

    def score(questions: Sequence[Tokens], documents: Sequence[Tokens]) -> NDArray[np.float32]:
        asked = encode(model.questions, vocabulary.encode_all(questions), device)
        solved = encode(model.solutions, vocabulary.encode_all(documents), device)
        paired: NDArray[np.float32] = (asked * solved).sum(1).cpu().numpy()
        return paired

    explanation = occlusion(question, document, score)
    if not (question and document):
        return explanation
    texts = vocabulary.encode_all([question]), vocabulary.encode_all([document])
    with torch.inference_mode():
        products = _products(model, texts, (question, document), device)
        asked = _pooled(model.questions, texts[0], "question", question, device)
        solved = _pooled(model.solutions, texts[1], "document", document, device)
    return explanation._replace(parts=(*products, *explanation.parts, *asked, *solved))


def _products(
    model: DualEncoder, texts: tuple[Sequences, Sequences], tokens: tuple[Tokens, Tokens], device: str
) -> list[Part]:
    """The summands of the cosine of two means, none for other encoders."""
    encoders = model.questions, model.solutions
    if not (isinstance(encoders[0], Bag) and isinstance(encoders[1], Bag)):
        return []
    asked, solved = _summands(encoders[0], texts[0], device), _summands(encoders[1], texts[1], device)
    return [Matrix(PRODUCTS, tuple(tokens[0]), tuple(tokens[1]), (asked @ solved.T).cpu().numpy())]


def _summands(bag: Bag, text: Sequences, device: str) -> torch.Tensor:
    """The vectors ``[L, D]`` whose sum is the vector of one text: its words', weighted and divided by the length of the sum."""
    ids = columns(text, np.zeros(1, dtype=np.int64), device)[:, 0]
    weighted = bag.embedding.weight[ids] * (bag.weight[ids] * (ids != PAD))[:, None]
    unit: torch.Tensor = weighted / weighted.sum(0).norm().clamp_min(1e-12)
    return unit


def _pooled(encoder: TextEncoder, text: Sequences, side: str, tokens: Tokens, device: str) -> list[Part]:
    """The share of each token in the pooled state, none for encoders without one."""
    if not isinstance(encoder, Encoder):
        return []
    shares = encoder.contributions(columns(text, np.zeros(1, dtype=np.int64), device))[:, 0]
    title = POOLED.format(side, KINDS[encoder.pool.kind])
    return [Terms(title, tuple(tokens), tuple(shares.float().cpu().tolist()))]
