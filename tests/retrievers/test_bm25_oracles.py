"""BM25 against the packages rank_bm25 and bm25s, on the same terms."""

import bm25s
import numpy as np
import pytest
import rank_bm25
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import Doc, Env, Query
from retrievers.bm25 import BM25

K1, B = 1.5, 0.6
words = st.sampled_from([f"w{i}" for i in range(30)])
texts = st.lists(words, min_size=1, max_size=25)
corpora = st.lists(texts, min_size=6, max_size=40)
questions = st.lists(words, min_size=1, max_size=6)
CLOSE = {"rtol": 2e-5, "atol": 2e-5}


def ours(corpus, question, variant, **parameters):
    retriever = BM25(variant, K1, B, stemmer="none", stop="none", split=False, **parameters)
    retriever.index([Doc(str(i), " ".join(text)) for i, text in enumerate(corpus)], Env())
    hits = retriever.search([Query("q", " ".join(question))], len(corpus))
    dense = np.zeros(len(corpus) + 1)
    dense[hits.positions[0]] = hits.scores[0]
    return dense[:-1]


def presence(corpus, question):
    """For each known word of the question the vector of documents that hold it, and in how many they are."""
    rows = [np.array([word in text for text in corpus]) for word in question]
    return [(row, row.sum()) for row in rows if row.any()]


@given(corpora, questions)
def test_rank_okapi_is_rank_bm25s(corpus, question):
    expected = rank_bm25.BM25Okapi(corpus, k1=K1, b=B).get_scores(question)
    np.testing.assert_allclose(ours(corpus, question, "rank-okapi"), np.maximum(expected, 0), **CLOSE)


@given(corpora, questions)
def test_rank_l_is_rank_bm25s(corpus, question):
    expected = rank_bm25.BM25L(corpus, k1=K1, b=B).get_scores(question)
    np.testing.assert_allclose(ours(corpus, question, "rank-l"), expected, **CLOSE)


@given(corpora, questions, st.sampled_from([0.0, 1.0, 7.0]))
def test_rank_plus_is_rank_bm25s_less_what_every_document_gets(corpus, question, delta):
    expected = rank_bm25.BM25Plus(corpus, k1=K1, b=B, delta=delta).get_scores(question)
    constant = delta * sum(np.log((len(corpus) + 1) / df) for _, df in presence(corpus, question))
    np.testing.assert_allclose(ours(corpus, question, "rank-plus"), expected - constant, **CLOSE)


@pytest.mark.parametrize("variant", ["lucene", "robertson", "atire"])
@settings(deadline=None)
@given(corpus=corpora, question=questions)
def test_variants_are_bm25s(variant, corpus, question):
    np.testing.assert_allclose(ours(corpus, question, variant), theirs(corpus, question, variant), **CLOSE)


@settings(deadline=None)
@given(corpus=corpora, question=questions, delta=st.sampled_from([0.0, 0.5, 1.0]))
def test_plus_is_bm25s_less_what_it_gives_documents_without_the_word(corpus, question, delta):
    expected = theirs(corpus, question, "bm25+", delta=delta)
    for row, df in presence(corpus, question):
        expected -= ~row * np.log((len(corpus) + 1) / df) * delta
    np.testing.assert_allclose(ours(corpus, question, "plus", delta=delta), expected, **CLOSE)


@settings(deadline=None)
@given(corpus=corpora, question=questions, delta=st.sampled_from([0.0, 0.5, 1.0]))
def test_l_is_bm25s_less_what_it_gives_documents_without_the_word(corpus, question, delta):
    expected = theirs(corpus, question, "bm25l", delta=delta)
    for row, df in presence(corpus, question):
        expected -= ~row * np.log((len(corpus) + 1) / (df + 0.5)) * (K1 + 1) * delta / (K1 + delta)
    np.testing.assert_allclose(ours(corpus, question, "l", delta=delta), expected, **CLOSE)


@settings(deadline=None)
@given(corpus=corpora, question=questions)
def test_robertson_is_okapi_over_k1_plus_1_where_no_word_is_in_most_documents(corpus, question):
    padded = corpus + [["filler"]] * (len(corpus) + 1)
    rare = ours(padded, question, "robertson")
    np.testing.assert_allclose(ours(padded, question, "rank-okapi"), rare * (K1 + 1), **CLOSE)


def theirs(corpus, question, method, **parameters):
    engine = bm25s.BM25(k1=K1, b=B, method=method, **parameters)
    engine.index(corpus, show_progress=False)
    known = [word for word in question if any(word in text for text in corpus)]
    return engine.get_scores(known).astype(np.float64) if known else np.zeros(len(corpus))
