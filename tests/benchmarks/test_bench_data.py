"""Speed of opening collections: near-duplicate search, extraction from source text, a stored collection."""

import argparse
import random
from pathlib import Path

import pytest

from bench.api import Doc, Query
from bench.data.cache import cached
from bench.data.card import Card, SourceSpec
from bench.data.dataset import Dataset, Split
from bench.data.docstrings import definitions
from bench.data.neighbours import near_duplicates


def _texts(count, words, seed=0):
    source = random.Random(seed)
    # Word frequencies fall off as in language: a word's rank is a power of a uniform number.
    return [" ".join(f"w{int(20_000 ** source.random())}" for _ in range(words)) for _ in range(count)]


@pytest.mark.parametrize(("words", "ngram", "threshold"), [(10, 1, 0.8), (150, 3, 0.6)])
def test_near_duplicates_of_10000_texts(benchmark, words, ngram, threshold):
    texts = _texts(10_000, words)
    benchmark.pedantic(near_duplicates, args=(texts,), kwargs={"ngram": ngram, "threshold": threshold}, rounds=3)


def test_definitions_of_one_long_module(benchmark):
    source = Path(argparse.__file__).read_text(encoding="utf-8")
    found = benchmark(lambda: list(definitions(source)))
    assert len(found) > 10


def test_opening_a_stored_collection_of_30000_documents(benchmark, tmp_path):
    corpus = tuple(Doc(f"d{i}", text) for i, text in enumerate(_texts(30_000, 200)))
    queries = tuple(Query(f"q{i}", f"question {i}") for i in range(30_000))
    split = Split(queries, {query.id: {doc.id: 1} for query, doc in zip(queries, corpus, strict=True)})
    empty = Split((), {})
    dataset = Dataset("big", corpus, split, empty, empty)
    card = Card("big", "Big", SourceSpec("pairs", {"path": "big.csv"}))
    cached(tmp_path, card, {}, lambda: dataset)
    again = benchmark.pedantic(lambda: cached(tmp_path, card, {}, lambda: pytest.fail("built twice")), rounds=3)
    assert len(again.corpus) == 30_000
