import numpy as np
import pytest

from retrievers.neural.lexical import Lexical, term_counts
from retrievers.neural.vocabulary import Sequences

IDF = np.array([0.0, 1.5, 0.5, 2.0], dtype=np.float32)


def test_terms_are_counted():
    assert term_counts(Sequences.of([[1, 2, 1], []]), 4).toarray().tolist() == [[0, 2, 1, 0], [0, 0, 0, 0]]


def test_counting_leaves_the_texts_alone():
    texts = Sequences.of([[2, 1, 2], [1]])
    term_counts(texts, 4)
    assert texts.flat.tolist() == [2, 1, 2, 1]
    assert texts.starts.tolist() == [0, 3, 4]


def test_bm25_by_hand():
    lexical = Lexical(Sequences.of([[1, 3], [2]]), Sequences.of([[1, 1, 2], [3]]), IDF)  # lengths 3 and 1, mean 2
    long, short = 2 * (1 - 0.9 + 0.9 * 1.5), 2 * (1 - 0.9 + 0.9 * 0.5)
    expected = [[1.5 * 2 / (2 + long), 2.0 * 1 / (1 + short)], [0.5 * 1 / (1 + long), 0]]
    scores = lexical.scores(np.array([0, 1]), np.array([0, 1]))
    assert scores == pytest.approx(np.array(expected), abs=1e-6)
    assert lexical.scores(np.array([1]), np.array([1, 0])) == pytest.approx(np.array([expected[1][::-1]]), abs=1e-6)


def test_empty_texts_score_nothing():
    lexical = Lexical(Sequences.of([[], [1]]), Sequences.of([[], []]), IDF)
    assert not lexical.scores(np.array([0, 1]), np.array([0, 1])).any()
