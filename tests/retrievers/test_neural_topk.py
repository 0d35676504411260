"""Exact search: every product, tile, number of threads and kind of storage gives the sorted matrix of all scores."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from retrievers.neural.topk import cpu as topk_cpu
from retrievers.neural.topk import integers as topk_integers
from retrievers.neural.topk import kernels
from retrievers.neural.topk import products as topk_products
from retrievers.neural.topk.choice import PRODUCTS
from retrievers.neural.topk.cpu import search
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.store import Vectors, unit_length, write_vectors

everything = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def of_all_scores(documents, queries, k):
    """The definition: sums in float64, rounded to float32, a stable sort."""
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, 1)


def random_vectors(count, size, seed=0, kind="normal"):
    """Unit vectors; ``few``: of so few values that many scores are equal; ``near``: hardly different from each other."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, size)).astype(np.float32)
    if kind == "few":
        vectors = rng.integers(-1, 2, (count, size)).astype(np.float32)
        vectors[::3] = 0
    if kind == "near":
        vectors = vectors[:1] + vectors * np.float32(1e-4)
    return unit_length(vectors)


def same(found, expected):
    """Equal positions, and scores to the last bit or, where sums in float64 were rounded apart, the one before it."""
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_max_ulp(np.asarray(found[1]), expected[1], 1)


@pytest.mark.parametrize("name", PRODUCTS)
@everything
@given(
    count=st.integers(0, 700), size=st.integers(1, 40), questions=st.integers(0, 70), k=st.integers(0, 800),
    kind=st.sampled_from(["normal", "few"]), threads=st.sampled_from([1, 3]),
    apart=st.sampled_from([5, 64]),
)  # fmt: skip
def test_every_product_finds_the_sorted_matrix(name, *, count, size, questions, k, kind, threads, apart):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk_products, "WIDE", 128)
        patch.setattr(topk_integers, "CACHED", 0)
        patch.setattr(topk_integers, "TILE", 0)
        patch.setattr(topk_cpu, "SMALL", 0)
        patch.setattr(topk_cpu, "APART", apart)
        patch.setattr(topk_cpu, "MANY", 33)
        documents, asked = random_vectors(count, size, 1, kind), random_vectors(questions, size, 2, kind)
        vectors = Vectors.of(documents)
        found = search(vectors, PRODUCTS[name](vectors, threads), asked, k, threads)
    same(found, of_all_scores(documents, asked, k))


@pytest.mark.parametrize("name", PRODUCTS)
@settings(everything, max_examples=8)
@given(
    count=st.integers(1_000, 5_000), k=st.sampled_from([1, 10, 100, 900, 1_100, 2_500]), questions=st.integers(1, 20),
    kind=st.sampled_from(["normal", "few", "near"]),
)  # fmt: skip
def test_limits_from_a_sample_of_wide_tiles_lose_nothing(name, *, count, k, questions, kind):
    documents, asked = random_vectors(count, 8, 3, kind), random_vectors(questions, 8, 4, kind)
    vectors = Vectors.of(documents)
    same(search(vectors, PRODUCTS[name](vectors, 1), asked, k, 1), of_all_scores(documents, asked, k))


@everything
@given(
    values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=300), k=st.integers(1, 300),
    copies=st.integers(1, 4),
)  # fmt: skip
def test_at_least_k_scores_reach_a_limit(values, k, copies):
    scores = np.array(values * copies, np.float32)
    limit = kernels.reached(scores, k)
    assert limit == kernels.LOWEST or (scores >= limit).sum() >= k


def test_a_limit_lets_few_scores_through():
    scores = np.random.default_rng(0).normal(size=5_000).astype(np.float32)
    for k in (1, 10, 100, 1_000):
        assert k <= (scores >= kernels.reached(scores, k)).sum() <= k + max(1, k // 16)
    assert kernels.reached(scores[:9], 10) == kernels.LOWEST
    equal = np.full(50, np.float32(0.1))
    assert kernels.reached(equal, 10) == pytest.approx(equal[0])


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("kind", ["few", "near"])
def test_where_rough_scores_decide_nothing_the_exact_ones_do(name, kind):
    documents, asked = random_vectors(6_000, 24, 3, kind), random_vectors(3, 24, 4, kind)
    vectors = Vectors.of(documents)
    same(search(vectors, PRODUCTS[name](vectors, 1), asked, 10, 1), of_all_scores(documents, asked, 10))


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_corpus_sorted_from_worst_to_best_fills_the_buffers_again_and_again(name):
    documents, asked = random_vectors(9_000, 16), random_vectors(2, 16, 1)
    documents = documents[np.argsort(documents @ asked[0])]
    vectors = Vectors.of(documents)
    same(search(vectors, PRODUCTS[name](vectors, 1), asked, 7, 1), of_all_scores(documents, asked, 7))


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_bound_holds_for_vectors_of_any_length(name):
    documents = random_vectors(3_000, 32) * np.logspace(-3, 3, 3_000, dtype=np.float32)[:, None]
    asked = random_vectors(5, 32, 1) * np.float32(100)
    vectors = Vectors.of(documents)
    same(search(vectors, PRODUCTS[name](vectors, 1), asked, 50, 1), of_all_scores(documents, asked, 50))


def test_equal_documents_keep_the_order_of_the_corpus():
    documents = np.repeat(random_vectors(1, 8), 5_000, axis=0)
    positions, scores = CosineIndex(documents).search(documents[:2], 4)
    assert positions.tolist() == [[0, 1, 2, 3]] * 2
    assert scores.tolist() == [[1.0] * 4] * 2


def test_the_cosine_does_not_depend_on_length_and_is_0_for_vectors_of_0():
    documents = random_vectors(50, 6)
    longer = documents * np.arange(50, dtype=np.float32)[:, None]  # the first is 0 now
    positions, scores = CosineIndex(torch.from_numpy(longer)).search(torch.from_numpy(longer[5:8] * 3), 50)
    expected = of_all_scores(unit_length(longer), unit_length(longer[5:8] * 3), 50)
    same((positions, scores), expected)
    assert (scores.numpy()[positions.numpy() == 0] == 0).all()


def test_the_inner_product_is_that_of_the_vectors_as_they_are():
    documents = random_vectors(40, 6) * np.arange(40, dtype=np.float32)[:, None]
    asked = random_vectors(3, 6, 1) * 7
    same(CosineIndex(documents, similarity="dot").search(asked, 9), of_all_scores(documents, asked, 9))


def test_nothing_to_search_or_to_ask():
    index = CosineIndex(np.zeros((0, 3), np.float32))
    assert index.search(random_vectors(2, 3), 5)[0].shape == (2, 0)
    index = CosineIndex(random_vectors(4, 3))
    assert index.search(np.zeros((0, 3), np.float32), 5)[1].shape == (0, 4)
    assert index.search(random_vectors(2, 3), 0)[0].shape == (2, 0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(wrong):
    vectors = random_vectors(9, 4)
    vectors[6, 2] = wrong
    with pytest.raises(DataError, match="vector 6"):
        CosineIndex(vectors)
    with pytest.raises(DataError, match="vector 6"):
        CosineIndex(random_vectors(3, 4)).search(vectors, 1)


def test_questions_of_another_length_and_scores_beyond_float32_are_refused():
    with pytest.raises(DataError, match="4 dimensions"):
        CosineIndex(random_vectors(3, 4)).search(random_vectors(1, 5), 1)
    index = CosineIndex(random_vectors(3, 4) * np.float32(1e18), similarity="dot")
    with pytest.raises(DataError, match="float32"):
        index.search(random_vectors(1, 4) * np.float32(2e19), 1)
    small = CosineIndex(random_vectors(3, 4) * np.float32(1e-20), similarity="dot")
    with pytest.raises(DataError, match="float32"):
        small.search(random_vectors(1, 4) * np.float32(1e19), 1)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_vectors_too_long_for_any_engine_are_refused_alike(device):
    with pytest.raises(DataError, match="float32"):
        CosineIndex(random_vectors(3, 4) * np.float32(1e19), device, similarity="dot")


def test_read_only_arrays_and_other_layouts_are_taken():
    documents = random_vectors(30, 6)
    turned = np.asfortranarray(documents)
    turned.setflags(write=False)
    same(CosineIndex(turned).search(turned[:3].astype(np.float64), 4), of_all_scores(documents, documents[:3], 4))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_mapped_file_gives_what_memory_gives(tmp_path, monkeypatch, precision):
    monkeypatch.setattr(topk_cpu, "MAPPED", 4096 * 40)
    documents, asked = random_vectors(9_001, 40), random_vectors(20, 40, 1)
    residual = write_vectors(tmp_path / "v", np.array_split(documents, 7), precision=precision)
    vectors = Vectors.open(tmp_path / "v")
    stored = vectors.floats(0, 9_001)
    assert np.linalg.norm(stored - documents, axis=1).max() == pytest.approx(residual, abs=1e-6)
    assert (residual == 0) == (precision == "float32")
    expected = of_all_scores(vectors.values.astype(np.float64) * vectors.scales[:, None].astype(np.float64), asked, 10)
    for questions in (1, 20):
        found = CosineIndex(vectors, threads=2).search(asked[:questions], 10)
        same(found, tuple(part[:questions] for part in expected))


def test_int8_loses_little_and_the_loss_can_be_measured(tmp_path):
    documents, asked = random_vectors(5_000, 64), random_vectors(50, 64, 1)
    write_vectors(tmp_path, [documents], precision="int8")
    rounded = CosineIndex(Vectors.open(tmp_path)).search(asked, 10)[0].numpy()
    exact = CosineIndex(documents).search(asked, 10)[0].numpy()
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.tolist(), rounded.tolist(), strict=True)])
    assert 0.9 < kept < 1


PEAKS = """
from pathlib import Path
import numpy as np
from retrievers.neural.topk.choice import PRODUCTS
from retrievers.neural.topk.cpu import search
from retrievers.neural.topk.store import Vectors, unit_length
documents, asked = (unit_length(np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)) for n in (60_000, 1_024))
vectors = Vectors.of(documents)
told = lambda name: 1024 * int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])
for name, made in PRODUCTS.items():
    product = made(vectors, 2)
    search(vectors, product, asked[:200], 10, 2)  # compiles
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = told("VmRSS")
    search(vectors, product, asked, 10, 2)
    print(name, told("VmHWM") - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs Linux, which tells a process's peak of memory"
)
def test_scores_are_never_held_all_together():
    ran = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    peaks = dict(line.split() for line in ran.stdout.splitlines())
    assert set(peaks) == set(PRODUCTS)
    assert {name for name, peak in peaks.items() if int(peak) > 60_000 * 1_024 * 4 / 3} == set()
