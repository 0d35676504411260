import numpy as np
import pytest
import torch

from bench.api import Env
from retrievers.neural.examples import Examples
from retrievers.neural.folds import FOLDS, cross_fitted
from retrievers.neural.interaction import InteractionCNN
from retrievers.neural.lexical import Lexical
from retrievers.neural.lists import ListLoss, first_stage
from retrievers.neural.vocabulary import Vocabulary

WORDS = [f"w{at}" for at in range(40)]


def scene(n=40, *, hard=3, random=2):
    """Question i asks for w_i and its neighbour; solution i has both; question 0 is solved by solution 1 as well."""
    questions = [[WORDS[at % 40], WORDS[(at + 1) % 40]] for at in range(n)]
    solutions = [[*question, "common", "words"] for question in questions]
    pairs = np.repeat(np.arange(n), 2).reshape(-1, 2)
    examples = Examples(questions, solutions, np.vstack([pairs, [[0, min(1, n - 1)]]])[: n + 1 if n > 1 else 1])
    vocabulary = Vocabulary.build(questions + solutions, min_count=1)
    texts = vocabulary.encode_all(questions), vocabulary.encode_all(solutions)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    _, folds, _ = cross_fitted(
        examples, texts, vocabulary, lambda _: None, widths=(4, 16), dimensions=8, epochs=1, rng=rng, env=Env()
    )
    lexical = Lexical(*texts, vocabulary.idf)
    cnn = InteractionCNN(4, 8)
    return examples, folds, lexical, ListLoss(cnn, examples, folds, lexical, hard=hard, random=random, rng=rng), cnn


def test_every_pair_is_in_one_fold_and_a_question_in_one_only():
    examples, folds, _, _, _ = scene()
    assert sorted(map(tuple, np.vstack([fold.pairs for fold in folds]))) == sorted(map(tuple, examples.pairs))
    assert len(folds) == FOLDS
    assert not set(folds[0].pairs[:, 0]) & set(folds[1].pairs[:, 0])


def test_the_folds_have_vectors_of_their_own():
    _, folds, _, _, _ = scene()
    assert not torch.equal(folds[0].lexicon.vectors, folds[1].lexicon.vectors)


def test_an_epoch_lists_every_pair_with_its_negatives():
    examples, _, _, loss, _ = scene()
    batches = list(loss.epoch(8))
    listed = [(q, row[0]) for _, lists in batches for q, row in zip(lists.questions, lists.solutions, strict=True)]
    assert sorted(listed) == sorted(map(tuple, examples.pairs))
    assert all(lists.solutions.shape[1] == 1 + 3 + 2 for _, lists in batches)
    assert [done for done, _ in batches] == sorted(done for done, _ in batches)
    relevant = examples.relevance().toarray()
    for _, lists in batches:
        right = relevant[lists.questions[:, None], lists.solutions]
        assert right[:, 0].all()
        assert (lists.ignored[:, 1:] == right[:, 1:]).all()  # another right solution is no negative
        assert not lists.ignored[:, 0].any()


def test_hard_negatives_are_those_that_the_first_stage_likes():
    _, _, lexical, loss, _ = scene(400, hard=3, random=0)
    everything = np.arange(400)
    scores = lexical.scores(everything, everything)
    chosen = [
        scores[q, row[1:]].mean()
        for _, lists in loss.epoch(64)
        for q, row in zip(lists.questions, lists.solutions, strict=True)
    ]
    assert np.mean(chosen) > 3 * scores.mean()


def test_loss_of_a_list_is_its_cross_entropy_and_reaches_every_weight():
    _, _, _, loss, cnn = scene()
    lists = next(iter(loss.epoch(8)))[1]
    value = loss(lists)
    assert value.item() == pytest.approx(np.log(6), abs=0.5)  # at the start about chance among six
    value.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in cnn.parameters())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_pairs_is_enough_to_run(n):
    _, folds, _, loss, _ = scene(n)
    assert 1 <= len(folds) <= FOLDS
    assert all(loss(lists).isfinite() for _, lists in loss.epoch(16))


def test_first_stage_adds_two_standard_scores():
    _, folds, lexical, _, _ = scene()
    fold = folds[0]
    asked, known = np.array([0, 5]), np.arange(40)
    scores = first_stage(lexical, fold.questions, fold.solutions, asked, known)
    assert scores.mean(axis=1) == pytest.approx(0, abs=1e-5)
    assert scores[1].argmax() == 5
