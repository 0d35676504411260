"""Stored vectors: written whole or not at all, told from others, and refused where they are damaged."""

import json
import resource

import numpy as np
import pytest

from bench.errors import DataError, StoreError
from retrievers.neural.topk import store
from retrievers.neural.topk.index import CosineIndex
from retrievers.neural.topk.store import Vectors, rounded, unit_length, write_vectors


def random_vectors(count, size, seed=0):
    return unit_length(np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_who_has_vectors_open_keeps_them_when_others_are_written(tmp_path, precision):
    write_vectors(tmp_path, [random_vectors(3000, 8)], precision=precision)
    mapped = Vectors.open(tmp_path)
    before = mapped.values.copy()
    mapped.release()
    write_vectors(tmp_path, [random_vectors(3000, 8, 1)], precision=precision)
    assert (mapped.values == before).all()
    assert (Vectors.open(tmp_path).values != before).any()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scales.bin", "values.bin", "vectors.json"]


def test_what_cannot_be_written_is_one_line_and_leaves_what_was_there(tmp_path):
    documents = random_vectors(20, 8)
    write_vectors(tmp_path, [documents])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a write beyond it fails as one to a full disk does
    try:
        with pytest.raises(StoreError, match=r"cannot write vectors to .*: File too large"):
            write_vectors(tmp_path, [random_vectors(5000, 8, 1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (Vectors.open(tmp_path).values == documents).all()
    assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write vectors to .*file"):
        write_vectors(tmp_path / "file", [documents])


def test_what_is_refused_midway_leaves_what_was_there(tmp_path):
    documents = random_vectors(20, 8)
    write_vectors(tmp_path, [documents])
    with pytest.raises(DataError, match="dimensions"):
        write_vectors(tmp_path, [random_vectors(2, 4), random_vectors(2, 5)])
    assert (Vectors.open(tmp_path).values == documents).all()

    def unreadable():
        yield documents
        raise OSError("the source of the vectors")

    with pytest.raises(OSError, match="the source of the vectors"):  # is not told as a folder that cannot be written
        write_vectors(tmp_path, unreadable())
    assert len(list(tmp_path.iterdir())) == 3


def test_values_are_on_disk_before_the_facts_that_make_them_count(tmp_path, monkeypatch):
    import os

    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_size), sync(number)))
    write_vectors(tmp_path, [random_vectors(20, 8)])
    assert synced == [20 * 8 * 4, 4, (tmp_path / "vectors.json").stat().st_size]


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("blocks", [[], [np.zeros((0, 4), np.float32)], [np.zeros((2, 0), np.float32)]])
def test_nothing_can_be_stored(tmp_path, blocks, precision):
    write_vectors(tmp_path, blocks, precision=precision)
    assert Vectors.open(tmp_path).values.size == 0


def test_damaged_files_are_named(tmp_path):
    write_vectors(tmp_path, [random_vectors(9, 4)], precision="int8")
    (tmp_path / "values.bin").write_bytes(b"short")
    with pytest.raises(StoreError, match="damaged"):
        Vectors.open(tmp_path)
    (tmp_path / "vectors.json").write_text("{}")
    with pytest.raises(StoreError, match="write them again"):
        Vectors.open(tmp_path)
    with pytest.raises(StoreError, match="cannot read"):
        Vectors.open(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["scales.bin", "values.bin", "vectors.json"])
def test_a_missing_file_is_named(tmp_path, name):
    write_vectors(tmp_path, [random_vectors(9, 4)], precision="int8")
    (tmp_path / name).unlink()
    with pytest.raises(StoreError, match=f"cannot read.*{name}"):
        Vectors.open(tmp_path)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scales_and_norms_that_are_no_numbers_are_damage(tmp_path, wrong):
    write_vectors(tmp_path, [random_vectors(9, 4)], precision="int8")
    scales = np.fromfile(tmp_path / "scales.bin", np.float32)
    np.where(np.arange(9) == 5, np.float32(wrong), scales).tofile(tmp_path / "scales.bin")
    with pytest.raises(StoreError, match="no number"):
        Vectors.open(tmp_path)
    scales.tofile(tmp_path / "scales.bin")
    facts = json.loads((tmp_path / "vectors.json").read_text())
    (tmp_path / "vectors.json").write_text(json.dumps({**facts, "norm": wrong}))
    with pytest.raises(StoreError, match="no number"):
        Vectors.open(tmp_path)


@pytest.mark.parametrize("length", [0.5, 1.005, 5])
def test_stored_vectors_of_another_length_are_no_cosines(tmp_path, length):
    write_vectors(tmp_path, [random_vectors(3, 4) * np.float32(length)], unit=False)
    with pytest.raises(DataError, match="similarity=dot"):
        CosineIndex(Vectors.open(tmp_path))
    found = CosineIndex(Vectors.open(tmp_path), similarity="dot").search(random_vectors(3, 4), 1)
    assert found[1].numpy().max() == pytest.approx(length, abs=1e-5)
    write_vectors(tmp_path, [random_vectors(3, 4) * np.float32(length)], precision="int8")
    assert CosineIndex(Vectors.open(tmp_path)).search(random_vectors(3, 4), 1)[1].numpy() == pytest.approx(1, abs=0.02)


def test_int8_of_any_length_stays_within_half_a_step():
    for length in (1e-44, 3e-43, 1e-40, 1e-20, 1, 1e30):
        vectors = random_vectors(50, 8) * np.float32(length)
        steps, units = rounded(vectors)
        assert (np.abs(steps * units[:, None].astype(np.float64) - vectors) <= 0.5001 * units[:, None]).all()


def test_vectors_rounded_in_memory_are_those_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PIECE", 7)
    vectors = random_vectors(50, 12, 3)
    vectors[4] = 0
    write_vectors(tmp_path, [vectors], precision="int8")
    held, stored = Vectors.int8(vectors, unit=True), Vectors.open(tmp_path)
    np.testing.assert_array_equal(held.values, stored.values)
    np.testing.assert_array_equal(held.scales, stored.scales)
    assert (held.norm, held.unit) == (stored.norm, stored.unit)
    assert len(Vectors.int8(vectors[:0]).values) == 0
