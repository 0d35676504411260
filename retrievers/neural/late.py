"""Late interaction: texts are kept as one vector for each token, and every token of a question looks for its best match."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from bench.explanation import Explanation, Matrix, Terms
from retrievers.neural.bag import Bag
from retrievers.neural.batches import inference_batches
from retrievers.neural.cosine import select
from retrievers.neural.dual import DualEncoder
from retrievers.neural.encoder import Encoder, TextEncoder, columns
from retrievers.neural.occlusion import Tokens as Words
from retrievers.neural.occlusion import occlusion
from retrievers.neural.runtime import autocast
from retrievers.neural.vocabulary import PAD, Sequences, Vocabulary

TILE = 1 << 14
"""Document tokens in a tile of similarities: with one question's tokens it stays in a core's cache."""
CELLS = 1 << 25
"""Similarities of tokens held at once in a search (128 MB)."""

SCORES = 1 << 26
"""Scores of documents held at once (256 MB)."""
LENGTH_PENALTY = 0.02
"""At the start; for each factor of e that a document is longer."""

WEIGHTS = "how much each token of the question counts; the weights sum to 1"
COSINES = (
    "cosine of each token of the question (rows) with each of the document (columns); the score is the mean of the rows' "
    "largest, by the weights above, less what is taken off for the document's length"
)


class Tokens(NamedTuple):
    """Unit vectors ``[L, B, D]`` of the tokens of texts, and how much each counts ``[L, B]``; both 0 where a text has ended."""

    vectors: Tensor
    weights: Tensor


class TokenEncoder(TextEncoder):
    """Ids ``[L, B]`` -> ``Tokens``: of an ``Encoder`` a token's state and word vector, of a ``Bag`` the word vector alone.

    Each word counts by the weight that these learn for it, IDF at first.
    """

    def __init__(self, words: Encoder | Bag, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = words
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tokens:  # texts are tokens here, not one vector
        """Encode."""
        if self.words.weight is None:
            raise ValueError("an encoder without a skip connection has no weights of words")
        weights = self.words.weight[ids].clamp_min(0) * (ids != PAD)
        if isinstance(self.words, Encoder):
            return Tokens(self.words.token_vectors(ids), weights)
        return Tokens(F.normalize(self.dropout(self.words.embedding(ids)), dim=-1), weights)


class LateInteraction(DualEncoder):
    """A dual encoder whose similarity is the weighted mean, over the tokens of a question, of the best cosine with a document's.

    ColBERT's MaxSim (Khattab & Zaharia, SIGIR 2020, equation 3), but for the weights, and for what is taken off for the length
    of a document: among many tokens a good match is found by chance, and how much of it is, is learned.
    """

    def __init__(
        self, encoders: Sequence[TextEncoder], temperature: float = 1.0, *, learn_temperature: bool = False
    ) -> None:
        super().__init__(encoders, temperature, learn_temperature=learn_temperature)
        self.length_penalty = nn.Parameter(torch.tensor(LENGTH_PENALTY))

    def similarity(self, questions: Tokens, solutions: Tokens) -> Tensor:  # type: ignore[override]
        """``[Q, S]``; 0 for a question without tokens."""
        asked, solved = Asked.of(questions), _filled(solutions.vectors)
        cosines = asked.vectors @ solved.flatten(0, 1).T
        best = cosines.view(-1, *solved.shape[:2]).max(1).values.float()
        return asked.mean(best - self.length_penalty * _log_length(solutions.vectors))


class Asked(NamedTuple):
    """The tokens of questions without padding: vectors ``[T, D]``, share in their question ``[T]``, its row ``[T]``; how many."""

    vectors: Tensor
    shares: Tensor
    rows: Tensor
    questions: int

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        """Leave out the padding, and what counts nothing."""
        rows, columns = tokens.weights.T.nonzero(as_tuple=True)
        shares = tokens.weights / tokens.weights.sum(0).clamp_min(1e-6)
        return cls(tokens.vectors[columns, rows], shares[columns, rows], rows, tokens.weights.shape[1])

    def mean(self, best: Tensor) -> Tensor:
        """Weighted means over the tokens of each question: ``[T, n]`` -> ``[questions, n]``."""
        total = best.new_zeros((self.questions, best.shape[1]))
        return total.index_add(0, self.rows, best * self.shares[:, None])


def _log_length(vectors: Tensor) -> Tensor:
    """``log(1 + n)`` of the number of tokens of each text of ``[L, B, D]``."""
    return vectors.any(-1).sum(0).float().log1p()


def _filled(vectors: Tensor) -> Tensor:
    """Tokens ``[L, B, D]`` in which a short text repeats its first one, so that no maximum notices the padding."""
    return torch.where(vectors.any(-1, keepdim=True), vectors, vectors[:1])


class TokenIndex:
    """The tokens of documents, in tiles of documents of similar length; a short text repeats its first token to fill its row."""

    def __init__(self, model: LateInteraction, texts: Sequences, device: str) -> None:
        self.tiles: list[tuple[Tensor, Tensor, Tensor]] = []
        """Documents int64 ``[n]`` of a tile, their tokens' vectors ``[L, n, D]``, and what is taken off for their length ``[n]``."""
        self._count = len(texts.lengths)
        self._device = device
        with torch.inference_mode(), autocast(device):
            for rows in inference_batches(texts.lengths, TILE):
                vectors = model.solutions(columns(texts, rows, device)).vectors
                penalty = model.length_penalty * _log_length(vectors)
                self.tiles.append((torch.from_numpy(rows).to(device), _filled(vectors), penalty))

    def search(self, questions: Tokens, k: int) -> tuple[Tensor, Tensor]:
        """Positions and scores ``[Q, min(k, N)]`` of the documents most alike; equal scores keep the lower position."""
        count, rows = questions.weights.shape[1], max(1, SCORES // max(1, self._count))
        blocks = [slice(start, start + rows) for start in range(0, max(count, 1), rows)]
        found = [self._search(Tokens(questions.vectors[:, block], questions.weights[:, block]), k) for block in blocks]
        return torch.cat([positions for positions, _ in found]), torch.cat([scores for _, scores in found])

    def _search(self, questions: Tokens, k: int) -> tuple[Tensor, Tensor]:
        asked = Asked.of(questions)
        scores = torch.zeros((asked.questions, self._count), device=self._device)
        for documents, vectors, penalty in self.tiles:
            tokens = vectors.flatten(0, 1).T
            rows = max(1, CELLS // max(1, tokens.shape[1]))
            best = [(part @ tokens).view(-1, *vectors.shape[:2]).amax(1) for part in torch.split(asked.vectors, rows)]
            scores[:, documents] = asked.mean(torch.cat(best) - penalty)
        return select(scores, min(k, self._count))


def matches(model: DualEncoder, vocabulary: Vocabulary, question: Words, document: Words, device: str) -> Explanation:
    """What the tokens are worth, and the cosines of which every question token takes the largest."""

    def score(questions: Sequence[Words], documents: Sequence[Words]) -> NDArray[np.float32]:
        asked, solved = (
            read(encoder, vocabulary.encode_all(side), device)
            for encoder, side in ((model.questions, questions), (model.solutions, documents))
        )
        pairs = [
            model.similarity(Tokens(*(part[:, [at]] for part in asked)), Tokens(*(part[:, [at]] for part in solved)))  # type: ignore[arg-type]
            for at in range(len(questions))
        ]
        paired: NDArray[np.float32] = torch.cat(pairs)[:, 0].cpu().numpy()
        return paired

    found = occlusion(question, document, score)
    if not (question and document):
        return found
    asked, solved = (
        read(encoder, vocabulary.encode_all([side]), device)
        for encoder, side in ((model.questions, question), (model.solutions, document))
    )
    share = (asked.weights[:, 0] / asked.weights.sum().clamp_min(1e-6)).tolist()
    cosines = asked.vectors[:, 0] @ solved.vectors[:, 0].T
    weights = Terms(WEIGHTS, tuple(question), tuple(share))
    return found._replace(
        parts=(weights, Matrix(COSINES, tuple(question), tuple(document), cosines.cpu().numpy()), *found.parts)
    )


def read(encoder: TextEncoder, texts: Sequences, device: str) -> Tokens:
    """All texts at once, for questions."""
    rows: NDArray[np.int64] = np.arange(len(texts.lengths))
    with torch.inference_mode(), autocast(device):
        tokens: Tokens = encoder(columns(texts, rows, device))
    return tokens
