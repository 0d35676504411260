"""Counting a collection by its distinct words, against counting what the analyser says of each document."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.api import Doc, Env
from retrievers.lexical.counts import TermCounts, analysed
from retrievers.neural.vocabulary import Vocabulary
from retrievers.text import collection as room
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import Collection

ANALYZERS = [Analyzer(), Analyzer("none", "none", split=False), Analyzer(clean=True)]
# Words, identifiers, what NFKC composes or takes apart, marks of their own, scripts without spaces, white space of all kinds.
pieces = st.sampled_from(
    [
        *["training", "zero_grad", "DataLoader2", "the", "_", "e\u0301", "\u0301", "=\u0338x", "\u00a8", "\uff27PU"],
        *["हिन्दी", "日本語", " ", "\t", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u00a0", "\u2003"],
        *["-", ".", "(", "\ud800", "\x00"],
    ]
)
texts = st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=30))


def same(found, expected):
    assert list(found.terms.items()) == list(expected.terms.items())
    for one, other in zip(found[1:], expected[1:], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("analyze", ANALYZERS, ids=repr)
@settings(deadline=None)
@given(contents=st.lists(texts, max_size=6))
def test_reading_by_words_counts_what_the_analyser_finds(analyze, contents):
    corpus = [Doc(str(i), text) for i, text in enumerate(contents)]
    same(TermCounts.read(corpus, analyze, Env()), TermCounts.of(analysed(corpus, analyze, Env())))


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=9), max_size=9))
def test_counts_are_those_of_a_plain_count(contents):
    found = TermCounts.of(contents)
    assert list(found.terms) == list(dict.fromkeys(term for text in contents for term in text))
    assert found.lengths.tolist() == [len(text) for text in contents]
    for term, number in found.terms.items():
        part = slice(found.starts[number], found.starts[number + 1])
        expected = {at: text.count(term) for at, text in enumerate(contents) if term in text}
        assert dict(zip(found.docs[part].tolist(), found.frequencies[part].tolist(), strict=True)) == expected
        assert found.docs[part].tolist() == sorted(expected)


def test_many_pieces_and_many_words_make_no_difference(monkeypatch):
    rng = np.random.default_rng(0)
    corpus = [Doc(str(i), " ".join(f"x{n}y" for n in rng.zipf(1.3, 50) % 9_999)) for i in range(400)]
    whole = TermCounts.read(corpus, Analyzer("none", split=False), Env())
    monkeypatch.setattr(room, "PIECE", 100)
    same(TermCounts.read(corpus, Analyzer("none", split=False), Env()), whole)
    same(whole, TermCounts.of(analysed(corpus, Analyzer("none", split=False), Env())))


def test_a_word_is_numbered_once():
    reader = Collection()
    first, counts = reader.read(["one two, one", "", "two;three"])
    assert (first.tolist(), counts.tolist()) == ([0, 1, 0, 1, 2], [3, 0, 2])
    again, _ = reader.read(["three four"])
    assert again.tolist() == [2, 3]


def test_a_subclass_may_look_at_more_than_a_word():
    class Reversed(Analyzer):
        def __call__(self, text):
            return super().__call__(text)[::-1]

    counts = TermCounts.read([Doc("a", "one two")], Reversed("none", "none"), Env())
    assert list(counts.terms) == ["two", "one"]


@pytest.mark.parametrize("analyze", [*ANALYZERS, lambda text: Analyzer()(text)[::-1]], ids=repr)
@settings(deadline=None)
@given(contents=st.lists(texts, max_size=6), limit=st.integers(1, 5), buckets=st.sampled_from([0, 3]))
def test_reading_by_words_gives_the_ids_of_what_the_analyser_finds(analyze, contents, limit, buckets):
    vocabulary = Vocabulary.build(map(analyze, contents[::2]), min_count=1, buckets=buckets)
    found = vocabulary.read(iter(contents), analyze, limit)
    expected = vocabulary.encode_all(map(analyze, contents), limit)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_nothing_is_compiled_by_the_first_texts():
    """Not by long ones either, for which the table of words has to grow."""
    code = (
        "from retrievers.text import words\nfrom retrievers.text.collection import Collection, compile_reading\n"
        "compile_reading()\ncount = lambda: [len(one.signatures) for one in (words.read, words.settle, words.distinct)]\n"
        "before = count(); Collection.of(' '.join(map(str, range(9_000))) for _ in range(3))\nprint(before, count())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["[1,", "1,", "1]"] * 2
