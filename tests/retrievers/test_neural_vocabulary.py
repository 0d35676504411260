import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.neural.vocabulary import PAD, Sequences, Vocabulary

TEXTS = [["to", "be", "or", "not", "to", "be"], ["to", "do"], ["do", "be", "do"], []]
words = st.lists(st.sampled_from([*"abcdefgh", "ß", "日本"]), max_size=8)


def test_keeps_words_that_occur_twice_most_frequent_first():
    vocabulary = Vocabulary.build(TEXTS)
    assert vocabulary.words == ("be", "do", "to")
    assert vocabulary.frequencies == (2, 2, 2)
    assert len(vocabulary) == 4


def test_idf_is_lucenes():
    texts = [["a", "b"], ["a"], ["a", "b", "c"], ["c", "c", "c", "c"]]
    idf = Vocabulary.build(texts).idf  # a and c: 3 and 5 occurrences in 3 and 2 of 4 texts
    assert dict(zip(Vocabulary.build(texts).words, idf[1:], strict=True)) == pytest.approx(
        {"c": math.log(1 + 2.5 / 2.5), "a": math.log(1 + 1.5 / 3.5), "b": math.log(1 + 2.5 / 2.5)}, rel=1e-6
    )
    assert idf[PAD] == 0


def test_a_repeated_token_counts_where_it_first_stands():
    vocabulary = Vocabulary.build(TEXTS)
    be, do, to = (vocabulary.encode([word])[0] for word in ("be", "do", "to"))
    assert vocabulary.encode(["to", "be", "unheard", "to", "do"]) == [to, be, do]
    assert vocabulary.encode(["to", "be", "to", "do"], 2) == [to, be]
    assert vocabulary.encode(["to", "be", "to", "do"], repeats=True) == [to, be, to, do]


def test_an_unknown_word_has_no_id_and_known_words_have_distinct_ones():
    vocabulary = Vocabulary.build([["a", "b", "c"]], min_count=1)
    assert vocabulary.encode(["x", "y"]) == []
    assert sorted(vocabulary.encode(["a", "b", "c"])) == [1, 2, 3]


def test_with_buckets_every_word_has_an_id_always_the_same():
    vocabulary = Vocabulary.build([["a", "a", "rare"]], buckets=3)
    assert vocabulary.words == ("a",)
    ids = [vocabulary.encode([word])[0] for word in ("rare", "unseen", "\ud800", "rare")]
    assert all(1 <= i <= 3 for i in ids)
    assert ids[0] == ids[3]
    assert vocabulary.encode(["a"]) == [4]
    assert len(vocabulary) == 5
    assert vocabulary.idf[1:4].tolist() == pytest.approx([math.log(1 + 0.5 / 1.5)] * 3)


def test_survives_json():
    vocabulary = Vocabulary.build(TEXTS)
    assert Vocabulary.of(json.loads(json.dumps(dataclasses.asdict(vocabulary)))) == vocabulary


@given(st.lists(words, max_size=6), st.integers(1, 5))
def test_padded_rows_are_the_sequences(texts, limit):
    vocabulary = Vocabulary.build([*texts, list("abcd")], min_count=1)
    sequences = vocabulary.encode_all(texts, limit)
    rows = np.arange(len(texts))[::-1]
    matrix = sequences.padded(rows)
    for row, line in zip(rows, matrix, strict=True):
        expected = vocabulary.encode(texts[row], limit)
        assert [i for i in line if i != PAD] == expected
        assert list(line[: len(expected)]) == expected


def test_no_sequences_at_all():
    empty = Sequences.of([])
    assert empty.padded(np.arange(0)).shape == (0, 0)
    assert len(empty.lengths) == 0
