"""Speed of the lexical retrievers beside bm25s, rank_bm25 and scipy, on functions of Python's standard library and on 80,000
documents drawn by Zipf's law; one thread.

``pytest tests/benchmarks/test_bench_lexical.py --benchmark-only --scoring reports/scoring`` writes the table. Everything is timed
from text to positions on the host, with the same analysis for all; the group "ready-made" times scoring alone, from the numbers
of terms.
"""

import re
import subprocess
import sys
import sysconfig
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import bm25s
import numpy as np
import pytest
import scipy.sparse as sp
from scoring import in_turn, machine, write_table

from bench.api import Doc, Env, Query
from retrievers.bm25 import BM25
from retrievers.lexical.counts import TermCounts, bag
from retrievers.lexical.formulas import VARIANTS, weights
from retrievers.lexical.impacts import Impacts
from retrievers.rank_bm25 import RankBM25
from retrievers.text.analysis import Analyzer
from retrievers.tfidf import Tfidf

K = 10
BATCH, FEW = 500, 25
ROUNDS = 5
NOTE = """Milliseconds of processor time for one question on one thread, text in to positions, the same analysis for all; median of {rounds}
rounds in which the systems took turns, with {questions} questions each ({few} for rank-bm25). Measured on {machine}, bm25s {bm25s}. `x NAME`: how many times
as long it took. 1,337 and 10,000 documents are functions of Python's standard library, {zipf:,} are drawn by Zipf's law, of 70
words each. `bm25s-numba` is bm25s with compiled kernels, `scipy` a product of sparse matrices and a partial sort. rank-bm25 takes
minutes for the largest. The first question of a process, after `index`, took {first:.1f} ms."""
FUNCTIONS = [1_337, 10_000]
ZIPF = 80_000
POOLS = [*FUNCTIONS, ZIPF]


class Bm25s:
    """The package bm25s, behind the same two calls."""

    backend = "numpy"

    def index(self, corpus, env):
        self._analyze = Analyzer()
        self._engine = bm25s.BM25(k1=1.2, b=0.75, method="lucene", backend=self.backend)
        self._engine.index([self._analyze(doc.content) for doc in corpus], show_progress=False)

    def search(self, queries, k):
        asked = [self._analyze(query.text) for query in queries]
        return self._engine.retrieve(asked, k=k, show_progress=False, n_threads=1 if self.backend == "numba" else 0)


class Bm25sNumba(Bm25s):
    """With its compiled kernels, which each process compiles anew."""

    backend = "numba"


class Scipy:
    """Ready-made scores as a sparse matrix, and scipy's product with the questions."""

    def index(self, corpus, env):
        self._analyze = Analyzer()
        counts = TermCounts.read(corpus, self._analyze, env)
        self._terms, scores = counts.terms, weights(counts, VARIANTS["lucene"], 1.2, 0.75, 0.0)
        self._matrix = sp.csr_array((scores, counts.docs, counts.starts), (len(counts.terms), len(counts.lengths)))

    def search(self, queries, k):
        bags = [bag(self._analyze(query.text), self._terms) for query in queries]
        return self.best(bags, k)

    def best(self, bags, k):
        ends = np.cumsum([0, *map(len, bags)])
        values = np.array([n for one in bags for n in one.values()], dtype=np.float32)
        asked = sp.csr_array((values, [t for one in bags for t in one], ends), (len(bags), self._matrix.shape[0]))
        found = asked @ self._matrix
        best = []
        for start, end in zip(found.indptr[:-1], found.indptr[1:], strict=True):
            row = found.data[start:end]
            top = np.argpartition(-row, min(k, len(row) - 1))[:k] if len(row) else np.zeros(0, dtype=np.int64)
            best.append(found.indices[start:end][top[np.argsort(-row[top], kind="stable")]])
        return best


SYSTEMS = {
    "bm25": BM25, "bm25s": Bm25s, "bm25s-numba": Bm25sNumba, "scipy": Scipy, "tfidf": Tfidf, "rank-bm25": RankBM25,
}  # fmt: skip
systems = pytest.mark.parametrize("name", SYSTEMS)
pools = pytest.mark.parametrize("pool", POOLS)


@pytest.fixture(scope="module")
def table(request):
    """Rows for the table, which is written when all is measured."""
    rows = Rows()
    yield rows
    folder = request.config.getoption("--scoring")
    if folder and rows:
        told = {"questions": BATCH, "few": FEW, "bm25s": version("bm25s"), "zipf": ZIPF, "first": 1e3 * rows.first}
        note = NOTE.format(rounds=ROUNDS, machine=machine(), **told)
        write_table(
            Path(folder) / "bm25.md", "BM25 beside other packages", rows, note, "tests/benchmarks/test_bench_lexical.py"
        )


class Rows(list):
    """Those of the table; ``first``: seconds of a process's first question."""

    first = float("nan")


@pytest.fixture(scope="module")
def functions():
    """Documents and questions: source of functions, and the first words of their docstrings."""
    docs, queries, analyze = [], [], Analyzer()
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        for source in re.split(r"\n(?=[ ]*(?:async )?def )", path.read_text(encoding="utf-8", errors="replace"))[1:]:
            docs.append(Doc(f"d{len(docs)}", source))
            found = re.search(r'"""(.+?)"""', source, re.DOTALL)
            text = " ".join(found[1].split()[:14]) if found else ""
            if analyze(text):  # bm25s refuses a question without a term
                queries.append(Query(f"q{len(queries)}", text))
    if len(docs) < max(FUNCTIONS):
        pytest.skip(f"the standard library of this Python has {len(docs)} functions only")
    return docs, queries[:: len(queries) // 500]


@pytest.fixture(scope="module")
def zipf():
    """Documents of about 70 words, the n-th most common with a chance like 1 / (n + 2.7) ** 1.05, and 1,000 questions of 12
    words of one document."""
    rng = np.random.default_rng(0)
    chance = 1 / (np.arange(100_000) + 2.7) ** 1.05
    lengths = np.maximum(1, rng.lognormal(np.log(60), 0.6, ZIPF).astype(np.int64))
    words = np.array([f"w{number}" for number in range(len(chance))], dtype=object)
    texts = np.split(words[rng.choice(len(chance), lengths.sum(), p=chance / chance.sum())], np.cumsum(lengths)[:-1])
    asked = [rng.choice(texts[at], 12) for at in rng.integers(0, ZIPF, 1_000)]
    docs = [Doc(f"d{at}", " ".join(text)) for at, text in enumerate(texts)]
    return docs, [Query(f"q{at}", " ".join(text)) for at, text in enumerate(asked)]


@pytest.fixture(scope="module")
def pooled(request):
    """Documents and questions of a pool."""

    def get(pool):
        docs, queries = request.getfixturevalue("zipf" if pool == ZIPF else "functions")
        return docs[:pool], queries

    return get


@pytest.fixture(scope="module")
def indexed(pooled):
    """A system over a pool, built once and asked once."""
    built = {}

    def get(name, pool):
        if (name, pool) not in built:
            docs, queries = pooled(pool)
            built[name, pool] = SYSTEMS[name]()
            built[name, pool].index(docs, Env())
            built[name, pool].search(queries[:1], K)
        return built[name, pool]

    return get


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("batch", [1, BATCH], ids=["one question", "in one call"])
@pools
def test_bench_search(benchmark, pooled, indexed, table, *, pool, batch, k):
    """All systems in turn, text in to positions; a row of the table."""
    contestants = {name: indexed(name, pool) for name in SYSTEMS if name != "rank-bm25" or pool < ZIPF}
    questions = {name: pooled(pool)[1][: FEW if name == "rank-bm25" else BATCH] for name in contestants}

    def ask(name):
        for start in range(0, len(questions[name]), batch):
            contestants[name].search(questions[name][start : start + batch], k)

    calls = {name: partial(ask, name) for name in contestants}
    seconds = benchmark.pedantic(in_turn, (calls, ROUNDS), rounds=1)
    each = {name: 1e3 * value / len(questions[name]) for name, value in seconds.items()}
    benchmark.extra_info.update({f"{name}, ms a question": value for name, value in each.items()})
    table.append(
        {"documents": f"{pool:,}", "questions at once": f"{batch}", "k": f"{k}", "bm25 (ms)": f"{each['bm25']:.3g}"}
        | {f"x {name}": f"{value / each['bm25']:.2f}" for name, value in each.items() if name != "bm25"}
    )


@pools
@systems
def test_bench_index(benchmark, pooled, name, pool):
    benchmark.group = f"index of {pool} documents"
    docs, _ = pooled(pool)
    benchmark.pedantic(lambda: SYSTEMS[name]().index(docs, Env()), rounds=1 if pool == ZIPF else 3)


@pytest.mark.parametrize("k", [10, 100])
@pytest.mark.parametrize("name", ["bm25", "bm25s-numba", "scipy"])
def test_bench_ready_made(benchmark, pooled, indexed, name, k):
    """Scoring alone, 1,000 questions in one call."""
    benchmark.group = f"1000 questions as numbers of terms, {ZIPF} documents, k {k}"
    impacts, numbers = _impacts(indexed("bm25", ZIPF))
    bags = [bag(Analyzer()(query.text), numbers) for query in pooled(ZIPF)[1]]
    often = np.diff(impacts._starts)
    if name == "bm25":
        benchmark(impacts.search, bags, k)
    elif name == "scipy":
        benchmark(indexed(name, ZIPF).best, bags, k)
    else:
        engine = indexed(name, ZIPF)._engine
        asked = [[term for term, n in one.items() for _ in range(n)] for one in bags]
        engine.scores |= {"data": impacts._weights, "indptr": impacts._starts, "indices": impacts._docs.view(np.int32)}
        benchmark(lambda: engine.retrieve(asked, k=k, show_progress=False, n_threads=1))
    postings = sum(int(often[[*one]].sum()) for one in bags)
    benchmark.extra_info["million postings a second"] = postings / benchmark.stats.stats.median / 1e6


def test_bench_first_call(benchmark, table):
    """The first question of a process, after ``index``: everything is compiled or loaded by then."""
    benchmark.group = "first question after index, seconds"
    code = (
        "import time\nfrom bench.api import Doc, Env, Query\nfrom retrievers.bm25 import BM25\n"
        "one = BM25(); one.index([Doc(str(i), f'word{i % 99} other{i % 7}') for i in range(80_000)], Env())\n"
        "start = time.perf_counter(); one.search([Query('q', 'word5 other3')], 10); print(time.perf_counter() - start)"
    )
    seconds = []

    def run():
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds.append(float(ran.stdout))

    benchmark.pedantic(run, rounds=3)
    table.first = min(seconds)
    benchmark.extra_info["first call, ms"] = 1e3 * table.first
    assert table.first < 0.05


@pytest.mark.parametrize("way", ["each document", "each distinct word"])
def test_bench_analysis(benchmark, functions, way):
    """Text to terms, and to postings."""
    benchmark.group = "analysis and counting of 5000 functions"
    docs = functions[0][:5_000]
    if way == "each document":
        counts = benchmark(lambda: TermCounts.of(map(Analyzer(), (doc.content for doc in docs))))
    else:
        counts = benchmark(lambda: TermCounts.read(docs, Analyzer(), Env()))
    benchmark.extra_info["million terms a second"] = counts.lengths.sum() / benchmark.stats.stats.median / 1e6


@pytest.mark.parametrize("name", ["bm25s", "bm25s-numba"])
def test_both_find_the_same(pooled, indexed, name):
    queries = list(islice(pooled(FUNCTIONS[0])[1], 50))
    ours = indexed("bm25", FUNCTIONS[0]).search(queries, K)
    theirs = indexed(name, FUNCTIONS[0]).search(queries, K)
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-4, atol=1e-4)


def _impacts(system) -> tuple[Impacts, dict[str, int]]:
    return system._impacts, system._terms
