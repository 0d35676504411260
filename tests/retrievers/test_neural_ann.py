"""Nearest vectors: the graph finds nearly what exact search finds, the same each time, and tells what it misses."""

import sys

import numpy as np
import pytest
import torch
from pair_examples import ENV, synonyms
from torch.nn.functional import normalize

from bench.api import Doc, Query
from bench.build import build
from bench.conformance import check_retriever
from bench.errors import DataError, SpecError
from bench.measure.memory import held_bytes, stored_bytes
from bench.plugins import find
from bench.spec import parse
from retrievers.embedding_average import EmbeddingAverage
from retrievers.neural.ann import HNSW, Exact, recall


def unit(n, d=16, seed=0):
    return normalize(torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)), dim=1)


def graph(vectors, *, links=16, build_width=80, search_width=64, threads=1):
    return HNSW(vectors, links=links, build_width=build_width, search_width=search_width, threads=threads)


def test_exact_search_finds_what_a_sort_finds():
    documents, queries = unit(200), unit(7, seed=1)
    positions, scores = Exact(documents).search(queries, 5)
    assert torch.equal(positions, (queries @ documents.T).argsort(1, descending=True)[:, :5])
    torch.testing.assert_close(scores, (queries @ documents.T).gather(1, positions))


def test_the_scores_of_the_graph_are_the_inner_products_best_first():
    documents, queries = unit(500), unit(20, seed=1)
    positions, scores = graph(documents).search(queries, 10)
    assert (positions.dtype, scores.dtype) == (torch.int64, torch.float32)
    torch.testing.assert_close(scores, (queries @ documents.T).gather(1, positions))
    assert (scores[:, 1:] <= scores[:, :-1]).all()
    assert all(len(set(row)) == 10 for row in positions.tolist())


def test_a_wide_search_misses_nothing_and_a_narrow_one_something():
    documents, queries = unit(3000, d=32), unit(50, d=32, seed=1)
    wanted = Exact(documents).search(queries, 10)[0]
    found = [
        (graph(documents, links=8, search_width=width).search(queries, 10)[0][:, :, None] == wanted[:, None])
        .any(1)
        .float()
        .mean()
        for width in (1, 3000)
    ]
    assert found[0] < 0.8
    assert found[1] > 0.99


def test_the_same_vectors_make_the_same_graph_however_many_threads_search():
    documents, queries = unit(2000), unit(30, seed=1)
    one, other = (graph(documents, links=4, search_width=8, threads=n).search(queries, 10) for n in (1, 2))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_equal_vectors_keep_their_order_and_pads_stand_behind_them():
    """A graph of equal vectors does not lead to all of them."""
    documents = -unit(1).repeat(40, 1)
    positions, scores = graph(documents).search(-documents[:1], 40)
    found = positions[0][positions[0] >= 0].tolist()
    assert 20 < len(found) < 40
    assert found == sorted(found)
    assert positions[0].tolist() == found + [-1] * (40 - len(found))
    assert not scores[0, len(found) :].any()
    assert scores[0, : len(found)].tolist() == pytest.approx([-1] * len(found))


@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_more_is_found_than_there_is(size):
    positions, scores = graph(unit(size)).search(unit(2, seed=1), 5)
    assert positions.shape == scores.shape == (2, size)
    assert sorted(positions[0].tolist()) == list(range(size))
    assert graph(unit(size)).search(unit(0), 5)[0].shape == (0, size)


class Missing:
    """Finds only every other hit."""

    def __init__(self, vectors):
        self.exact = Exact(vectors)

    def search(self, queries, k):
        self.asked = queries
        positions, scores = self.exact.search(queries, k)
        lost = torch.arange(k) % 2 == 1
        return positions.masked_fill(lost, -1), scores.masked_fill(lost, 0)


def test_recall_is_the_part_that_is_found():
    documents = unit(400)
    rng = np.random.default_rng(0)
    assert recall(Exact(documents), documents, rng) == 1
    assert recall(Missing(documents), documents, rng) == pytest.approx(0.5)
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert recall(Missing(opposite), opposite, rng, k=2) == 0.5  # a pad's score, 0, is no hit


def test_vectors_of_nothing_are_not_asked_for():
    documents, rng = torch.cat([unit(40), torch.zeros(400, 16)]), np.random.default_rng(0)
    assert recall(half := Missing(documents), documents, rng) == pytest.approx(0.5)
    assert half.asked.shape == (40, 16)
    assert half.asked.any(dim=1).all()
    assert recall(Exact(torch.zeros(5, 16)), torch.zeros(5, 16), rng) == 1


def test_any_of_equal_vectors_will_do():
    documents = unit(30).repeat(20, 1)
    assert recall(graph(documents), documents, np.random.default_rng(0)) > 0.95


def test_what_lies_outside_python_is_counted():
    documents = unit(1000)
    least = documents.nbytes + 1000 * 2 * 16 * 4
    assert least < held_bytes(graph(documents)) < 1.2 * least
    assert stored_bytes(graph(documents)) > least


def test_a_retriever_answers_as_with_exact_search_and_tells_its_recall():
    pairs = synonyms(np.random.default_rng(0), 300)
    exact, approximate = EmbeddingAverage(dimensions=32), EmbeddingAverage(dimensions=32, ann="hnsw", search_width=300)
    for system in (exact, approximate):
        system.fit(pairs, pairs, ENV)
        system.index(pairs.corpus, ENV)
    one, other = (system.search(pairs.queries, 10) for system in (exact, approximate))
    assert (one.positions == other.positions).mean() > 0.99  # but for ties that rounding decides
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert approximate.learned["ann recall@10"] > 0.99
    assert "ann recall@10" not in exact.learned


def test_questions_without_a_known_word_find_nothing_and_empty_documents_can_be_found():
    pairs = synonyms(np.random.default_rng(0), 100)
    system = EmbeddingAverage(dimensions=16, ann="hnsw", buckets=0)
    system.fit(pairs, pairs, ENV)
    system.index([*pairs.corpus[:5], Doc("empty", "")], ENV)
    hits = system.search([Query("unknown", "zzzz"), pairs.queries[0]], 6)
    assert (hits.positions[0] == -1).all()
    assert sorted(hits.positions[1].tolist()) == list(range(6))


def test_conforms():
    assert check_retriever(EmbeddingAverage(dimensions=32, epochs=2, ann="hnsw"))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("maxsim:ann=hnsw", "does not search what MaxSim compares"),
        ("gru:ann=hnsw:links=1", "links"),
        ("gru:ann=hnsw:search_width=0", "search_width"),
        ("gru:ann=lsh", "exact"),
    ],
)
def test_what_cannot_work_is_refused(spec, problem):
    with pytest.raises(SpecError, match=problem):
        build(parse(spec), find())


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(DataError, match=r"needs faiss.*retrieverbench\[ann\]"):
        EmbeddingAverage(ann="hnsw")
    EmbeddingAverage()
