"""A pretrained cross-encoder gives its library's logits, to each pair by itself, and runs in a cascade."""

from functools import partial

import numpy as np
import pytest
import torch
from pretrained_examples import texts, write_bert, write_cross_encoder

from bench.api import Doc, Env, Query
from bench.conformance import CHECKS, check_retriever, synthetic_material
from bench.errors import DataError
from retrievers import cross_encoder
from retrievers.cross_encoder import CrossEncoder
from retrievers.neural import pretrained_batches

DOCS = [Doc(str(at), text, "alpha" if at % 3 else "") for at, text in enumerate(texts(60, 30))]
QUERIES = [Query(str(at), text) for at, text in enumerate(texts(6, 12, seed=1))]
ALL = np.broadcast_to(np.arange(len(DOCS)), (len(QUERIES), len(DOCS)))
MATERIAL = synthetic_material(60)
MATERIAL = MATERIAL._replace(pool=MATERIAL.pool[-8:], queries=MATERIAL.queries[-8:])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_cross_encoder(tmp_path_factory.mktemp("models") / "reranker")


@pytest.fixture
def tiny(folder):
    return partial(CrossEncoder, str(folder))


@pytest.fixture(scope="module")
def expected(folder):
    """The library's logits ``[Q, N]``, and the best documents by its own ``rank``."""
    from sentence_transformers import CrossEncoder as Library

    model = Library(str(folder), device="cpu", activation_fn=torch.nn.Identity())
    contents = [doc.content for doc in DOCS]
    logits = [model.predict([(query.text, text) for text in contents]) for query in QUERIES]
    return np.stack(logits), [model.rank(query.text, contents, top_k=10) for query in QUERIES]


def scored(system, positions=ALL, docs=DOCS):
    system.index(docs, Env())
    return system.score(QUERIES, positions)


def test_the_contract_is_fulfilled(tiny):
    assert len(check_retriever(tiny(), MATERIAL)) == len(CHECKS)


def test_scores_are_the_librarys_logits_however_pairs_are_batched(tiny, expected, monkeypatch):
    np.testing.assert_allclose(scored(tiny()), expected[0], atol=1e-5)
    monkeypatch.setattr(cross_encoder, "PAIRS", 100)
    monkeypatch.setattr(pretrained_batches, "CHUNK", 33)
    monkeypatch.setattr(pretrained_batches, "token_budget", lambda *_: 150)
    np.testing.assert_allclose(scored(tiny()), expected[0], atol=1e-5)
    assert np.ptp(expected[0]) > 0.1


def test_the_ranking_is_the_librarys(tiny, expected):
    best = np.argsort(-scored(tiny()), axis=1, kind="stable")[:, :10]
    contents = [doc.content for doc in DOCS]
    for row, ranked in zip(best, expected[1], strict=True):
        assert [contents[at] for at in row] == [contents[one["corpus_id"]] for one in ranked]


def test_pads_are_minus_infinity_and_other_candidates_change_nothing(tiny, expected):
    some = np.array([[3, -1, 50], [-1, -1, -1], [7, 7, 1], [0, 2, 4], [59, 58, -1], [1, 2, 3]])
    found = scored(tiny(), some)
    pads = some < 0
    assert np.isneginf(found[pads]).all()
    np.testing.assert_allclose(found[~pads], np.take_along_axis(expected[0], some, 1)[~pads], atol=1e-5)
    assert scored(tiny(), np.empty((6, 0), dtype=np.int64)).shape == (6, 0)


def test_a_pair_is_read_up_to_max_length(tiny):
    docs = [Doc("a", "alpha beta gamma open file"), Doc("b", "alpha beta gamma")]
    positions = np.broadcast_to([0, 1], (6, 2))
    query = [Query("q", "how to")]
    whole, cut = tiny(), tiny(max_length=8)  # [CLS] how to [SEP] alpha beta gamma [SEP]
    for system in (whole, cut):
        system.index(docs, Env())
    assert np.ptp(whole.score(query, positions[:1])) > 1e-3
    assert np.ptp(cut.score(query, positions[:1])) < 1e-6


def test_a_prompt_stands_before_the_question(tiny, expected):
    asked = scored(tiny(prompt="how to "))
    again = tiny()
    again.index(DOCS, Env())
    by_hand = again.score([query._replace(text=f"how to {query.text}") for query in QUERIES], ALL)
    np.testing.assert_allclose(asked, by_hand, atol=1e-5)
    assert np.abs(asked - expected[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (write_bert, r"is no trained CrossEncoder: its files lack classifier\.bias, classifier\.weight$"),
        (partial(write_cross_encoder, labels=3), "gives 3 scores for a pair, and a re-ranker gives one$"),
    ],
)
def test_what_is_no_reranker_is_one_line(tmp_path, write, why):
    system = CrossEncoder(str(write(tmp_path / "model")))
    for _ in range(2):  # the second time it must not take a model for loaded that was refused
        with pytest.raises(DataError, match=why):
            system.index(DOCS, Env())
