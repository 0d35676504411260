"""What each term adds to the scores of the lexical retrievers: the sum is the score, exactly as search gives it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import Doc, Env, Query
from retrievers.bm25 import BM25
from retrievers.lexical.formulas import VARIANTS
from retrievers.rank_bm25 import RankBM25
from retrievers.tfidf import Tfidf

WORDS = ["training", "loss", "DataLoader", "gpu", "zero_grad", "the", "tensors", "nan"]
texts = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
SYSTEMS = [
    *(BM25(variant=name) for name in VARIANTS),
    BM25(b=0, stop="none", stemmer="none", split=False),
    Tfidf(),
    Tfidf(sublinear=False),
    *(RankBM25(variant=name) for name in ("okapi", "plus", "l")),
]


@pytest.mark.parametrize("system", SYSTEMS, ids=repr)
@settings(max_examples=20)
@given(corpus=st.lists(texts, min_size=2, max_size=12), question=texts)
def test_the_terms_sum_to_the_score(system, corpus, question):
    docs = [Doc(str(at), text) for at, text in enumerate([*corpus, "loss of gpu"])]
    system.index(docs, Env())
    hits = system.search([Query("q", question)], len(docs))
    for position, score in zip(hits.positions[0], hits.scores[0], strict=True):
        if position >= 0:
            told = system.explain(Query("q", question), docs[position], int(position))
            assert told.score == score
            assert np.sum(told.parts[0].weights) == pytest.approx(score, rel=1e-5)


def test_a_term_that_the_document_lacks_adds_nothing_and_repeats_count():
    docs = [Doc("a", "loss of gpu memory"), Doc("b", "gpu driver"), Doc("c", "something else")]
    system = BM25()
    system.index(docs, Env())
    [part] = system.explain(Query("q", "driver gpu gpu unheard"), docs[0], 0).parts
    once = system.explain(Query("q", "gpu"), docs[0], 0).score
    assert part.tokens == ("driver", "gpu", "unheard")
    assert part.weights == pytest.approx((0, 2 * once, 0))


def test_a_collection_without_a_term_is_explained():
    for system in (BM25(), Tfidf(), RankBM25()):
        system.index([Doc("a", ""), Doc("b", "")], Env())
        assert system.explain(Query("q", "loss"), Doc("a", ""), 0).score == 0
