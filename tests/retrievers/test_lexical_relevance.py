"""Robertson/Spärck Jones weights: the formula by hand, and what few observations do."""

import numpy as np
import pytest

from retrievers.lexical.counts import TermCounts
from retrievers.lexical.relevance import STRENGTH, Relevance

CORPUS = [["how", "conv", "x"], ["conv", "y"], ["how", "z"], ["w", "z"]]
FREQUENCIES = {"how": 2, "conv": 2, "x": 1, "y": 1, "z": 2, "w": 1}
PAIRS = [(["how", "conv"], ["conv", "x"]), (["how", "conv", "conv"], ["conv", "y"]), (["how", "w"], ["z", "w"])]


def learned():
    return Relevance.learn(PAIRS, FREQUENCIES, 4)


def weights(counts):
    return learned().weights(counts.terms, counts.document_frequencies, len(counts.lengths))


def test_a_word_counts_once_for_each_pair():
    assert dict(learned().asked) == {"how": 3, "conv": 2, "w": 1}
    assert dict(learned().kept) == {"conv": 2, "w": 1}


def test_the_weight_by_hand():
    """conv is kept in 2 of 2; terms of its class, held by one or two of 4 documents, in 3 of 6 (how 0 of 3, w 1 of 1)."""
    prior = (3 + 0.5) / (6 + 1.5)
    chance = (2 + STRENGTH * prior) / (2 + STRENGTH)
    common = 2.5 / 5
    counts = TermCounts.of(CORPUS)
    expected = np.log(chance / (1 - chance)) - np.log(common / (1 - common))
    assert weights(counts)[counts.terms["conv"]] == pytest.approx(expected, rel=1e-5)


def test_what_solutions_take_up_outweighs_what_they_do_not():
    counts = TermCounts.of(CORPUS)
    found = weights(counts)
    assert found[counts.terms["conv"]] > found[counts.terms["z"]] > found[counts.terms["how"]]


def test_a_word_never_asked_weighs_as_its_class():
    counts = TermCounts.of([*CORPUS, ["new"], ["other"]])
    found = weights(counts)
    assert found[counts.terms["new"]] == found[counts.terms["other"]] == found[counts.terms["x"]]
