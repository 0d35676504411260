"""Chance is uniform, repeatable, and no better than chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.api import Doc, Env, Query
from bench.conformance import check_retriever
from retrievers.random import Random


def indexed(documents, seed=0):
    retriever = Random()
    retriever.index([Doc(str(i), "") for i in range(documents)], Env(seed=seed))
    return retriever


def queries(n, start=0):
    return [Query(f"q{i}", "the same text") for i in range(start, start + n)]


@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 5))
def test_documents_are_drawn_without_replacement(documents, k, seed):
    hits = indexed(documents, seed).search(queries(4), k)
    assert hits.positions.shape == (4, min(k, documents))
    for row in hits.positions.tolist():
        assert len({*row}) == len(row)
        assert {*row} <= {*range(documents)}


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_first_hits_do_not_depend_on_k_or_on_the_batch(documents, k):
    retriever = indexed(documents)
    everything = retriever.search(queries(5), documents)
    first = retriever.search(queries(2, start=3), k)
    assert first.positions.tolist() == everything.positions[3:, :k].tolist()
    assert first.scores.tolist() == everything.scores[3:, :k].tolist()


def test_every_place_gets_every_document_equally_often():
    documents, n = 7, 7_000
    positions = indexed(documents).search(queries(n), documents).positions
    counts = np.stack([np.bincount(column, minlength=documents) for column in positions.T])
    chi_square = ((counts - n / documents) ** 2 / (n / documents)).sum(axis=1)
    assert chi_square.max() < 27.9  # 6 degrees of freedom, p = .0001


def test_successive_draws_are_independent():
    pairs = indexed(4).search(queries(12_000), 2).positions
    counts = np.bincount(pairs[:, 0] * 4 + pairs[:, 1], minlength=16).reshape(4, 4)
    expected = 12_000 / 12
    assert np.diagonal(counts).tolist() == [0, 0, 0, 0]
    assert (
        (counts[~np.eye(4, dtype=bool)] - expected) ** 2 / expected
    ).sum() < 37.4  # 11 degrees of freedom, p = .0001


def test_success_is_what_chance_scores():
    hits = indexed(1337).search(queries(20_000), 10)
    success = (hits.positions == 42).any(axis=1).mean()
    assert success == pytest.approx(10 / 1337, abs=4 * np.sqrt(10 / 1337 / 20_000))


def test_another_seed_or_question_id_gives_another_order():
    orders = {
        tuple(indexed(100, seed).search([Query(name, "")], 100).positions[0].tolist())
        for seed in (0, 1)
        for name in ("a", "b", "", "\ud800")
    }
    assert len(orders) == 8


def test_scores_fall_strictly_so_that_no_tie_is_broken_by_id():
    assert (np.diff(indexed(100_000).search(queries(1), 100_000).scores[0]) < 0).all()


def test_an_empty_corpus_has_no_hits():
    assert indexed(0).search(queries(3), 10).positions.shape == (3, 0)


def test_conformance():
    assert Random.seeded
    assert check_retriever(Random())
