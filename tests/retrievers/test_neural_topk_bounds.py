"""The bounds on rough scores: for vectors of any length, and for libraries that multiply less exactly than they say."""

import numpy as np
import pytest
import torch

from retrievers.neural.topk import cpu as topk_cpu
from retrievers.neural.topk import integers as topk_integers
from retrievers.neural.topk import kernels
from retrievers.neural.topk.choice import PRODUCTS
from retrievers.neural.topk.cpu import search
from retrievers.neural.topk.integer_kernels import ROWS, multiply_dots, multiply_panels
from retrievers.neural.topk.integers import Integers, Shorts
from retrievers.neural.topk.products import Asked, Survivors
from retrievers.neural.topk.store import Vectors


def random_vectors(count, size, seed=0, length=1.0):
    vectors = np.random.default_rng(seed).normal(size=(count, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * length).astype(np.float32)


def assert_exact(name, documents, asked, k=10):
    vectors = Vectors.of(documents)
    positions, scores = search(vectors, PRODUCTS[name](vectors, 1), asked, k, 1)
    expected = (asked.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    order = np.argsort(-expected, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(positions, order)
    np.testing.assert_array_max_ulp(scores, np.take_along_axis(expected, order, 1), 1)


LENGTHS = [
    (3e36, 1),
    (1, 3e36),
    (1e18, 9e18),
    (1e-5, 9e18),
    (1e-21, 1e-20),
    (1e-42, 1),
    (1, 1e-42),
    (1, 1e-40),
    (1e-30, 1e12),
]


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize(("of_documents", "of_questions"), LENGTHS)
def test_any_length_of_vectors(name, of_documents, of_questions):
    documents, asked = random_vectors(3_000, 32, 0, of_documents), random_vectors(5, 32, 1, of_questions)
    assert_exact(name, documents, asked)


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize(("of_documents", "of_questions"), [(1e-21, 1e-20), (1e-25, 1e-14), (1e-41, 1), (1, 1e-41)])
def test_rough_scores_below_the_normal_range_are_within_the_bound(name, of_documents, of_questions):
    documents, asked = random_vectors(2_000, 64, 2, of_documents), random_vectors(8, 64, 3, of_questions)
    vectors = Vectors.of(documents)
    eps, scan = PRODUCTS[name](vectors, 1).begin(Asked(asked, np.linalg.norm(asked.astype(np.float64), axis=1)))
    found = Survivors.none(len(asked), len(documents) + 1)
    scan(len(documents) + 1, found, 0, len(documents))  # nobody is dropped
    assert (found.counts == len(documents)).all()
    for row in range(len(asked)):
        rough = found.scores[row, :-1][found.positions[row, :-1].argsort()].astype(np.float64)
        error = np.abs(rough - documents.astype(np.float64) @ asked[row].astype(np.float64))
        assert error.max() <= eps[row]


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("name", ["torch", "onednn"])
def test_numbers_below_the_normal_range_may_be_flushed_by_a_library(name, flush):
    documents, asked = random_vectors(500, 24, 0, 1e-21), random_vectors(3, 24, 1, 1e-16)
    vectors = Vectors.of(documents)
    product, norms = PRODUCTS[name](vectors, 1), np.linalg.norm(asked.astype(np.float64), axis=1)
    expected = asked.astype(np.float64) @ documents.astype(np.float64).T
    if flush and not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush")
    try:
        eps, multiply = product._prepare(Asked(asked, norms))
        rough = multiply(0, 500).astype(np.float64)
    finally:
        torch.set_flush_denormal(False)
    assert (np.abs(rough - expected).max(axis=1) <= eps).all()
    assert flush == bool(((rough == 0) & (expected != 0)).any())


@pytest.mark.parametrize(
    ("count", "size", "questions"), [(1, 1, 1), (17, 7, 6), (300, 33, 13), (128, 2, 5), (40, 0, 3)]
)
@pytest.mark.parametrize("kind", [np.float32, np.int8])
def test_panels_hold_the_products_of_integers(count, size, questions, kind):
    rng = np.random.default_rng(0)
    documents = rng.integers(-127, 128, (count, size)).astype(kind)
    steps = rng.integers(-30_000, 30_001, (questions, size)).astype(np.int16)
    strips, factors = topk_integers._strips(steps, np.full(questions, 0.5, np.float32))
    tile, units = np.full((len(strips) * ROWS, 384), np.nan, np.float32), np.arange(1, count + 1, dtype=np.float32)
    multiply_panels(documents, units, np.float32(1), strips, factors, 128, tile)
    expected = steps.astype(np.int64) @ documents.astype(np.int64).T * 0.5 * units
    np.testing.assert_allclose(tile[:questions, :count], expected, rtol=3e-7)


@pytest.mark.parametrize(("count", "size", "questions"), [(1, 1, 1), (4, 16, 2), (7, 33, 3), (130, 48, 2), (5, 0, 1)])
@pytest.mark.parametrize("block", [4, 128])
def test_dots_are_the_products_of_integers(count, size, questions, block):
    rng = np.random.default_rng(0)
    documents = rng.integers(-127, 128, (count, size)).astype(np.int8)
    steps = rng.integers(-3_000, 3_001, (questions, size)).astype(np.int16)
    tile, units = np.full((questions, count + 3), np.nan, np.float32), np.arange(1, count + 1, dtype=np.float32)
    multiply_dots(documents, units, steps, topk_integers._factors(np.full(questions, 2.0, np.float32)), block, tile)
    expected = steps.astype(np.int64) @ documents.astype(np.int64).T * 2.0 * units
    np.testing.assert_allclose(tile[:, :count], expected, rtol=3e-7)
    assert np.isnan(tile[:, count:]).all()


@pytest.mark.parametrize("size", [1, 2, 3, 4_096, 70_000])
def test_the_largest_sums_of_shorts_fit_into_32_bits(size):
    """All of a vector in one number, or the same in each: the extremes of what a norm allows."""
    documents = np.zeros((4, size), np.float32)
    documents[0, -1], documents[1], documents[2, 0] = 1, 1, -1
    for vectors in (Vectors.of(documents), Vectors.int8(documents)):
        positions, scores = search(vectors, Shorts(vectors), documents[:3], 4, 1)
        expected = documents[:3] @ documents.T
        assert (positions == np.argsort(-expected, axis=1, kind="stable")).all()
        np.testing.assert_allclose(scores, -np.sort(-expected, axis=1), rtol=1e-6)


def test_an_integer_product_does_not_overflow_where_its_score_fits():
    documents, asked = np.full((2, 64), 127, np.int8), np.full((1, 64), 32767, np.int16)
    tile = np.empty((1, 2), np.float32)
    for of_document, of_question in [(3e36 / 127, 1 / 32767 / 64), (1 / 127 / 64, 3e36 / 32767)]:
        units, factors = (
            np.full(2, of_document, np.float32),
            topk_integers._factors(np.full(1, of_question, np.float32)),
        )
        multiply_dots(documents, units, asked, factors, 128, tile)
        assert tile == pytest.approx(3e36, rel=1e-6)


def test_results_that_were_lost_are_never_returned(monkeypatch):
    documents = random_vectors(50, 8)
    vectors = Vectors.of(documents)
    monkeypatch.setattr(Integers, "begin", lambda _, asked: (asked.norms.astype(np.float32), lambda *_: None))
    with pytest.raises(RuntimeError, match="Integers lost results"):
        search(vectors, Integers(vectors), documents[:2], 3, 1)

    def worst(_k, found, _start, _stop):
        found.limits[:], found.counts[:], found.positions[:, :3], found.scores[:, :3] = 2, 3, [5, 6, 7], 2

    for threads in (1, 3):
        with monkeypatch.context() as patch:
            patch.setattr(topk_cpu, "SMALL", 0)
            patch.setattr(Integers, "begin", lambda _, asked: (asked.norms.astype(np.float32), worst))
            with pytest.raises(RuntimeError, match="Integers lost results"):
                search(vectors, Integers(vectors), documents[:2], 3, threads)


def test_places_of_survivors_that_are_none_are_never_copied():
    documents = random_vectors(3, 8)
    found = Survivors.none(1, 20)
    found.positions[:], found.scores[:] = 2, 7  # what happens to lie there
    found.counts[0], found.positions[0, 0] = 1, 1
    best = np.empty((1, 3), np.int64), np.empty((1, 3), np.float32)
    kernels.finish(documents, np.ones(1, np.float32), documents[:1], np.ones(1, np.float32), *found[1:], *best)
    assert best[0].tolist() == [[1, -1, -1]]
    assert best[1][0, 1:].tolist() == [0, 0]
