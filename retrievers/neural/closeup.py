"""The interaction CNN looked at while it reads one document: its map of similarities, and what each cell is worth."""

import numpy as np
import torch
from torch import Tensor

from bench.explanation import Matrix
from retrievers.neural.interaction import InteractionCNN, Lexicon, interaction
from retrievers.neural.reading import Texts, signals

SIMILARITY = (
    "cosine of the learned vectors of a question's word (rows) and a document's word (columns), which the network reads"
)
CELLS = (
    "what each pair of words adds, found by emptying its cell of the network's input: the score minus the score without it; the "
    "sum is not the score"
)
AT_ONCE = 128
"""Maps read at once."""


def read(cnn: InteractionCNN, lexicon: Lexicon, questions: Texts, documents: Texts) -> Tensor:
    """Logits ``[n]`` of n questions, each with the document in the same row."""
    return _logits(cnn, _maps(lexicon, questions, documents), questions, documents)


def closeup(
    cnn: InteractionCNN,
    lexicon: Lexicon,
    texts: tuple[Texts, Texts],
    tokens: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    probability: bool,
) -> tuple[Matrix, Matrix]:
    """The similarities that the network reads, and what each cell adds to the score.

    texts: one question and one document. tokens: theirs, of which the first that the map has room for are shown.
    """
    question, document = texts
    width, length = int(question.lengths[0]), int(document.lengths[0])
    [whole] = _maps(lexicon, question, document)
    cells = torch.cartesian_prod(torch.arange(length), torch.arange(width)).to(whole.device)
    scores = [_scored(cnn, whole[None], texts, probability=probability)]
    for start in range(0, len(cells), AT_ONCE):
        some = cells[start : start + AT_ONCE]
        maps = whole.expand(len(some), *whole.shape).clone()
        maps[torch.arange(len(some), device=whole.device), some[:, 0], some[:, 1]] = 0
        scores.append(_scored(cnn, maps, texts, probability=probability))
    values = torch.cat(scores).double()
    lost = (values[0] - values[1:]).reshape(length, width).T
    rows, columns = tokens[0][:width], tokens[1][:length]
    return (
        Matrix(SIMILARITY, rows, columns, _host(whole[:length, :width, 0].T)),
        Matrix(CELLS, rows, columns, _host(lost)),
    )


def _maps(lexicon: Lexicon, questions: Texts, documents: Texts) -> Tensor:
    """Maps ``[n, L, q, channels]``."""
    return interaction(lexicon.look_up(documents.words), lexicon.look_up(questions.words))


def _scored(cnn: InteractionCNN, maps: Tensor, texts: tuple[Texts, Texts], *, probability: bool) -> Tensor:
    """Scores ``[n]`` of n maps that stand for the one pair of texts."""
    rows = torch.zeros(len(maps), dtype=torch.int64, device=maps.device)
    logits = _logits(cnn, maps, texts[0].rows(rows), texts[1].rows(rows))
    return logits.sigmoid() if probability else logits


def _logits(cnn: InteractionCNN, maps: Tensor, questions: Texts, documents: Texts) -> Tensor:
    logits: Tensor = cnn(maps, questions.lengths.clamp_min(1)[:, None], signals(questions, documents))
    return logits


def _host(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
    return values.cpu().numpy()
