"""What the dual encoder promises, on collections small enough to know the answer."""

import json
import math

import numpy as np
import pytest
import torch
from pair_examples import ENV, success_at_1, synonyms

from bench.api import Doc, Env, Pairs, Query
from bench.conformance import check_retriever
from bench.errors import DataError, SpecError, StoreError
from retrievers.gru import GRU

SMALL = {"dimensions": 32, "hidden": 16, "batch": 32, "epochs": 3}


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    retriever = GRU(**{**SMALL, "epochs": 5})
    retriever.fit(synonyms(rng, 400), synonyms(rng, 40, 1000), ENV)
    return retriever


def test_learns_words_that_mean_the_same(fitted):
    held_out = synonyms(np.random.default_rng(1), 60, 2000)
    assert success_at_1(fitted, held_out) > 0.6  # chance is 1/60, and no word is shared


def test_what_it_learned_is_told_in_plain_values(fitted):
    learned = json.loads(json.dumps(fitted.learned))
    assert learned["pairs"] == 400
    assert learned["dev RR@10"] == max(row["dev"] for row in learned["epochs"])
    assert learned["dev RR@10"] > 0.5
    assert learned["epochs"][learned["best_epoch"] - 1]["dev"] == learned["dev RR@10"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shared": False},
        {"skip": False},
        {"init": "random"},
        {"learn_temperature": True},
        {"hard_negatives": 2},
    ],
    ids=lambda options: "-".join(f"{k}={v}" for k, v in options.items()) or "default",
)
def test_every_option_learns_and_repeats_itself_bit_for_bit(options, tmp_path):
    pairs = synonyms(np.random.default_rng(2), 60)
    first, again, other = (GRU(**{**SMALL, "epochs": 1}, **options) for _ in range(3))
    for retriever, seed in ((first, 0), (again, 0), (other, 1)):
        retriever.fit(pairs, pairs, Env(seed=seed))
    weights, same, different = (list(retriever._model.state_dict().values()) for retriever in (first, again, other))
    assert all(map(torch.equal, weights, same))
    assert not all(map(torch.equal, weights, different))
    first.save(tmp_path)
    loaded = GRU(**{**SMALL, "epochs": 1}, **options)
    loaded.load(tmp_path)
    for retriever in (first, loaded):
        retriever.index(pairs.corpus, ENV)
    hits, reloaded = (retriever.search(pairs.queries, 5) for retriever in (first, loaded))
    assert (hits.positions == reloaded.positions).all()
    assert (hits.scores == reloaded.scores).all()
    assert loaded.learned == json.loads(json.dumps(first.learned))


def test_one_question_at_a_time_scores_the_same(fitted):
    pairs = synonyms(np.random.default_rng(3), 50)
    fitted.index(pairs.corpus, ENV)
    together = fitted.search(pairs.queries, 10)
    alone = np.vstack([fitted.search([query], 10).scores for query in pairs.queries])
    assert np.allclose(together.scores, alone, atol=1e-4)


def test_an_empty_question_gets_no_hits_and_an_empty_document_scores_nothing(fitted):
    fitted.index([Doc("a", ""), Doc("b", "replya replyb"), Doc("c", "replyc")], ENV)
    hits = fitted.search([Query("0", ""), Query("1", "aska askb")], 5)
    assert hits.positions.shape == (2, 3)  # k exceeds the corpus
    assert (hits.positions[0] == -1).all()
    assert hits.positions[1, 0] == 1
    assert hits.scores[1, list(hits.positions[1]).index(0)] == 0


def test_a_word_never_learned_still_equals_itself(fitted):
    fitted.index([Doc(f"d{at}", f"replya replyb unheard{'xyzuvw'[at]}") for at in range(6)], ENV)
    hits = fitted.search([Query("q", "aska askb unheardv")], 1)
    assert hits.positions.tolist() == [[4]]


def test_several_solutions_of_one_question():
    rng = np.random.default_rng(4)
    once, twice = synonyms(rng, 60), synonyms(rng, 60, 100)
    corpus = [*once.corpus, *(Doc(doc.id, once.corpus[at].text) for at, doc in enumerate(twice.corpus))]
    qrels = {f"q{at}": {f"d{at}": 1, f"d{at + 100}": 2} for at in range(60)}
    retriever = GRU(**SMALL)
    retriever.fit(Pairs(corpus, once.queries, qrels), Pairs((), (), {}), ENV)
    assert retriever.learned["pairs"] == 120
    assert retriever.learned["dev RR@10"] is None
    assert retriever.learned["best_epoch"] == 3


def test_nothing_to_learn_from_is_said_in_one_line():
    empty = Pairs((), (), {})
    for train in (empty, Pairs([Doc("d", "text")], [Query("q", "text")], {"q": {"d": 0}})):
        with pytest.raises(DataError, match="training split has none") as caught:
            GRU().fit(train, empty, ENV)
        assert "\n" not in str(caught.value)


def test_texts_without_words_can_be_trained_on():
    docs = [Doc(f"d{at}", "" if at % 2 else "word") for at in range(30)]
    queries = [Query(f"q{at}", "" if at % 3 else "word") for at in range(30)]
    pairs = Pairs(docs, queries, {f"q{at}": {f"d{at}": 1} for at in range(30)})
    retriever = GRU(**SMALL)
    retriever.fit(pairs, pairs, ENV)
    assert all(value.isfinite().all() for value in retriever._model.state_dict().values())


def test_before_fit_there_is_nothing_to_index():
    with pytest.raises(DataError, match="fit or load"):
        GRU().index([Doc("d", "text")], ENV)


def test_a_model_of_other_parameters_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    with pytest.raises(StoreError, match="other parameters"):
        GRU(dimensions=64).load(tmp_path)


@pytest.mark.parametrize(
    "options", [{"epochs": 0}, {"temperature": 0.001}, {"temperature": math.nan}, {"dropout": 1.0}, {"batch": 1}]
)
def test_impossible_parameters_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GRU(**options)


def test_an_unknown_stemmer_is_refused():
    with pytest.raises(SpecError, match="stemmer"):
        GRU(stemmer="klingon")


def test_conforms():
    check_retriever(GRU(dimensions=32, hidden=16, epochs=2))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_it_learns_and_ranks_like_on_the_cpu():
    rng = np.random.default_rng(0)
    retriever = GRU(**{**SMALL, "epochs": 5})
    retriever.fit(synonyms(rng, 400), synonyms(rng, 40, 1000), Env(device="cuda"))
    held_out = synonyms(rng, 60, 2000)
    retriever.index(held_out.corpus, Env(device="cuda"))
    on_device = retriever.search(held_out.queries, 1).positions
    retriever.index(held_out.corpus, ENV)
    assert (on_device == retriever.search(held_out.queries, 1).positions).mean() > 0.9
