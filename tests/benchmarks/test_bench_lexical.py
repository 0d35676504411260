"""Speed of the lexical retrievers beside bm25s and rank_bm25, on functions of Python's standard library; one thread.

Everything is timed from text to positions on the host, with the same analysis for all.
"""

import re
import sysconfig
from itertools import cycle, islice
from pathlib import Path

import bm25s
import numpy as np
import pytest

from bench.api import Doc, Env, Query
from retrievers.bm25 import BM25
from retrievers.rank_bm25 import RankBM25
from retrievers.text.analysis import Analyzer
from retrievers.tfidf import Tfidf

K = 10
BATCH = 200
POOLS = [1_337, 10_000]


class Bm25s:
    """The package bm25s with its numpy kernels, behind the same two calls."""

    def index(self, corpus, env):
        self._analyze = Analyzer()
        self._engine = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
        self._engine.index([self._analyze(doc.content) for doc in corpus], show_progress=False)

    def search(self, queries, k):
        return self._engine.retrieve([self._analyze(query.text) for query in queries], k=k, show_progress=False)


SYSTEMS = {"bm25": BM25, "bm25s": Bm25s, "tfidf": Tfidf, "rank-bm25": RankBM25}
systems = pytest.mark.parametrize("name", SYSTEMS)
pools = pytest.mark.parametrize("pool", POOLS)


@pytest.fixture(scope="module")
def functions():
    """Documents and questions: source of functions, and the first words of their docstrings."""
    docs, queries = [], []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        for source in re.split(r"\n(?=[ ]*(?:async )?def )", path.read_text(encoding="utf-8", errors="replace"))[1:]:
            docs.append(Doc(f"d{len(docs)}", source))
            if found := re.search(r'"""(.+?)"""', source, re.DOTALL):
                queries.append(Query(f"q{len(queries)}", " ".join(found[1].split()[:14])))
    if len(docs) < max(POOLS):
        pytest.skip(f"the standard library of this Python has {len(docs)} functions only")
    return docs, queries[:: len(queries) // 500]


@pytest.fixture(scope="module")
def indexed(functions):
    """A system over the first so many documents, built once."""
    built = {}

    def get(name, pool):
        if (name, pool) not in built:
            built[name, pool] = SYSTEMS[name]()
            built[name, pool].index(functions[0][:pool], Env())
        return built[name, pool]

    return get


@pools
@systems
def test_bench_one_question(benchmark, functions, indexed, name, pool):
    benchmark.group = f"one question, {pool} documents"
    system, queries = indexed(name, pool), cycle(functions[1])
    calls = {"rounds": 30} if name == "rank-bm25" else {"rounds": 2_000, "warmup_rounds": 100}
    benchmark.pedantic(system.search, setup=lambda: (([next(queries)], K), {}), **calls)


@pools
@systems
def test_bench_batch(benchmark, functions, indexed, name, pool):
    benchmark.group = f"{BATCH} questions in one call, {pool} documents"
    system, queries = indexed(name, pool), functions[1][:BATCH]
    benchmark.pedantic(system.search, (queries, K), rounds=1 if name == "rank-bm25" else 20)


@pools
@systems
def test_bench_index(benchmark, functions, name, pool):
    benchmark.group = f"index of {pool} documents"
    benchmark.pedantic(lambda: SYSTEMS[name]().index(functions[0][:pool], Env()), rounds=3)


def test_bench_analysis(benchmark, functions):
    """Text to terms, most of what indexing costs."""
    texts = [doc.text for doc in functions[0][:5_000]]
    terms = benchmark(lambda: sum(map(len, map(Analyzer(), texts))))
    benchmark.extra_info["terms"] = terms


def test_both_find_the_same(functions, indexed):
    queries = list(islice(functions[1], 50))
    ours = indexed("bm25", POOLS[0]).search(queries, K)
    theirs = indexed("bm25s", POOLS[0]).search(queries, K)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-4, atol=1e-4)
