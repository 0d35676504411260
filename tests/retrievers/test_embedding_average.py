"""The averaged embedding: what it learns, that it reads no order, and that it keeps the contract."""

import numpy as np
import pytest
from pair_examples import ENV, success_at_1, synonyms

from bench.api import Doc, Query
from bench.conformance import check_retriever
from retrievers.embedding_average import EmbeddingAverage


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    retriever = EmbeddingAverage(dimensions=32, batch=32, epochs=5)
    retriever.fit(synonyms(rng, 400), synonyms(rng, 40, 1000), ENV)
    return retriever


def test_learns_words_that_mean_the_same(fitted):
    assert success_at_1(fitted, synonyms(np.random.default_rng(1), 60, 2000)) > 0.6  # chance is 1/60, no word is shared


def test_the_order_of_the_words_does_not_count(fitted):
    fitted.index([Doc("a", "replya replyb replyc"), Doc("b", "replyd"), Doc("c", "replyc replya replyb")], ENV)
    hits = fitted.search([Query("q", "aska askb askc")], 3)
    assert sorted(hits.positions[0][:2].tolist()) == [0, 2]
    assert hits.scores[0, 0] == pytest.approx(hits.scores[0, 1], abs=1e-6)


def test_conforms():
    check_retriever(EmbeddingAverage(dimensions=32, epochs=2))
