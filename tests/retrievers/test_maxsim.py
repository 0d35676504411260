"""Late interaction against its definition, and what it learns."""

import numpy as np
import pytest
import torch
from pair_examples import ENV, success_at_1, synonyms

from bench.api import Doc, Query
from bench.conformance import check_retriever
from retrievers.maxsim import MaxSim
from retrievers.neural import late
from retrievers.neural.encoder import columns
from retrievers.neural.late import LateInteraction, TokenIndex, Tokens, read
from retrievers.neural.vocabulary import Sequences

SMALL = {"dimensions": 32, "hidden": 16, "batch": 32, "epochs": 5}


def tokens(lengths, rng, dimensions=8):
    vectors = torch.zeros(max(lengths), len(lengths), dimensions)
    weights = torch.zeros(max(lengths), len(lengths))
    for at, length in enumerate(lengths):
        drawn = torch.from_numpy(rng.normal(size=(length, dimensions)).astype(np.float32))
        vectors[:length, at] = torch.nn.functional.normalize(drawn, dim=-1)
        weights[:length, at] = torch.from_numpy(rng.random(length).astype(np.float32) + 0.1)
    return Tokens(vectors, weights)


def by_definition(questions, solutions, lengths):
    scores = np.zeros((questions.weights.shape[1], solutions.weights.shape[1]))
    for q in range(scores.shape[0]):
        for s in range(scores.shape[1]):
            cosines = questions.vectors[: lengths[0][q], q] @ solutions.vectors[: lengths[1][s], s].T
            if cosines.numel():
                weights = questions.weights[: lengths[0][q], q]
                scores[q, s] = (cosines.amax(1) * weights).sum() / weights.sum() - 0.02 * np.log1p(lengths[1][s])
    return scores


def test_similarity_is_the_weighted_mean_of_the_best_cosines():
    rng = np.random.default_rng(0)
    lengths = [3, 1, 4, 0], [5, 2, 0]
    questions, solutions = (tokens(side, rng) for side in lengths)
    model = LateInteraction([torch.nn.Linear(1, 1)])
    expected = by_definition(questions, solutions, lengths)
    assert np.allclose(model.similarity(questions, solutions).detach().numpy(), expected, atol=1e-6)
    assert (expected[3] == 0).all()
    assert (expected[:, 2] == 0).all()


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    retriever = MaxSim(**SMALL)
    retriever.fit(synonyms(rng, 400), synonyms(rng, 40, 1000), ENV)
    return retriever


def test_learns_words_that_mean_the_same(fitted):
    assert success_at_1(fitted, synonyms(np.random.default_rng(1), 60, 2000)) > 0.6  # chance is 1/60, no word is shared


def test_the_index_scores_as_training_does(fitted):
    model = fitted._model.eval()
    rng = np.random.default_rng(1)
    size = len(fitted._vocabulary)
    texts = Sequences.of([rng.integers(1, size, n).tolist() for n in (5, 1, 0, 9, 3, 5)])
    asked = read(model.questions, Sequences.of([[3, 5, 9], [7], []]), "cpu")
    positions, scores = TokenIndex(model, texts, "cpu").search(asked, 6)
    with torch.inference_mode():
        together = model.similarity(asked, model.solutions(columns(texts, np.arange(6), "cpu")))
    assert torch.allclose(scores, together.gather(1, positions), atol=2e-3)  # bfloat16 where it is fast
    assert (scores.diff(dim=1) <= 0).all()
    assert positions[2].tolist() == [0, 1, 2, 3, 4, 5]  # an empty question scores nothing: the order of the corpus


def test_its_explanation_is_the_best_cosines_by_the_weights(fitted):
    pairs = synonyms(np.random.default_rng(3), 5)
    fitted.index(pairs.corpus, ENV)
    why = fitted.explain(pairs.queries[0], pairs.corpus[0], 0)
    weights, cosines = why.parts[:2]
    assert cosines.values.shape == (len(weights.tokens), len(cosines.columns))
    penalty = fitted._model.length_penalty.item() * np.log1p(len(cosines.columns))
    assert why.score == pytest.approx(float(cosines.values.max(1) @ np.array(weights.weights)) - penalty, abs=1e-3)


def test_questions_are_searched_in_blocks(fitted, monkeypatch):
    pairs = synonyms(np.random.default_rng(3), 30)
    fitted.index(pairs.corpus, ENV)
    together = fitted.search(pairs.queries, 10)
    monkeypatch.setattr(late, "SCORES", 7 * 30)
    in_blocks = fitted.search(pairs.queries, 10)
    assert (together.positions == in_blocks.positions).mean() > 0.99  # products of other sizes may round otherwise
    assert np.allclose(together.scores, in_blocks.scores, atol=1e-5)


def test_without_context_the_order_of_the_words_does_not_count():
    retriever = MaxSim(**SMALL, context=False)
    rng = np.random.default_rng(0)
    retriever.fit(synonyms(rng, 200), synonyms(rng, 40, 1000), ENV)
    retriever.index([Doc("a", "replya replyb replyc"), Doc("b", "replyd"), Doc("c", "replyc replya replyb")], ENV)
    hits = retriever.search([Query("q", "aska askb askc")], 3)
    assert hits.positions[0].tolist()[:2] == [0, 2]
    assert hits.scores[0, 0] == pytest.approx(hits.scores[0, 1], abs=1e-6)


def test_one_question_at_a_time_scores_the_same(fitted):
    pairs = synonyms(np.random.default_rng(3), 30)
    fitted.index(pairs.corpus, ENV)
    together = fitted.search(pairs.queries, 10)
    alone = np.vstack([fitted.search([query], 10).scores for query in pairs.queries])
    assert np.allclose(together.scores, alone, atol=2e-3)


@pytest.mark.parametrize("context", [True, False])
def test_conforms(context):
    check_retriever(MaxSim(**SMALL, context=context))
