"""Large collections of pairs: working in blocks changes nothing, and nothing is compared with everything."""

import random

import numpy as np
import pytest

from bench.data import neighbours
from bench.data.neighbours import gram_sets, near_duplicates


def _texts(seed):
    source = random.Random(seed)
    texts = ["", "?!", *["a crowd of equal texts"] * 80]
    for _ in range(60):
        base = [f"w{source.randrange(900)}" for _ in range(source.randrange(1, 40))]
        texts.append(" ".join(base))
        texts.append(" ".join(word if source.random() > 0.15 else f"n{source.randrange(50)}" for word in base))
    source.shuffle(texts)
    return texts


@pytest.mark.parametrize("block", [1, 64])
@pytest.mark.parametrize(("ngram", "threshold"), [(1, 0.8), (3, 0.6), (2, 1.0)])
def test_the_size_of_the_blocks_changes_no_pair(monkeypatch, block, ngram, threshold):
    texts = _texts(seed=7)
    whole = near_duplicates(texts, ngram=ngram, threshold=threshold)
    assert len(whole) >= 79
    for name in ("_TEXTS", "_VALUES", "_PAIRS", "_GRAMS"):
        monkeypatch.setattr(neighbours, name, block)
    assert near_duplicates(texts, ngram=ngram, threshold=threshold) == whole


def test_the_sets_are_those_of_each_text_alone():
    texts = _texts(seed=1)
    alone = [gram_sets([text], 3).values for text in texts]
    together = gram_sets(texts, 3)
    np.testing.assert_array_equal(together.values, np.concatenate(alone))
    assert together.sizes.tolist() == [len(one) for one in alone]
    assert all((np.diff(one) > 0).all() for one in (row.astype(object) for row in alone) if len(one) > 1)


def test_no_texts_have_no_neighbours():
    assert near_duplicates([], ngram=3, threshold=0.6) == near_duplicates(["", "?!"], ngram=3, threshold=0.6) == []


def test_a_crowd_is_chained_and_not_paired_off():
    crowd = near_duplicates(["the same words again"] * 1000, ngram=1, threshold=0.8)
    assert crowd == [(i, i + 1) for i in range(999)]
