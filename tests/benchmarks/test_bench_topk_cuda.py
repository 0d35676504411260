"""Exact top-k on CUDA at its largest: 10M documents of 128 columns, as a fraction of what the same device multiplies and reads.

``pytest --benchmark-only benchmarks/test_bench_topk_cuda.py``; the fractions are in the table's extra information
(``--benchmark-json``). Skips itself without a CUDA device.
"""

from statistics import median

import pytest
import torch

from retrievers.neural.topk.cuda import CudaEngine

DOCUMENTS, SIZE, QUERIES, K, TILE = 10_000_000, 128, 1024, 100, 1 << 16
SQUARE, COPIED = 8192, 1 << 30

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


def seconds(run, rounds=20):
    """Of the median run by the device's clock, after three that are not counted."""
    taken = []
    for at in range(rounds + 3):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        stop.record()
        stop.synchronize()
        taken += [start.elapsed_time(stop) / 1e3] * (at > 2)
    return median(taken)


@pytest.fixture(scope="module")
def peak():
    """FLOP/s of a large square product in bfloat16, of random numbers: zeros are faster."""
    a, b = (torch.randn(SQUARE, SQUARE, device="cuda").bfloat16() for _ in range(2))
    return 2 * SQUARE**3 / seconds(lambda: torch.mm(a, b))


@pytest.fixture(scope="module")
def bandwidth():
    """Bytes/s, read and written, of a large copy."""
    source = torch.randint(-100, 100, (COPIED,), dtype=torch.int32, device="cuda")
    target = torch.empty_like(source)
    return 2 * 4 * COPIED / seconds(lambda: target.copy_(source))


@pytest.fixture(scope="module")
def collection():
    torch.manual_seed(0)
    documents = torch.empty(DOCUMENTS, SIZE, device="cuda")
    for part in documents.split(1_000_000):
        torch.nn.functional.normalize(torch.randn(part.shape, device="cuda"), out=part)
    return documents, torch.nn.functional.normalize(torch.randn(QUERIES, SIZE, device="cuda"))


def plain(queries, documents):
    """Tiles of torch.mm in bfloat16, torch.topk of each, and of what they leave: what one writes first."""
    best = torch.empty(len(queries), 0, device="cuda"), torch.empty(len(queries), 0, dtype=torch.int64, device="cuda")
    for start in range(0, len(documents), TILE):
        scores, columns = torch.mm(queries, documents[start : start + TILE].T).topk(K)
        merged = torch.cat([best[0], scores.float()], 1), torch.cat([best[1], columns + start], 1)
        values, order = merged[0].topk(K)
        best = values, merged[1].gather(1, order)
    return best


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "tf32", "float32"])
def test_many_questions(benchmark, collection, peak, precision):
    documents, queries = collection
    engine = CudaEngine(documents, device="cuda", precision=precision)
    taken = seconds(lambda: engine.search(queries, K))

    def search():
        engine.search(queries, K)
        torch.cuda.synchronize()

    benchmark.pedantic(search, rounds=10, warmup_rounds=2)
    benchmark.extra_info |= {
        "path": engine.path,
        "shape": str(getattr(engine.steps, "shape", "")),
        "seconds": taken,
        "bf16 peak, TFLOP/s": peak / 1e12,
        "fraction of the bf16 peak": 2 * DOCUMENTS * SIZE * QUERIES / taken / peak,
    }


def test_many_questions_against_plain_tiles(benchmark, collection):
    documents, queries = collection
    engine, rough, asked = CudaEngine(documents, device="cuda"), documents.bfloat16(), queries.bfloat16()
    ours, theirs = [], []
    for _ in range(5):  # in turn, so that a drift of the clock hits both
        ours.append(seconds(lambda: engine.search(queries, K), rounds=1))
        theirs.append(seconds(lambda: plain(asked, rough), rounds=1))
    benchmark.pedantic(plain, (asked, rough), rounds=3)
    benchmark.extra_info |= {"seconds": median(theirs), "ours": median(ours), "ratio": median(theirs) / median(ours)}


@pytest.mark.parametrize("k", [10, 100])
def test_one_question(benchmark, collection, bandwidth, k):
    documents, queries = collection
    engine = CudaEngine(documents, device="cuda")
    taken = seconds(lambda: engine.search(queries[:1], k))

    def search():
        engine.search(queries[:1], k)
        torch.cuda.synchronize()

    benchmark.pedantic(search, rounds=50, warmup_rounds=5)
    benchmark.extra_info |= {
        "path": engine.path,
        "seconds": taken,
        "bandwidth, TB/s": bandwidth / 1e12,
        "fraction of the bandwidth": 2 * DOCUMENTS * SIZE / taken / bandwidth,
    }


def test_streamed(benchmark):
    """Through the bus: 4M documents from the host's memory, a sixteenth on the device at a time."""
    count = 1 << 22
    documents = torch.nn.functional.normalize(torch.randn(count, SIZE))
    engine = CudaEngine(documents, device="cuda", block=count // 16)
    queries = documents[:QUERIES].cuda()
    positions = engine.search(queries, 10)[0]
    assert (positions[:, 0].cpu() == torch.arange(QUERIES)).all()
    benchmark.pedantic(engine.search, (queries, 10), rounds=3)
    if benchmark.stats:
        benchmark.extra_info["GB/s"] = 4 * count * SIZE / benchmark.stats["min"] / 1e9
