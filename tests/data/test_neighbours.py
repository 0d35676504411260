"""MinHash finds what comparing all sets finds."""

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data import overlaps
from bench.data.neighbours import clusters, near_duplicates
from bench.data.overlaps import near_duplicates_between, overlaps_between


def test_the_similarity_is_jaccards_over_ngrams_to_the_last_word():
    # Trigrams {abc, bcd, cde} and {abc, bcd, cdx}: 2 shared of 4.
    texts = ["a b c d e", "a b c d x"]
    assert near_duplicates(texts, ngram=3, threshold=0.5) == [(0, 1)]
    assert near_duplicates(texts, ngram=3, threshold=0.51) == []


def test_case_and_punctuation_are_not_compared_but_order_is():
    texts = ["Sort the list.", "sort; the LIST", "list the sort", "", "?!"]
    assert near_duplicates(texts, ngram=3, threshold=1.0) == [(0, 1)]
    assert near_duplicates(texts, ngram=1, threshold=1.0) == [(0, 1), (0, 2), (1, 2)]


def test_texts_shorter_than_an_ngram_are_compared_whole():
    assert near_duplicates(["return x", "return x", "return y"], ngram=5, threshold=0.9) == [(0, 1)]


def _gram_sets(texts, ngram):
    sets = []
    for text in texts:
        tokens = text.split()
        starts = range(max(1, len(tokens) - ngram + 1)) if tokens else ()
        sets.append({tuple(tokens[start : start + ngram]) for start in starts})
    return sets


def _brute(texts, ngram, threshold):
    sets = _gram_sets(texts, ngram)
    return [
        (a, b)
        for a, b in combinations(range(len(texts)), 2)
        if sets[a] and sets[b] and len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= threshold
    ]


def _noisy_copies(count, seed):
    source = random.Random(seed)
    texts = []
    for _ in range(count):
        base = [f"w{source.randrange(5000)}" for _ in range(source.randrange(20, 80))]
        texts.append(" ".join(base))
        share = source.random() * 0.5
        texts.append(" ".join(word if source.random() > share else f"n{source.randrange(5000)}" for word in base))
    return texts


def test_of_all_pairs_above_the_threshold_nearly_all_are_found_and_no_other():
    texts = _noisy_copies(300, seed=4)
    for ngram, threshold in ((1, 0.8), (3, 0.6), (1, 0.5)):
        expected = _brute(texts, ngram, threshold)
        found = near_duplicates(texts, ngram=ngram, threshold=threshold)
        assert len(expected) > 30
        assert set(found) <= set(expected)
        assert len(found) >= 0.98 * len(expected)


def test_the_order_of_the_texts_changes_no_pair():
    texts = _noisy_copies(200, seed=1)
    found = {frozenset((texts[a], texts[b])) for a, b in near_duplicates(texts, ngram=3, threshold=0.6)}
    texts.reverse()
    assert {frozenset((texts[a], texts[b])) for a, b in near_duplicates(texts, ngram=3, threshold=0.6)} == found


def test_a_crowd_of_copies_is_one_cluster():
    texts = ["the same words again"] * 500 + ["quite another text here"]
    links = near_duplicates(texts, ngram=1, threshold=0.8)
    assert clusters(len(texts), links) == [0] * 500 + [500]


def test_unpaired_surrogates_are_words_like_others():
    assert near_duplicates(["x \ud800 y", "x \ud800 y"], ngram=1, threshold=0.9) == [(0, 1)]


@settings(deadline=None)
@given(st.data())
def test_clusters_are_the_connected_components(data):
    size = data.draw(st.integers(1, 12))
    links = data.draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=15))
    label = list(range(size))
    for _ in range(size):
        for a, b in links:
            label[a] = label[b] = min(label[a], label[b])
    assert clusters(size, links) == label


TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=9).map(" ".join), max_size=12)


@given(TEXTS, TEXTS, st.integers(1, 3), st.sampled_from([0.1, 0.25, 0.5, 0.6, 0.8, 1.0]))
@settings(deadline=None)
def test_overlaps_between_lists_are_those_of_all_pairs_compared(texts, others, ngram, threshold):
    a, b = _gram_sets(texts, ngram), _gram_sets(others, ngram)
    shared = {(i, j): len(x & y) for i, x in enumerate(a) for j, y in enumerate(b) if x and y}
    expected = {pair: n / len(a[pair[0]]) for pair, n in shared.items() if n / len(a[pair[0]]) >= threshold}
    found = overlaps_between(texts, others, ngram=ngram, containment=threshold)
    pairs = list(zip(found.text.tolist(), found.other.tolist(), strict=True))
    assert dict(zip(pairs, found.containment.tolist(), strict=True)) == expected
    assert pairs == sorted(pairs)
    near = [pair for pair in sorted(shared) if shared[pair] / len(a[pair[0]] | b[pair[1]]) >= threshold]
    assert near_duplicates_between(texts, others, ngram=ngram, threshold=threshold) == near


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_working_in_blocks_changes_nothing(monkeypatch, block):
    texts = _noisy_copies(60, seed=2)
    whole = overlaps_between(texts[:50], texts, ngram=1, containment=0.3)
    monkeypatch.setattr(overlaps, "_BLOCK", block)
    for one, other in zip(whole, overlaps_between(texts[:50], texts, ngram=1, containment=0.3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_between_lists_no_pair_is_missed_that_minhash_finds():
    texts = _noisy_copies(200, seed=5)
    within = {(a // 2, b // 2) for a, b in near_duplicates(texts, ngram=3, threshold=0.6) if (a % 2, b % 2) == (0, 1)}
    assert len(within) > 30
    assert within <= set(near_duplicates_between(texts[::2], texts[1::2], ngram=3, threshold=0.6))
