"""Retrievers that search approximately: one fit for all ways, parameters of the search changed on a built index."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from pair_examples import ENV, synonyms

from bench.api import Doc, Query
from bench.build import build
from bench.conformance import check_retriever
from bench.errors import DataError, SpecError, StoreError
from bench.plugins import find
from bench.spec import parse
from retrievers.embedding_average import EmbeddingAverage
from retrievers.neural import vector_search

WIDE = {"hnsw": {"search_width": 300}, "ivf": {"probes": 300}, "pq": {"probes": 300, "refine": 30}}
SMALL = {"dimensions": 32, "epochs": 1}


@pytest.fixture(scope="module")
def pairs():
    return synonyms(np.random.default_rng(0), 300)


@pytest.fixture(scope="module")
def exact(pairs):
    system = EmbeddingAverage(**SMALL)
    system.fit(pairs, pairs, ENV)
    system.index(pairs.corpus, ENV)
    return system


@pytest.fixture(scope="module")
def fit(exact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    exact.save(folder)
    return folder


def loaded(fit, **given):
    system = EmbeddingAverage(**SMALL, **given)
    system.load(fit)
    return system


@pytest.mark.parametrize("ann", WIDE)
def test_a_fit_serves_every_way_of_searching_and_recall_is_told(pairs, exact, fit, ann):
    system = loaded(fit, ann=ann, **WIDE[ann])
    system.index(pairs.corpus, ENV)
    one, other = (found.search(pairs.queries, 10) for found in (exact, system))
    assert (one.positions == other.positions).mean() > 0.99  # but for ties that rounding decides
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert system.learned["ann recall@10"] > 0.99
    assert "ann recall@10" not in exact.learned


def test_int8_finds_the_nearest_of_rounded_vectors_and_tells_what_that_loses(pairs, exact, fit):
    system = loaded(fit, ann="int8")
    system.index(pairs.corpus, ENV)
    one, other = (found.search(pairs.queries, 10) for found in (exact, system))
    same = [len({*a} & {*b}) for a, b in zip(one.positions.tolist(), other.positions.tolist(), strict=True)]
    assert 0.9 < np.mean(same) / 10 < 1  # 32 dimensions: something is lost
    assert not np.array_equal(one.scores, other.scores)
    np.testing.assert_allclose(one.scores, other.scores, atol=0.02)
    assert 0.9 < system.learned["ann recall@10"] < 1
    assert set(system.learned) ^ set(exact.learned) == {"ann search", "ann recall@10", "exact search"}


def test_a_fit_with_other_parameters_is_refused(fit):
    with pytest.raises(StoreError, match="learned with other parameters"):
        EmbeddingAverage(**{**SMALL, "epochs": 2}, ann="ivf").load(fit)


@pytest.mark.parametrize(
    ("ann", "change"),
    [
        ("hnsw", ({"search_width": 1}, {"search_width": 200})),
        ("ivf", ({"probes": 1}, {"probes": 200})),
        ("pq", ({"probes": 200, "refine": 1}, {"refine": 30})),
    ],
)
def test_retuned_it_searches_and_tells_as_if_indexed_so_and_builds_nothing(pairs, fit, monkeypatch, ann, change):
    given = {"ann": ann, "bits": 2} if ann == "pq" else {"ann": ann}
    (first, second), built, recalls = change, [], []
    kinds, sample = {"hnsw": "HNSW", "ivf": "IVF", "pq": "PQ"}, vector_search.RecallSample.recall
    kind = getattr(vector_search, kinds[ann])
    monkeypatch.setattr(vector_search, kinds[ann], lambda *a, **k: built.append(1) or kind(*a, **k))
    monkeypatch.setattr(vector_search.RecallSample, "recall", lambda *a: recalls.append(1) or sample(*a))
    changed = loaded(fit, **given, **first)
    changed.index(pairs.corpus, ENV)
    told = [changed.learned["ann recall@10"]]
    changed.retune(**second)
    told.append(changed.learned["ann recall@10"])
    anew = loaded(fit, **given, **{**first, **second})
    anew.index(pairs.corpus, ENV)
    assert len(built) == 2
    one, other = (system.search(pairs.queries, 10) for system in (changed, anew))
    np.testing.assert_array_equal(one.positions, other.positions)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert told[0] < told[1] == anew.learned["ann recall@10"]
    asked = len(recalls)
    changed.retune(**{name: first[name] for name in second})
    assert changed.learned["ann recall@10"] == told[0]
    assert len(recalls) == asked  # known from before: the clock may change settings without a search


def test_recall_is_told_of_dev_questions_and_without_any_of_training_questions(pairs, tmp_path):
    nobody = pairs._replace(queries=(), qrels={})
    for dev, asked in ((pairs._replace(queries=pairs.queries[5:]), pairs.queries[5:]), (nobody, pairs.queries)):
        system = EmbeddingAverage(**SMALL, ann="ivf", probes=1)
        system.fit(pairs, dev, ENV)
        system.save(tmp_path)
        again = EmbeddingAverage(**SMALL, ann="ivf", probes=1)
        again.load(tmp_path)
        exact = EmbeddingAverage(**SMALL)
        exact.load(tmp_path)
        for one in (system, again, exact):
            one.index(pairs.corpus, ENV)
        hits, wanted = (one.search(asked[:200], 10) for one in (again, exact))
        share = (hits.scores >= wanted.scores[:, -1:] - 1e-5)[hits.positions >= 0].sum() / wanted.positions.size
        assert again.learned["ann recall@10"] == system.learned["ann recall@10"] == pytest.approx(share)


def test_what_an_index_chose_is_told_and_forgotten_with_it(pairs, fit):
    system = loaded(fit, ann="pq")
    system.index(pairs.corpus, ENV)
    assert (system.learned["ann lists"], system.learned["ann subquantisers"]) == (
        round(4 * len(pairs.corpus) ** 0.5),
        8,
    )
    before = set(system.learned)
    system.ann = "exact"
    system.index(pairs.corpus, ENV)
    assert before - set(system.learned) == {"ann lists", "ann probes", "ann subquantisers", "ann recall@10"}


@pytest.mark.parametrize("ann", ["int8", *WIDE])
def test_questions_without_a_known_word_find_nothing_and_empty_documents_can_be_found(pairs, ann):
    system = EmbeddingAverage(dimensions=16, epochs=1, ann=ann, buckets=0)
    system.fit(pairs, pairs, ENV)
    system.index([*pairs.corpus[:5], Doc("empty", "")], ENV)
    hits = system.search([Query("unknown", "zzzz"), pairs.queries[0]], 6)
    assert (hits.positions[0] == -1).all()
    assert sorted(hits.positions[1].tolist()) == list(range(6))


@pytest.mark.parametrize(
    "given", [{"ann": "hnsw", "search_width": 9}, {"ann": "ivf", "probes": 2}, {"ann": "pq", "refine": 2, "bits": 4}]
)
def test_conforms(given):
    assert "shares_its_fit" in check_retriever(EmbeddingAverage(**SMALL, **given))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("maxsim:ann=hnsw", "does not search what MaxSim compares"),
        ("gru:ann=hnsw:links=1", "links must be at least 2"),
        ("gru:ann=hnsw:search_width=0", "search_width must be at least 1"),
        ("gru:ann=ivf:probes=-1", "lists, probes and subquantisers cannot be negative"),
        ("gru:ann=ivf:lists=-1", "lists, probes and subquantisers cannot be negative"),
        ("gru:ann=pq:bits=13", "bits must be at most 12"),
        ("gru:ann=pq:refine=0", "refine must be at least 1"),
        ("gru:ann=ivf:bits=4", "bits is a parameter of ann=pq, not of ann=ivf"),
        ("gru:probes=4", "probes is a parameter of ann=ivf and ann=pq, not of ann=exact"),
        ("gru:ann=lsh", "ann=lsh is not exact or int8 or hnsw or ivf or pq"),
    ],
)
def test_what_cannot_work_is_refused(spec, problem):
    with pytest.raises(SpecError, match=problem):
        build(parse(spec), find())


def test_an_unknown_search_is_refused_in_python_too():
    with pytest.raises(ValueError, match="ann=lsh is not exact or int8 or hnsw or ivf or pq"):
        EmbeddingAverage(ann="lsh")


@pytest.mark.parametrize("ann", WIDE)
def test_a_missing_library_is_named(monkeypatch, ann):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(DataError, match=rf"ann={ann} needs faiss.*retrieverbench\[ann\]"):
        EmbeddingAverage(ann=ann)
    EmbeddingAverage()


def test_another_seed_makes_another_index_of_the_same_vectors(pairs, fit):
    found = []
    for seed in (0, 0, 1):
        system = loaded(fit, ann="ivf", probes=1)
        system.index(pairs.corpus, replace(ENV, seed=seed))
        found.append(system.search(pairs.queries, 10).positions)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
