"""The reference is the package itself."""

import numpy as np
import pytest
import rank_bm25

from bench.api import Doc, Env, Query
from bench.conformance import check_retriever
from bench.errors import SpecError
from retrievers.bm25 import BM25
from retrievers.rank_bm25 import RankBM25
from retrievers.text.analysis import Analyzer

TEXTS = [
    "DataLoader workers hang",
    "Tensors on different devices",
    "how the data loader shuffles",
    "",
    "loading a checkpoint",
    "training loss is NaN",
    "learning rate warm-up",
]
QUESTIONS = ["my DataLoader hangs", "loss", "different data", "loss loss rates", "zebra", ""]
CLASSES = {"okapi": rank_bm25.BM25Okapi, "plus": rank_bm25.BM25Plus, "l": rank_bm25.BM25L}


def search(retriever, k=10):
    retriever.index([Doc(str(i), text) for i, text in enumerate(TEXTS)], Env())
    return retriever.search([Query(str(i), text) for i, text in enumerate(QUESTIONS)], k)


@pytest.mark.parametrize("variant", CLASSES)
def test_scores_are_the_packages(variant):
    hits = search(RankBM25(variant, k1=1.1, b=0.5))
    model = CLASSES[variant](list(map(Analyzer(), TEXTS)), k1=1.1, b=0.5)
    for row, question in enumerate(QUESTIONS):
        expected = model.get_scores(Analyzer()(question))
        hit = hits.positions[row] >= 0
        assert hits.scores[row][hit] == pytest.approx(np.sort(expected[expected > 0])[::-1])
        assert hits.scores[row][hit] == pytest.approx(expected[hits.positions[row][hit]])


@pytest.mark.parametrize("variant", ["okapi", "l"])
def test_bm25_in_its_compatible_variant_ranks_the_same(variant):
    fast, reference = search(BM25(f"rank-{variant}", k1=1.5)), search(RankBM25(variant))
    assert fast.positions.tolist() == reference.positions.tolist()
    np.testing.assert_allclose(fast.scores, reference.scores, rtol=1e-5)


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_a_corpus_without_words_has_no_hits(texts):
    retriever = RankBM25()
    retriever.index([Doc(str(i), text) for i, text in enumerate(texts)], Env())
    assert (retriever.search([Query("q", "cat")], 5).positions == -1).all()


def test_an_unknown_class_is_named():
    with pytest.raises(SpecError, match="variant=lucene: choose from okapi, plus, l"):
        RankBM25("lucene")


@pytest.mark.parametrize("variant", CLASSES)
def test_conformance(variant):
    assert check_retriever(RankBM25(variant))
