"""The recipe of 2018, as told."""

import numpy as np
import pytest
import torch
from pair_examples import ENV, synonyms

from bench.conformance import check_retriever
from retrievers.gru_2018 import GRU2018

SMALL = {"dimensions": 16, "hidden": 16, "epochs": 2}


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("hinge", lambda pos, neg: (1 - pos) + (1 + neg)),
        ("logistic", lambda pos, neg: np.log(1 + np.exp(-(pos - neg)))),
    ],
)
def test_its_losses_are_those_of_the_talk_with_the_solution_before_as_negative(loss, expected):
    cosines = np.random.default_rng(0).uniform(-1, 1, (5, 5)).astype(np.float32)
    wanted = np.mean([expected(cosines[i, i], cosines[i, i - 1]) for i in range(5)])
    got = GRU2018(loss=loss)._criterion(torch.from_numpy(cosines), torch.zeros(5, 5, dtype=torch.bool))
    assert got.item() == pytest.approx(wanted, abs=1e-6)


def test_each_side_has_an_encoder_and_both_stages_are_learned():
    pairs = synonyms(np.random.default_rng(0), 200)
    retriever = GRU2018(**SMALL, learning_rate=0.1)
    retriever.fit(pairs, pairs, ENV)
    questions, solutions = retriever._model.questions, retriever._model.solutions
    assert questions is not solutions
    strings, targets = retriever.learned["search strings"]["epochs"], retriever.learned["epochs"]
    assert (len(strings), len(targets)) == (2, 2)
    assert strings[1]["loss"] < strings[0]["loss"]
    assert targets[1]["loss"] < targets[0]["loss"]


def test_without_the_first_stage_there_is_one():
    pairs = synonyms(np.random.default_rng(0), 60)
    retriever = GRU2018(**SMALL, string_epochs=0)
    retriever.fit(pairs, pairs, ENV)
    assert "search strings" not in retriever.learned


def test_numbers_and_single_letters_are_left_out():
    assert GRU2018()._analyze("Step 3: use a GRU of size 256") == ["step", "use", "gru", "of", "size"]
    assert "256" in GRU2018(clean=False)._analyze("size 256")


@pytest.mark.parametrize("options", [{"batch": 1}, {"cotrain": "title"}])
def test_without_another_pair_there_is_no_negative(options):
    with pytest.raises(ValueError, match="another pair's solution"):
        GRU2018(**options)


def test_conforms():
    check_retriever(GRU2018(**SMALL))
