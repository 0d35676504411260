"""How long measuring takes: 10,000 queries with 1,000 hits each."""

import numpy as np
import pytest

from bench.api import Hits
from bench.measure.chance import expected_mean
from bench.measure.quality import evaluate, first_relevant_ranks, parse_measure
from bench.measure.ranking import Run, canonical, read_trec, write_trec

QUERIES, DEPTH, POOL = 10_000, 1_000, 100_003
QUERY_IDS = [f"q{number}" for number in range(QUERIES)]
DOC_IDS = [f"doc{number}" for number in range(POOL)]
MEASURES = [parse_measure(text) for text in ("Success@1", "Success@10", "RR@10", "nDCG@10", "AP", "P@10", "R@1000")]


@pytest.fixture(scope="module")
def hits():
    rng = np.random.default_rng(0)
    # Steps by a prime through a pool of prime size never meet a document twice.
    positions = (rng.integers(POOL, size=(QUERIES, 1)) + np.arange(DEPTH) * 7919) % POOL
    scores = -np.sort(-rng.random((QUERIES, DEPTH)), axis=1).round(3)
    return Hits(positions, scores.astype(np.float32))


@pytest.fixture(scope="module")
def run(hits):
    return canonical(hits, QUERY_IDS, DOC_IDS, DEPTH)


@pytest.fixture(scope="module")
def qrels(run):
    rng = np.random.default_rng(1)
    picks = rng.integers(DEPTH, size=(QUERIES, 2)).tolist()
    return {q: {row[i]: 1 for i in pick} for q, row, pick in zip(QUERY_IDS, run.doc_ids, picks, strict=True)}


def test_canonical(benchmark, hits):
    assert len(benchmark(canonical, hits, QUERY_IDS, DOC_IDS, DEPTH).doc_ids) == QUERIES


def test_evaluate(benchmark, run, qrels):
    assert benchmark(evaluate, run, qrels, QUERY_IDS, MEASURES)["R@1000"].mean() == 1


def test_first_relevant_ranks(benchmark, run, qrels):
    assert benchmark(first_relevant_ranks, run, qrels, QUERY_IDS).all()


@pytest.fixture(scope="module")
def usual_run(run):
    """Of the size of one held-out split with a depth of 100."""
    rows = slice(1337)
    return Run(run.query_ids[rows], tuple(d[:100] for d in run.doc_ids[rows]), tuple(s[:100] for s in run.scores[rows]))


def test_write_trec(benchmark, usual_run, tmp_path):
    benchmark(write_trec, usual_run, tmp_path / "x.run.gz", "tag")


def test_read_trec(benchmark, usual_run, tmp_path):
    write_trec(usual_run, tmp_path / "x.run.gz", "tag")
    assert benchmark(read_trec, tmp_path / "x.run.gz") == usual_run


def test_chance(benchmark):
    grades = [[1] * (1 + number % 3) for number in range(QUERIES)]
    assert benchmark(expected_mean, parse_measure("RR@10"), POOL, grades) > 0
