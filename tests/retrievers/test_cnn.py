"""What the interaction CNN promises, on collections small enough to know the answer."""

import json

import numpy as np
import pytest
import torch

from bench.api import Doc, Env, Pairs, Query
from bench.conformance import check_retriever
from bench.errors import DataError, StoreError
from bench.pipeline import Exhaustive
from retrievers.cnn import CNN

ENV = Env(threads=1)
SMALL = {"dimensions": 32, "filters": 4, "hidden": 16, "query_tokens": 8, "document_tokens": 16, "vector_epochs": 3}


def order_matters(rng, n, start=0):
    """Questions ``x y`` solved by documents with the words side by side, among documents with the same words apart."""
    queries, docs = [], []
    for at in range(start, start + n):
        x, y, *others = (f"word{i}" for i in rng.choice(30, 6, replace=False))
        together = at % 2 == 0
        middle = [x, y, *others] if together else [x, *others, y]
        queries.append(Query(f"q{at}", f"{x} {y} {'together' if together else 'apart'}"))
        docs.append(Doc(f"d{at}", " ".join(middle)))
    return Pairs(docs, queries, {query.id: {doc.id: 1} for query, doc in zip(queries, docs, strict=True)})


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    scorer = CNN(**SMALL, epochs=4, learning_rate=0.005)
    scorer.fit(order_matters(rng, 300), order_matters(rng, 60, 1000), ENV)
    return scorer


def everything(pairs):
    return np.broadcast_to(np.arange(len(pairs.corpus)), (len(pairs.queries), len(pairs.corpus)))


def test_learns_to_tell_the_right_document(fitted):
    pairs = order_matters(np.random.default_rng(1), 60, 2000)
    fitted.index(pairs.corpus, ENV)
    scores = fitted.score(pairs.queries, everything(pairs))
    assert (scores.argmax(axis=1) == np.arange(60)).mean() > 0.7  # chance is 1/60


def test_what_it_learned_is_told_in_plain_values(fitted):
    learned = json.loads(json.dumps(fitted.learned))
    assert learned["pairs"] == 300
    assert learned["dev RR@10"] == max(row["dev"] for row in learned["epochs"])
    assert learned["vectors"]["epochs"]


def test_a_score_depends_on_the_pair_alone(fitted):
    pairs = order_matters(np.random.default_rng(2), 40)
    fitted.index(pairs.corpus, ENV)
    scores = fitted.score(pairs.queries, everything(pairs))
    some = np.array([[5, -1, 3, 0], [39, 39, -1, -1]])
    few = fitted.score([pairs.queries[7], pairs.queries[2]], some)
    assert few[0, [0, 2, 3]] == pytest.approx(scores[7, [5, 3, 0]], abs=1e-4)
    assert few[1, :2] == pytest.approx(scores[2, [39, 39]], abs=1e-4)
    assert np.isneginf(few[some < 0]).all()
    fitted.index(pairs.corpus[:6], ENV)  # nor on what else is indexed
    assert fitted.score([pairs.queries[7]], some[:1])[0, 0] == pytest.approx(scores[7, 5], abs=1e-4)


def test_probabilities_are_the_sigmoid_of_the_logits(fitted, tmp_path):
    pairs = order_matters(np.random.default_rng(3), 10)
    fitted.index(pairs.corpus, ENV)
    logits = fitted.score(pairs.queries, everything(pairs))
    fitted.probability = True
    try:
        probabilities = fitted.score(pairs.queries, everything(pairs))
    finally:
        fitted.probability = False
    assert probabilities == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)


def test_empty_texts_get_finite_scores(fitted):
    fitted.index([Doc("a", ""), Doc("b", "word1 word2")], ENV)
    scores = fitted.score([Query("0", ""), Query("1", "word1 unheard")], np.array([[0, 1], [0, 1]]))
    assert np.isfinite(scores).all()
    assert scores[1, 1] > scores[1, 0]
    assert fitted.score([], np.zeros((0, 2), dtype=np.int64)).shape == (0, 2)


def test_the_seed_decides_bit_for_bit_and_a_stored_model_scores_the_same(tmp_path):
    pairs = order_matters(np.random.default_rng(4), 60)
    first, again, other = (CNN(**SMALL) for _ in range(3))
    for scorer, seed in ((first, 0), (again, 0), (other, 1)):
        scorer.fit(pairs, pairs, Env(seed=seed))
        scorer.index(pairs.corpus, ENV)
    scores, same, different = (scorer.score(pairs.queries, everything(pairs)) for scorer in (first, again, other))
    assert (scores == same).all()
    assert not (scores == different).all()
    first.save(tmp_path)
    loaded = CNN(**SMALL)
    loaded.load(tmp_path)
    loaded.index(pairs.corpus, ENV)
    assert (loaded.score(pairs.queries, everything(pairs)) == scores).all()
    assert loaded.learned == json.loads(json.dumps(first.learned))
    with pytest.raises(StoreError, match="other parameters"):
        CNN().load(tmp_path)


def test_several_solutions_and_no_dev():
    pairs = order_matters(np.random.default_rng(5), 40)
    qrels = {query.id: {f"d{at}": 1, f"d{(at + 1) % 40}": 2} for at, query in enumerate(pairs.queries)}
    scorer = CNN(**SMALL)
    scorer.fit(Pairs(pairs.corpus, pairs.queries, qrels), Pairs((), (), {}), ENV)
    assert scorer.learned["pairs"] == 80
    assert scorer.learned["dev RR@10"] is None


@pytest.mark.parametrize("options", [{"hard": 0, "random": 6}, {"hard": 4, "random": 0}])
def test_either_kind_of_negative_may_be_left_out(options):
    pairs = order_matters(np.random.default_rng(6), 30)
    scorer = CNN(**SMALL, **options)
    scorer.fit(pairs, pairs, ENV)
    assert np.isfinite(scorer.learned["dev RR@10"])


def test_nothing_to_learn_from_is_said_in_one_line():
    empty = Pairs((), (), {})
    with pytest.raises(DataError, match="training split has none"):
        CNN().fit(empty, empty, ENV)


def test_before_fit_there_is_nothing_to_index():
    with pytest.raises(DataError, match="fit or load"):
        CNN().index([Doc("d", "text")], ENV)


@pytest.mark.parametrize(
    "options", [{"query_tokens": 6}, {"document_tokens": 8}, {"hard": 0, "random": 0}, {"filters": 0}]
)
def test_impossible_parameters_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        CNN(**options)


def test_conforms():
    check_retriever(CNN(**SMALL))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_it_learns_and_ranks_like_on_the_cpu():
    rng = np.random.default_rng(0)
    scorer = CNN(**SMALL)
    scorer.fit(order_matters(rng, 300), order_matters(rng, 60, 1000), Env(device="cuda"))
    pairs = order_matters(rng, 40, 2000)
    system = Exhaustive(scorer)
    tops = []
    for device in ("cuda", "cpu"):
        system.index(pairs.corpus, Env(device=device))
        tops.append(system.search(pairs.queries, 1).positions)
    assert (tops[0] == tops[1]).mean() > 0.9
