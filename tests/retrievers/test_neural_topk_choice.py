"""Which product is chosen on a CPU: measured once, remembered, and only among those that keep what they promise."""

import json

import numpy as np
import pytest
import torch

from bench.errors import DataError
from retrievers.neural.topk import choice as topk_choice
from retrievers.neural.topk.choice import IN_FLOAT32, PRODUCTS, QUESTIONS, CpuEngine, choose
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.probe import full_precision, multiplies_in_float32
from retrievers.neural.topk.products import NumPy, OneDNN, Torch
from retrievers.neural.topk.store import Vectors, unit_length, write_vectors

LIBRARIES = {"numpy": NumPy, "torch": Torch, "onednn": OneDNN}


def random_vectors(count, size, seed=0):
    return unit_length(np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32))


def of_all_scores(documents, queries, k):
    scores = (queries.astype(np.float64) @ documents.astype(np.float64).T).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, 1)


def same(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_max_ulp(np.asarray(found[1]), expected[1], 1)


@pytest.fixture
def measured(monkeypatch):
    """Small measurements, and vectors that they are made for."""
    for name, value in [("SMALL", 0), ("SOME", 1 << 14), ("MANY", 1 << 14), ("ROUNDS", 1)]:
        monkeypatch.setattr(topk_choice, name, value)
    return Vectors.of(random_vectors(600, 8))


@pytest.fixture
def matmul_precision():
    """Put back after a test; None where torch does not tell."""
    yield torch.set_float32_matmul_precision
    torch.set_float32_matmul_precision("highest")


def test_the_choice_is_measured_once_and_remembered(tmp_path, monkeypatch, measured):
    vectors = measured
    times = iter(range(1, 100))
    monkeypatch.setattr(topk_choice, "_seconds", lambda call: call() and -next(times))
    first = choose(vectors, 1, "auto", tmp_path)
    assert first == {1: "int8", 4: "int8", 24: "onednn", 128: "onednn"}  # the last tried seemed fastest
    monkeypatch.setattr(topk_choice, "_fastest", lambda *_: pytest.fail("measured again"))
    assert choose(vectors, 1, "auto", tmp_path) == first
    (stored,) = json.loads((tmp_path / "top-k.json").read_text()).values()
    assert stored == {str(size): name for size, name in first.items()}


def test_a_damaged_memory_of_choices_is_measured_again(tmp_path, monkeypatch, measured):
    monkeypatch.setattr(
        topk_choice, "_fastest", lambda _vectors, questions, *_: "numpy" if questions > 24 else "compiled"
    )
    file = tmp_path / "top-k.json"
    choose(measured, 1, "float32", tmp_path)
    (key,) = json.loads(file.read_text())
    whole = {str(questions): "int8" for questions in QUESTIONS}
    for known in (3, {}, {"1": "int8"}, {**whole, "x": "int8"}, {**whole, "128": "abacus"}, {**whole, "128": 3}):
        file.write_text(json.dumps({key: known}))
        assert choose(measured, 1, "float32", tmp_path) == IN_FLOAT32
    for text in ("", "[]", json.dumps(key)):
        file.write_text(text)
        assert choose(measured, 1, "float32", tmp_path) == IN_FLOAT32
    file.write_text(json.dumps({key: whole}))
    assert choose(measured, 1, "float32", tmp_path) == dict.fromkeys(QUESTIONS, "int8")


def test_the_measurement_tries_every_product_on_real_searches(measured):
    documents = random_vectors(2_000, 16)
    index = CosineIndex(documents)
    assert set(index.about.values()) <= set(PRODUCTS)
    same(index.search(documents[:100], 5), of_all_scores(documents, documents[:100], 5))
    assert set(CosineIndex(documents, precision="float32").about.values()) <= {"compiled", "numpy", "torch", "onednn"}


def test_int8_vectors_are_never_copied_into_something_larger(measured, monkeypatch):
    tried = []
    monkeypatch.setattr(topk_choice, "_seconds", lambda call: tried.append(type(call.args[1]).__name__) or 1)
    monkeypatch.setattr(topk_choice, "half_precision", lambda _: True)
    choose(Vectors.int8(measured.values), 1, "auto", None)
    assert {"Integers", "Shorts", "NumPy", "Torch"} <= set(tried)
    assert not {"OneDNN", "BFloat16"} & set(tried)
    choose(measured, 1, "auto", None)
    assert {"OneDNN", "BFloat16"} <= set(tried)


@pytest.mark.parametrize(("seconds", "chosen"), [(0.95, "int16"), (0.9, "onednn")])
def test_a_copy_has_to_earn_its_memory(measured, monkeypatch, seconds, chosen):
    known = {"OneDNN": seconds, "Shorts": 1.0}
    monkeypatch.setattr(topk_choice, "_seconds", lambda call: known.get(type(call.args[1]).__name__, 2.0))
    assert choose(measured, 1, "auto", None)[128] == chosen


def test_a_choice_that_cannot_be_kept_is_used_and_told(tmp_path, measured):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="measured again next time: cannot write"):
        engine = CpuEngine(measured, 1, cache=tmp_path / "file")
    same(
        engine.search(torch.from_numpy(measured.values[:3]), 5), of_all_scores(measured.values, measured.values[:3], 5)
    )


def test_bfloat16_is_what_is_used_where_it_is_asked_for(tmp_path):
    documents = random_vectors(300, 8)
    index = CosineIndex(documents, precision="bfloat16")
    assert set(index.about.values()) == {"bfloat16"}
    same(index.search(documents[:20], 5), of_all_scores(documents, documents[:20], 5))
    write_vectors(tmp_path, [documents], precision="int8")
    for precision in ("auto", "float32", "bfloat16"):  # what lies in a file is multiplied as it lies there
        about = CosineIndex(Vectors.open(tmp_path), precision=precision).about
        assert about["1 questions or more"] == "int8"
    with pytest.raises(DataError, match="CUDA"):
        CosineIndex(documents, precision="tf32")


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("size", [1, 8, 300])
def test_libraries_multiply_in_float32_here(name, size):
    assert multiplies_in_float32(PRODUCTS[name], size, 1)


def rounded_to(bits):
    """A product of operands that keep so many bits, as those of bfloat16 (8) and tf32 (11) do."""

    class Rounded(NumPy):
        @staticmethod
        def _multiply(questions, documents, tile):
            parts = [np.ldexp(np.rint(np.ldexp(m, bits)), e - bits) for m, e in map(np.frexp, (questions, documents))]
            tile[:] = parts[0] @ parts[1].T

    return Rounded


@pytest.mark.parametrize("bits", [8, 11, 16, 23])
@pytest.mark.parametrize("size", [1, 8, 300, 10_000])
def test_a_library_that_rounds_is_found_out(bits, size):
    assert not multiplies_in_float32(rounded_to(bits), size, 1)


def test_a_library_that_rounds_is_left_out(tmp_path, monkeypatch, measured):
    tried = []
    monkeypatch.setattr(topk_choice, "_seconds", lambda call: tried.append(type(call.args[1]).__name__) or 1)
    before = choose(measured, 1, "float32", tmp_path)
    assert {"NumPy", "Torch", "OneDNN"} <= set(tried)
    tried.clear()
    monkeypatch.setitem(PRODUCTS, "torch", rounded_to(8))
    monkeypatch.setattr(topk_choice, "_fastest", lambda *args: args[-1][-1])
    assert set(choose(measured, 1, "float32", tmp_path).values()) == {
        "onednn"
    }  # what was remembered was of other libraries
    monkeypatch.setitem(PRODUCTS, "onednn", rounded_to(11))
    assert set(choose(measured, 1, "float32", tmp_path).values()) == {"numpy"}
    assert set(before.values()) == {"compiled"}


@pytest.mark.parametrize("precision", ["medium", "high"])
def test_torch_does_not_multiply_where_it_may_round(monkeypatch, measured, matmul_precision, precision):
    monkeypatch.setattr(topk_choice, "_fastest", lambda *args: args[-1][-1])
    engine = CpuEngine(measured, 1)
    assert set(engine.choices.values()) == {"onednn"}
    monkeypatch.setattr(OneDNN, "begin", lambda *_: pytest.fail("searched with a product that may round"))
    matmul_precision(precision)  # after the index was built
    assert not full_precision()
    same(
        engine.search(torch.from_numpy(measured.values[:3]), 5), of_all_scores(measured.values, measured.values[:3], 5)
    )
    assert set(CpuEngine(measured, 1).choices.values()) == {"numpy"}


def test_where_torch_does_not_tell_it_may_round(monkeypatch):
    def mixed():
        raise RuntimeError("you have used mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_float32_matmul_precision", mixed)
    assert not full_precision()
