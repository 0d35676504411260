"""Sums of impacts and the best of them, against numpy's sums and a full sort, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import Hits
from retrievers.lexical import scoring
from retrievers.lexical.impacts import Impacts

SIZES = [1, 127, 128, 129, 5_000, scoring.TILE, scoring.TILE + 1, 3 * scoring.TILE - 5]


def postings(documents, terms, seed, levels=None):
    """Rare and common terms, one without any posting; with ``levels`` many scores are equal."""
    rng = np.random.default_rng(seed)
    held = [np.flatnonzero(rng.random(documents) < share) for share in (0.9 * rng.random(terms) ** 4)]
    held[0] = held[0][:0]
    starts, docs = np.cumsum([0, *map(len, held)]), np.concatenate(held).astype(np.int32)
    weights = rng.choice(levels, len(docs)) if levels else rng.standard_normal(len(docs)) + 1
    return starts, docs, weights.astype(np.float32)


def oracle(index, documents, bag):
    starts, docs, weights = index
    total = np.zeros(documents, dtype=np.float32)
    for term in sorted(bag):
        part = slice(starts[term], starts[term + 1])
        np.add.at(total, docs[part], weights[part] * np.float32(bag[term]))
    return total


def check(hits, row, total, k):
    expected = Hits.top(total[None], k)
    hit = expected.scores[0] > 0
    assert hits.positions[row].tolist() == np.where(hit, expected.positions[0], -1).tolist()
    assert hits.scores[row, hit].tobytes() == expected.scores[0, hit].tobytes()


bags = st.lists(st.dictionaries(st.integers(0, 11), st.sampled_from([1.0, 2.0, 0.3, -0.7]), max_size=8), max_size=3)


@settings(deadline=None, max_examples=60)
@given(
    documents=st.sampled_from(SIZES),
    bags=bags,
    k=st.sampled_from([1, 3, 10, 100, 256, 257, 1_000, 10**6]),
    seed=st.integers(0, 9),
    levels=st.sampled_from([None, [1.0], [0.25, 0.5, 1.0]]),
)
def test_the_best_are_those_of_a_full_sort_of_numpys_sums(documents, bags, k, seed, levels):
    index = postings(documents, 12, seed, levels)
    impacts = Impacts(*index, documents)
    hits = impacts.search(bags, k)
    assert hits.positions.shape == hits.scores.shape == (len(bags), min(k, documents))
    for row, bag in enumerate(bags):
        total = oracle(index, documents, bag)
        assert impacts.scores(bag).tobytes() == total.tobytes()
        check(hits, row, total, k)


@pytest.mark.parametrize("falling", [1, -1])
@pytest.mark.parametrize("k", [1, 100, 1_000])
def test_scores_that_rise_or_fall_with_the_position(falling, k):
    documents = 2 * scoring.TILE + 77
    weights = np.linspace(1, 2, documents, dtype=np.float32)[::falling]
    index = np.array([0, documents]), np.arange(documents, dtype=np.int32), weights
    check(Impacts(*index, documents).search([{0: 1}], k), 0, oracle(index, documents, {0: 1}), k)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_and_the_order_of_words_and_questions_change_no_bit(threads):
    documents = 3_000
    impacts = Impacts(*postings(documents, 40, 1), documents)
    rng = np.random.default_rng(2)
    asked = [dict.fromkeys(rng.integers(0, 40, 9).tolist(), 0.1 * (i % 7)) for i in range(301)]
    one = impacts.search(asked, 20)
    for found in (impacts.search(asked, 20, threads), impacts.search([dict([*b.items()][::-1]) for b in asked], 20)):
        assert found.positions.tobytes() == one.positions.tobytes()
        assert found.scores.tobytes() == one.scores.tobytes()
    backwards = impacts.search(asked[::-1], 20, threads)
    assert backwards.scores[::-1].tobytes() == one.scores.tobytes()


def test_without_documents_or_questions_or_terms():
    nothing = Impacts(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32), 0)
    assert nothing.search([{}], 5).positions.shape == (1, 0)
    empty = Impacts(np.zeros(3, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32), 7)
    assert empty.search([{}, {1: 1.0}], 5).positions.tolist() == [[-1] * 5] * 2
    assert empty.search([], 5).positions.shape == (0, 5)


def test_nothing_is_compiled_by_the_first_search():
    impacts = Impacts(*postings(500, 12, 3), 500)
    before = [len(one.signatures) for one in (scoring.best, scoring.best_of, scoring.add_up)]
    impacts.search([{1: 1, 2: 1}], 10)
    impacts.search([{1: 0.5}] * 200, 10, 2)
    impacts.scores({1: 2})
    assert [len(one.signatures) for one in (scoring.best, scoring.best_of, scoring.add_up)] == before == [1, 1, 1]
