"""The signals by their formulas, and which documents are candidates."""

import numpy as np
import pytest

from bench.api import Doc, Env, Query
from retrievers.bm25 import BM25
from retrievers.lexical.grams import Grams
from retrievers.lexical.lessons import Lessons, Reading
from retrievers.lexical.signals import FIRST, NAMES, Signals, candidates, standard
from retrievers.text.analysis import Analyzer

TEXTS = ["loss is nan on the gpu gpu", "gpu driver: out of memory", "zero_grad(loss) first", "the tensor", ""]
QUERIES = ["gpu memory gpu", "loss of tensors", "how to call zero_grad", "unheard"]
DOCS = [Doc(str(at), text) for at, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def lessons():
    queries = [Query(str(at), text) for at, text in enumerate(QUERIES)]
    words, grams = (Reading.of(queries, DOCS, analyze) for analyze in (Analyzer(), Grams()))
    return Lessons.learn([(0, 1), (1, 3), (2, 2)], words, grams)


@pytest.fixture(scope="module")
def signals(lessons):
    found = Signals(TEXTS, Analyzer(), Env())
    found.teach(lessons)
    return found


def row(signals, name, query):
    return signals.table(query)[NAMES.index(name)]


@pytest.mark.parametrize(
    ("name", "system"), [("BM25", BM25(k1=2)), ("unstemmed BM25", BM25(stemmer="none", split=False))]
)
def test_these_are_the_scores_of_bm25(signals, name, system):
    system.index(DOCS, Env())
    for query in QUERIES:
        hits = system.search([Query("q", query)], len(DOCS))
        expected = np.zeros(len(DOCS))
        real = hits.positions[0] >= 0
        expected[hits.positions[0][real]] = hits.scores[0][real]
        assert row(signals, name, query) == pytest.approx(expected, rel=1e-5)


def by_hand(analyze, relevance, query, power=None):
    """Worth of the distinct terms of a question that each document holds: powers of the IDF, or learned weights."""
    held = [set(analyze(text)) for text in TEXTS]
    asked = [term for term in dict.fromkeys(analyze(query)) if any(term in one for one in held)]
    frequencies = np.array([sum(term in one for one in held) for term in asked])
    idf = np.log1p((len(TEXTS) - frequencies + 0.5) / (frequencies + 0.5))
    worth = relevance.weights(asked, frequencies, len(TEXTS)) if power is None else idf**power
    return [sum(w for term, w in zip(asked, worth, strict=True) if term in one) for one in held]


@pytest.mark.parametrize(
    ("name", "analyze", "power"),
    [
        ("IDF coverage", Analyzer(), 1),
        ("IDF² coverage", Analyzer(), 2),
        ("n-gram IDF coverage", Grams(), 1),
        ("RSJ weight", Analyzer(), None),
        ("n-gram RSJ weight", Grams(), None),
    ],
)
def test_coverage_by_hand(signals, lessons, name, analyze, power):
    relevance = lessons.grams if "n-gram" in name else lessons.words
    for query in QUERIES:
        expected = by_hand(analyze, relevance, query, power)
        assert row(signals, name, query) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_bm25_with_learned_weights_is_bm25_where_one_term_is_asked(signals, lessons):
    """The part of the term frequency is the same; only the weight before it is another."""
    weight, idf = (by_hand(Analyzer(), lessons.words, "gpu", power)[0] for power in (None, 1))
    assert row(signals, "RSJ weight BM25", "gpu") == pytest.approx(row(signals, "BM25", "gpu") * weight / idf, rel=1e-4)


def test_postings_of_a_vocabulary_are_stored_twice(signals):
    for vocabulary in (signals._terms, signals._gram_terms):
        assert len([one for one in vars(vocabulary).values() if type(one).__name__ == "Impacts"]) == 2


def table_of(**rows):
    """A table that is 0 but for these rows."""
    table = np.zeros((len(NAMES), len(next(iter(rows.values())))), dtype=np.float32)
    for name, values in rows.items():
        table[NAMES.index({"bm25": FIRST[0], "grams": FIRST[1], "other": "length"}[name])] = values
    return table


def test_of_equal_documents_the_first_are_candidates_and_what_none_finds_is_not():
    assert candidates(table_of(bm25=[0, 2, 2, 2, 2, 0]), 3).tolist() == [1, 2, 3]
    assert candidates(table_of(bm25=[0, 1, 0, 2], grams=[3, 0, 0, 0]), 1).tolist() == [0, 3]
    assert candidates(table_of(other=[5, 5, 5]), 3).tolist() == []
    assert candidates(table_of(bm25=[-1, -2, 0]), 3).tolist() == []


def test_a_standardised_row_has_mean_0_and_deviation_1_or_is_0(signals):
    table = standard(signals.table(QUERIES[0]))
    assert table.mean(axis=1) == pytest.approx(0, abs=1e-5)
    deviation = table.std(axis=1)
    assert np.all((np.abs(deviation - 1) < 1e-3) | (deviation == 0))
    assert not standard(np.full((1, 4), 2.5, dtype=np.float32)).any()
    assert standard(np.zeros((3, 0), dtype=np.float32)).shape == (3, 0)


def test_no_documents_and_no_words_are_no_special_case(lessons):
    nothing = Signals([], Analyzer(), Env())
    nothing.teach(lessons)
    assert nothing.table("gpu").shape == (len(NAMES), 0)
    assert Signals(["text"], Analyzer(), Env()).table("").shape == (len(NAMES), 1)
