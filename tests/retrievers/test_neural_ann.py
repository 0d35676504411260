"""Approximate search: nearly what exact search finds, with its scores, the same each time; what is missed is told."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from bench.errors import DataError
from bench.measure.memory import held_bytes, stored_bytes
from retrievers.neural.ann import ranked
from retrievers.neural.ann_recall import RecallSample
from retrievers.neural.hnsw import HNSW
from retrievers.neural.ivf import IVF, PQ
from retrievers.neural.topk.index import CosineIndex

GRAPH = {"links": 16, "build_width": 80, "search_width": 64, "threads": 1}
LISTS = {"lists": 0, "probes": 16, "threads": 1}
CODES = {**LISTS, "subquantisers": 0, "bits": 4, "refine": 4}
KINDS = [(HNSW, GRAPH), (IVF, LISTS), (PQ, CODES)]
kinds = pytest.mark.parametrize(("kind", "usual"), KINDS, ids=["hnsw", "ivf", "pq"])


def unit(n, d=16, seed=0):
    return normalize(torch.from_numpy(np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)), dim=1)


def clustered(n, d=32, seed=0):
    """Around 50 centres: random vectors without structure are all equally far apart."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((50, d))
    rows = centres[rng.integers(50, size=n)] + 0.5 * rng.standard_normal((n, d))
    return normalize(torch.from_numpy(rows.astype(np.float32)), dim=1)


def share(found, wanted):
    return (found[:, :, None] == wanted[:, None]).any(1).float().mean().item()


@kinds
def test_scores_are_the_inner_products_rounded_once_best_first(kind, usual):
    documents, queries = unit(500), unit(20, seed=1)
    positions, scores = kind(documents, **usual).search(queries, 10)
    assert (positions.dtype, scores.dtype) == (torch.int64, torch.float32)
    assert torch.equal(scores, (queries.double() @ documents.double().T).gather(1, positions).float())
    assert (scores[:, 1:] <= scores[:, :-1]).all()
    assert all(len(set(row)) == 10 for row in positions.tolist())


@pytest.mark.parametrize(
    ("kind", "usual", "parameter", "narrow", "wide"),
    [
        (HNSW, {**GRAPH, "links": 8}, "search_width", 1, 3000),
        (IVF, LISTS, "probes", 1, 3000),
        (PQ, {**CODES, "probes": 3000, "subquantisers": 2}, "refine", 1, 3000),
    ],
)
def test_a_parameter_of_the_search_counts_from_the_next_one_without_a_rebuild(kind, usual, parameter, narrow, wide):
    documents, queries = clustered(2000), clustered(50, seed=1)
    wanted = CosineIndex(documents).search(queries, 10)[0]
    index = kind(documents, **usual)
    found = {}
    for value in (narrow, wide):
        setattr(index, parameter, value)
        found[value] = index.search(queries, 10)[0]
        assert torch.equal(found[value], kind(documents, **{**usual, parameter: value}).search(queries, 10)[0])
    assert share(found[narrow], wanted) < 0.9
    assert share(found[wide], wanted) > 0.999


@kinds
def test_the_same_vectors_make_the_same_index_however_many_threads_search(kind, usual):
    documents, queries = clustered(1500), clustered(40, seed=1)
    narrow = {**usual, **{name: 2 for name in ("search_width", "probes", "refine") if name in usual}}
    one, again, other = (
        kind(documents, **{**narrow, "threads": threads}, seed=seed).search(queries, 10)
        for threads, seed in ((1, 5), (2, 5), (1, 6))
    )
    assert torch.equal(one[0], again[0])
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[0], other[0])


@kinds
def test_an_answer_does_not_depend_on_the_questions_beside_it(kind, usual):
    documents, queries = clustered(1500, d=96), clustered(200, d=96, seed=1)
    index = kind(documents, **{**usual, **{name: 3 for name in ("search_width", "probes") if name in usual}})
    together = index.search(queries, 10)
    alone = [index.search(queries[at : at + 1], 10) for at in range(len(queries))]
    assert torch.equal(together[0], torch.cat([positions for positions, _ in alone]))
    assert torch.equal(together[1], torch.cat([scores for _, scores in alone]))


@kinds
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(kind, usual, wrong):
    vectors = unit(40)
    vectors[6, 2] = wrong
    with pytest.raises(DataError, match="vector 6 holds NaN or infinity"):
        kind(vectors, **usual)
    with pytest.raises(DataError, match="vector 6 holds NaN or infinity"):
        kind(unit(40), **usual).search(vectors, 3)


def test_equal_vectors_keep_their_order_and_pads_stand_behind_them():
    """A graph of equal vectors does not lead to all of them."""
    documents = -unit(1).repeat(40, 1)
    positions, scores = HNSW(documents, **GRAPH).search(-documents[:1], 40)
    found = positions[0][positions[0] >= 0].tolist()
    assert 20 < len(found) < 40
    assert found == sorted(found)
    assert positions[0].tolist() == found + [-1] * (40 - len(found))
    assert not scores[0, len(found) :].any()
    assert scores[0, : len(found)].tolist() == pytest.approx([-1] * len(found))


@kinds
@pytest.mark.parametrize("size", [0, 1, 3, 40])
def test_no_more_is_found_than_there_is(kind, usual, size):
    positions, scores = kind(unit(size), **{**usual, "probes": 40} if "probes" in usual else usual).search(
        unit(2, seed=1), 50
    )
    assert positions.shape == scores.shape == (2, size)
    assert sorted(positions[0].tolist()) == list(range(size))
    assert kind(unit(size), **usual).search(unit(0), 5)[0].shape == (0, min(size, 5))


def test_lists_with_too_few_documents_leave_pads_behind_what_they_have():
    documents = unit(200)
    positions, scores = IVF(documents, lists=50, probes=1, threads=1).search(documents, 10)
    number = (positions >= 0).sum(1)
    assert 1 <= number.min() < number.max() <= 10
    assert torch.equal(positions >= 0, torch.arange(10) < number[:, None])
    assert not scores[positions < 0].any()
    assert torch.equal(positions[:, 0], torch.arange(200))  # in the list of its own centroid


def test_what_fills_the_places_of_candidates_that_are_none_does_not_matter():
    asked = np.array([[1.0, 0.0]], dtype=np.float32)
    vectors = np.array([[[0.5, 9.0], [np.nan, np.inf], [0.5, 0.0], [0.7, 0.0]]], dtype=np.float32)
    positions, scores = ranked(asked, np.array([[8, -1, 3, 5]]), vectors, 4)
    assert positions.tolist() == [[5, 3, 8, -1]]
    assert scores.tolist() == [[pytest.approx(0.7), 0.5, 0.5, 0.0]]


@pytest.mark.parametrize(("size", "lists"), [(100, 40), (2500, 200), (9, 9)])
def test_there_are_four_lists_for_each_root_of_the_documents_unless_told(size, lists):
    assert IVF(unit(size, d=4), **LISTS).facts == {"ann lists": lists, "ann probes": min(lists, 16)}
    assert IVF(unit(size, d=4), **{**LISTS, "lists": 7}).facts["ann lists"] == 7


@pytest.mark.parametrize(("lists", "probes"), [(1, 1), (9, 9), (25, 20), (100, 40)])
def test_lists_looked_into_are_four_times_the_root_of_their_number_unless_told(lists, probes):
    index = IVF(unit(200, d=4), lists=lists, probes=0, threads=1)
    assert index.probes == probes
    index.probes = 3000
    assert index.probes == lists


@pytest.mark.parametrize(("size", "codes"), [(256, 64), (100, 25), (6, 1), (3, 1), (14, 2)])
def test_a_vector_gets_a_code_for_four_dimensions_or_more(size, codes):
    index = PQ(unit(30, d=size), **{**CODES, "bits": 4})
    assert index.facts["ann subquantisers"] == codes


@pytest.mark.parametrize("bits", [1, 5, 8, 12])
def test_codes_of_any_length_lead_to_what_is_near(bits):
    """1 bit tells 65,536 parts of space apart with 16 subquantisers."""
    documents, queries = clustered(500, d=16), clustered(20, d=16, seed=1)
    index = PQ(documents, **{**CODES, "lists": 1, "subquantisers": 16, "bits": bits, "refine": 8})
    assert share(index.search(queries, 5)[0], CosineIndex(documents).search(queries, 5)[0]) > 0.9


def test_subquantisers_that_do_not_divide_are_refused():
    with pytest.raises(DataError, match="subquantisers=5 does not divide the 16 dimensions"):
        PQ(unit(30), **{**CODES, "subquantisers": 5})


class Missing:
    """Finds only every other hit."""

    def __init__(self, vectors):
        self.exact = CosineIndex(vectors)

    def search(self, queries, k):
        self.asked = queries
        positions, scores = self.exact.search(queries, k)
        lost = torch.arange(k) % 2 == 1
        return positions.masked_fill(lost, -1), scores.masked_fill(lost, 0)


def test_recall_is_the_part_that_is_found():
    documents, queries = unit(400), unit(60, seed=1)
    assert RecallSample(documents, queries).recall(CosineIndex(documents)) == 1
    assert RecallSample(documents, queries).recall(Missing(documents)) == 0.5
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert RecallSample(opposite, opposite, k=2).recall(Missing(opposite)) == 0.5  # a pad's score, 0, is no hit


def test_questions_of_nothing_are_not_asked_and_nothing_to_ask_is_all_found():
    documents, nothing = unit(400), torch.zeros(50, 16)
    half = Missing(documents)
    assert RecallSample(documents, torch.cat([nothing, unit(40, seed=1)])).recall(half) == 0.5
    assert half.asked.shape == (40, 16)
    assert RecallSample(documents, nothing).recall(Missing(documents)) == 1
    assert RecallSample(documents[:0], unit(3)).recall(CosineIndex(documents[:0])) == 1


def test_any_of_equal_vectors_will_do():
    documents = unit(30).repeat(20, 1)
    assert RecallSample(documents, unit(50, seed=1)).recall(HNSW(documents, **GRAPH)) > 0.9


def test_what_lies_outside_python_is_counted():
    documents = unit(1000)
    least = {
        HNSW: documents.nbytes + 1000 * 2 * 16 * 4,
        IVF: documents.nbytes + 1000 * 8 + 126 * 16 * 4,
        PQ: documents.nbytes + 1000 * (2 + 8) + 126 * 16 * 4 + 16 * 16 * 4,  # the vectors, for exact scores
    }
    for kind, usual in KINDS:
        index = kind(documents, **usual)
        assert least[kind] < held_bytes(index) < 1.2 * least[kind], kind
        assert stored_bytes(index) >= least[kind], kind
