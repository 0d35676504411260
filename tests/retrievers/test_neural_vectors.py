import numpy as np
import pytest
import scipy.sparse as sp

from retrievers.neural.vectors import _factor, pair_counts, ppmi, random_vectors, window_counts, word_vectors
from retrievers.neural.vocabulary import Sequences


def rng():
    return np.random.default_rng(0)


def test_neighbours_are_counted_within_the_window_and_never_across_texts():
    counts = window_counts([Sequences.of([[1, 2, 3], [4, 1]])], 5, window=1).toarray()
    expected = np.zeros((5, 5))
    for a, b in ((1, 2), (2, 3), (4, 1)):
        expected[a, b] = expected[b, a] = 1
    assert (counts == expected).all()
    assert window_counts([Sequences.of([[1, 2, 3]])], 5, window=2).toarray()[1, 3] == 1


def test_pairs_count_words_across_sides_once_for_each_pair():
    questions, solutions = Sequences.of([[1], [2]]), Sequences.of([[3, 3], [1, 3]])
    counts = pair_counts(questions, solutions, np.array([[0, 0], [1, 1], [0, 1]]), 4).toarray()
    assert counts[1, 3] == counts[3, 1] == 2  # question 0 with both solutions
    assert counts[2, 3] == 1
    assert counts[1, 1] == 2  # a word on both sides of one pair, once for each direction
    assert counts[2, 2] == 0


def test_ppmi_by_hand():
    counts = sp.csr_array(np.array([[0.0, 4, 1], [4, 0, 1], [1, 1, 0]]))
    values = ppmi(counts).toarray()
    assert values[0, 1] == pytest.approx(np.log(4 * 12 / (5 * 5)), abs=1e-6)
    assert values[0, 2] == pytest.approx(np.log(1 * 12 / (5 * 2)), abs=1e-6)
    assert values[0, 0] == 0


def test_negative_information_is_dropped():
    counts = sp.csr_array(np.array([[10.0, 1], [1, 10]]))
    assert ppmi(counts).toarray()[0, 1] == 0


def test_the_factor_is_the_singular_vectors_scaled_by_the_root_of_the_singular_values():
    noise = rng().standard_normal((40, 6)).astype(np.float32)
    matrix = noise @ noise.T  # rank 6, positive: U S U^T, so the factor times its transpose gives it back
    factor = _factor(sp.csr_array(matrix), 6, rng())
    assert np.allclose(factor @ factor.T, matrix, atol=1e-3)


def test_words_of_one_topic_get_similar_vectors():
    texts = Sequences.of([[1, 2, 3], [2, 3, 1], [3, 1, 2], [4, 5, 6], [5, 6, 4], [6, 4, 5]] * 3)
    pairs = np.repeat(np.arange(18), 2).reshape(-1, 2)
    vectors = word_vectors(texts, texts, pairs, size=8, dimensions=2, rng=rng())
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    assert unit[1] @ unit[2] > 0.9
    assert abs(unit[1] @ unit[5]) < 0.1
    assert not vectors[0].any()
    assert vectors[7].any()  # a word without neighbours is drawn at random
    assert vectors[1:7].std() == pytest.approx(0.1, rel=0.05)


def test_more_dimensions_than_words():
    texts = Sequences.of([[1, 2]])
    vectors = word_vectors(texts, texts, np.array([[0, 0]]), size=3, dimensions=16, rng=rng())
    assert vectors.shape == (3, 16)
    assert np.isfinite(vectors).all()


def test_no_word_at_all():
    nothing = Sequences.of([[], []])
    vectors = word_vectors(nothing, nothing, np.array([[0, 1]]), size=1, dimensions=4, rng=rng())
    assert vectors.shape == (1, 4)
    assert not vectors.any()


def test_random_vectors_spare_the_padding():
    vectors = random_vectors(1000, 8, rng(), scale=0.5)
    assert not vectors[0].any()
    assert vectors[1:].std() == pytest.approx(0.5, rel=0.05)
