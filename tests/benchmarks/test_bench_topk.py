"""Exact top-k beside what else there is, each also as part of what this machine can do; one thread.

``pytest tests/benchmarks/test_bench_topk.py --benchmark-only --scoring reports/scoring`` writes the table.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path
from time import perf_counter

import faiss
import numpy as np
import pytest
import torch
from scoring import in_turn, limits, machine, write_table
from sentence_transformers.util import semantic_search
from threadpoolctl import ThreadpoolController

from retrievers.neural.topk.choice import QUESTIONS
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.store import write_vectors

pytestmark = pytest.mark.timeout(3_600)  # a million documents of 768 dimensions take minutes for each contestant

ROUNDS, LONG = 3, 100_000_000_000
"""Where there are so many products, of which each contestant takes seconds, one round is enough."""
HERE, TOLD = "tests/benchmarks/test_bench_topk.py", {1: "one thread", 2: "two threads"}
GRID = [
    (documents, size, questions, k)
    for documents in (10_000, 100_000, 1_000_000)
    for size in (128, 384, 768)
    for questions in (1, 32, 1_024)
    for k in (10, 100)
]
TABLES = [
    ("dense-cpu-one.md", "Exact dense search on a CPU: one question", "'exact_search and -1-'", True),
    ("dense-cpu.md", "Exact dense search on a CPU: many questions", "'exact_search and not -1-'", False),
]
"""File, title, what selects its tests, and whether it is of one question."""
NOTE = """Milliseconds of processor time for all questions together on one thread; median of {rounds} rounds in which the contestants took
turns of 20 ms or one search (of one round where a search takes seconds). Measured on {machine}.

- *product*: the way to multiply that `ours` chose by a measurement when its index was built. `int8` and `int16` round first, the
  others are float32. All are exact: what a rounded product cannot decide is scored anew.
- *of limit*: how much of the limit `ours` reaches. The limit is the time that the product takes in float32 at the best rate
  that a library reaches on square matrices (measured for every row, lastly {peak:.0f} GFLOP/s), or that reading the documents once in float32 takes
  (lastly {bandwidth:.1f} GB/s), whichever is longer. Above 1: int8 has a quarter of the bytes, int16 twice the products in an instruction.
- *x NAME*: how many times as long it took. `faiss` is its `IndexFlatIP`, `semantic_search` that of sentence-transformers; `ours in
  float32`, for one question, is what `precision="float32"` does, with no product that rounds.

The vectors are random and of unit length."""
THREADS = """Milliseconds by the wall clock for all questions together on one thread and on two, and the first divided by the second; median of
{rounds} rounds in which both took turns. Measured on {machine}.
*product*: the way to multiply that was chosen."""


@pytest.fixture(scope="module")
def table(request):
    """Rows for the table, which is written when all is measured."""
    rows, found = [], {}
    yield rows, found
    folder = request.config.getoption("--scoring")
    for name, title, key, one in TABLES:
        part = [row for row in rows if (row["questions"] == "1") == one]
        if folder and part:
            note = NOTE.format(rounds=ROUNDS, machine=machine(), **found)
            write_table(Path(folder) / name, title, part, note, f"{HERE} -k {key}")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads(), faiss.omp_get_max_threads()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    yield
    torch.set_num_threads(threads[0])
    faiss.omp_set_num_threads(threads[1])


@pytest.fixture(scope="module")
def corpus():
    """The contestants' indexes over so many documents of this size; one is held at a time."""
    held = {}

    def get(documents, size):
        if (documents, size) not in held:
            held.clear()
            vectors = unit(documents, size, 0)
            flat = faiss.IndexFlatIP(size)
            flat.add(vectors)
            ours = CosineIndex(vectors, threads=1), CosineIndex(vectors, precision="float32", threads=1)
            held[documents, size] = vectors, *ours, flat
        return held[documents, size]

    return get


def unit(count, size, seed):
    vectors = np.random.default_rng(seed).standard_normal((count, size), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


@pytest.mark.parametrize(("documents", "size", "questions", "k"), GRID)
def test_exact_search(benchmark, corpus, table, *, documents, size, questions, k):
    vectors, ours, unrounded, flat = corpus(documents, size)
    asked, tensor = unit(questions, size, 1), torch.from_numpy(vectors)
    wanted = torch.from_numpy(asked)
    contestants = {
        "ours": lambda: ours.search(asked, k),
        "faiss": lambda: flat.search(asked, k),
        "torch mm + topk": lambda: (wanted @ tensor.T).topk(k),
        "numpy + argpartition": lambda: np.argpartition(asked @ vectors.T, -k, axis=1)[:, -k:],
        "semantic_search": lambda: semantic_search(wanted, tensor, top_k=k),
        "ours in float32": lambda: unrounded.search(asked, k),
    }
    if questions > 1:
        del contestants["ours in float32"]
    peak, bandwidth = limits()
    rounds = ROUNDS if questions * documents * size < LONG else 1
    seconds = benchmark.pedantic(in_turn, (contestants, rounds), rounds=1)
    limit = max(2 * questions * documents * size / peak, vectors.nbytes / bandwidth)
    name = ours.about[_from(questions)]
    benchmark.extra_info.update({f"{name} ms": 1e3 * value for name, value in seconds.items()})
    rows, found = table
    found.update(peak=peak / 1e9, bandwidth=bandwidth / 1e9)
    rows.append(
        {"documents": f"{documents:,}", "D": f"{size}", "questions": f"{questions:,}", "k": f"{k}", "product": name}
        | {"ours (ms)": f"{1e3 * seconds['ours']:.4g}", "of limit": f"{limit / seconds['ours']:.2f}"}
        | {f"x {other}": f"{value / seconds['ours']:.2f}" for other, value in seconds.items() if other != "ours"}
    )


@pytest.fixture(scope="module")
def scaling(request):
    """Rows for the table of threads."""
    rows = []
    yield rows
    folder = request.config.getoption("--scoring")
    if folder and rows:
        note, path = THREADS.format(rounds=ROUNDS, machine=machine()), Path(folder) / "dense-cpu-threads.md"
        write_table(path, "Exact dense search on a CPU: threads", rows, note, f"{HERE} -k threads")


@pytest.mark.parametrize("questions", [1, 32, 1_024])
@pytest.mark.parametrize("size", [128, 384, 768])
def test_threads(benchmark, scaling, size, questions):
    """Two threads and one, which needs a machine with two free cores."""
    vectors, asked = unit(100_000, size, 0), unit(questions, size, 1)
    indexes, libraries = {}, ThreadpoolController()

    def ask(threads):
        torch.set_num_threads(threads)
        with libraries.limit(limits=threads):
            if threads not in indexes:
                indexes[threads] = CosineIndex(vectors, threads=threads)
            indexes[threads].search(asked, 10)

    calls = {threads: partial(ask, threads) for threads in (1, 2)}
    seconds = benchmark.pedantic(in_turn, (calls, ROUNDS, perf_counter), rounds=1)
    products = {threads: index.about[_from(questions)] for threads, index in indexes.items()}
    scaling.append(
        {"documents": "100,000", "D": f"{size}", "questions": f"{questions:,}", "k": "10"}
        | {f"{TOLD[threads]} (ms)": f"{1e3 * value:.4g}" for threads, value in seconds.items()}
        | {f"product, {TOLD[threads]}": name for threads, name in products.items()}
        | {"one / two": f"{seconds[1] / seconds[2]:.2f}"}
    )


def _from(questions):
    """The key of ``about`` for so many."""
    return f"{max(number for number in QUESTIONS if number <= questions)} questions or more"


SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np
from retrievers.neural.topk.choice import QUESTIONS
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.store import Vectors
index = CosineIndex(Vectors.open(Path(sys.argv[1])), threads=1)
asked = np.random.default_rng(1).standard_normal((32, 128), np.float32)
for questions in (1, 32):
    start = time.process_time()
    index.search(asked[:questions], 10)
    print(questions, time.process_time() - start)
told = Path('/proc/self/status').read_text()  # the peak that getrusage tells starts from that of the parent
print(int(told.split('VmHWM:')[1].split()[0]) / 1024)
"""


def test_larger_than_memory(benchmark, tmp_path):
    """20 million int8 vectors, 2.5 GB, searched from their file by a process of its own; its peak of resident memory is told."""
    write_vectors(tmp_path, (unit(500_000, 128, seed) for seed in range(40)), precision="int8")
    call = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = benchmark.pedantic(subprocess.run, (call,), {"capture_output": True, "text": True, "check": True}, rounds=1)
    one, many, peak = done.stdout.split("\n")[:3]
    benchmark.extra_info.update({"one question": one, "32 questions": many, "peak MiB": peak})
    assert float(peak) < 1_000
