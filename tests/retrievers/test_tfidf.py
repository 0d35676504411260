"""TF-IDF against scikit-learn's own cosine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import linear_kernel

from bench.api import Doc, Env, Query
from bench.conformance import check_retriever
from bench.errors import SpecError
from retrievers.text.analysis import Analyzer
from retrievers.tfidf import Tfidf

words = st.lists(
    st.sampled_from(["training", "loss", "DataLoader", "gpu", "zero_grad", "the", "tensors"]), max_size=9
).map(" ".join)


def dense(retriever, texts, question):
    retriever.index([Doc(str(i), text) for i, text in enumerate(texts)], Env())
    hits = retriever.search([Query("q", question)], len(texts))
    scores = np.zeros(len(texts) + 1, dtype=np.float32)
    scores[hits.positions[0]] = hits.scores[0]
    return scores[:-1]


@pytest.mark.parametrize("sublinear", [True, False])
@given(texts=st.lists(words, min_size=1, max_size=10), question=words)
def test_scores_are_scikit_learns_cosine(sublinear, texts, question):
    texts = [*texts, "one word at least"]
    vectorizer = TfidfVectorizer(analyzer=Analyzer(), sublinear_tf=sublinear)
    corpus = vectorizer.fit_transform(texts)
    expected = linear_kernel(vectorizer.transform([question]), corpus)[0]
    assert dense(Tfidf(sublinear), texts, question) == pytest.approx(expected, abs=1e-6)


def test_a_document_resembles_itself_most():
    texts = ["loss is nan", "loss of a gpu", "gpu gpu tensor"]
    for i, text in enumerate(texts):
        scores = dense(Tfidf(), texts, text)
        assert scores.argmax() == i
        assert scores[i] == pytest.approx(1)


def test_by_hand():
    # idf: ln((1 + 2) / (1 + df)) + 1: a (df 2) 1, b (df 1) 1.4055
    scores = dense(Tfidf(stemmer="none", stop="none"), ["a b", "a a"], "b")
    assert scores == pytest.approx([1.4055 / np.hypot(1, 1.4055), 0], abs=5e-5)


@pytest.mark.parametrize("texts", [[], ["", "the"]])
def test_a_corpus_without_words_has_no_hits(texts):
    assert not dense(Tfidf(), texts, "cat").any()


def test_a_batch_gives_the_bits_of_one_by_one():
    retriever = Tfidf()
    retriever.index([Doc(str(i), f"w{i % 7} w{i % 11} w{i % 3}") for i in range(100)], Env())
    queries = [Query(str(i), f"w{i} w{i + 1} w{i + 2}") for i in range(12)]
    together = retriever.search(queries, 20)
    for row, query in enumerate(queries):
        alone = retriever.search([query], 20)
        assert together.positions[row].tolist() == alone.positions[0].tolist()
        assert together.scores[row].tobytes() == alone.scores[0].tobytes()


def test_an_unknown_stemmer_is_named():
    with pytest.raises(SpecError, match="stemmer=latin"):
        Tfidf(stemmer="latin")


@pytest.mark.parametrize("retriever", [Tfidf(), Tfidf(sublinear=False, split=False)], ids=str)
def test_conformance(retriever):
    assert check_retriever(retriever)
