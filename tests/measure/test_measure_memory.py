"""Bytes are counted once, by their buffers; what the process shares is not the object's."""

import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import numpy as np
import pytest
import scipy.sparse as sp

from bench.api import Env
from bench.measure.memory import (
    cuda_peak_bytes,
    held_bytes,
    parameter_count,
    peak_bytes,
    reset_peaks,
    stored_bytes,
)

WITH_PATH = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@dataclass
class Holder:
    things: list = field(default_factory=list)


def test_an_array_counts_its_buffer_and_its_views_nothing():
    array = np.zeros(1_000_000)
    held = held_bytes(Holder([array, array, array[:10], array.reshape(1000, 1000)]))
    assert 8_000_000 <= held < 8_002_000


def test_a_view_alone_counts_the_buffer_it_keeps_alive():
    view = np.zeros(1_000_000)[:1]
    assert held_bytes(view) >= 8_000_000


def test_sparse_matrices_dictionaries_and_slots_are_followed():
    matrix = sp.csr_matrix(np.eye(1000, dtype=np.float32))
    assert held_bytes({"m": matrix}) >= 1000 * 4 + 1000 * 4 + 1001 * 4

    class Slotted:
        __slots__ = ("inner",)

    slotted = Slotted()
    slotted.inner = np.zeros(5000)
    assert held_bytes(slotted) >= 40_000


def test_text_is_counted_and_cycles_end():
    loop = Holder()
    loop.things = [loop, "x" * 10_000]
    assert 10_000 <= held_bytes(loop) < 12_000


def test_the_environment_and_functions_belong_to_the_process():
    def function():
        pass

    function.cache = np.zeros(100_000)
    env = Env(progress=lambda *_: None, stages={"x" * 100_000: 1.0})
    assert held_bytes(Holder([env, function, np])) < 2_000


def test_tensors_and_parameters_are_counted_once():
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(100, 10)
    holder = Holder([layer, layer.weight, {"again": layer}, torch.nn.Parameter(torch.zeros(7))])
    assert parameter_count(holder) == 100 * 10 + 10 + 7
    assert held_bytes(torch.zeros(1000, 1000)) >= 4_000_000
    assert parameter_count(Holder([np.zeros(5)])) is None


def test_the_peak_stays_until_it_is_reset():
    reset_peaks("cpu")
    before = peak_bytes()
    block = np.ones(30_000_000)
    assert peak_bytes() >= before + 200_000_000
    del block
    assert peak_bytes() >= before + 200_000_000
    reset_peaks("cpu")
    assert peak_bytes() < before + 100_000_000


def test_the_peak_is_not_the_parents():
    block = np.ones(60_000_000)
    code = "from bench.measure.memory import peak_bytes; print(peak_bytes())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=WITH_PATH)
    assert int(told.stdout) < block.nbytes


def test_views_of_one_storage_count_it_once():
    torch = pytest.importorskip("torch")
    whole = torch.zeros(100_000)
    assert held_bytes([whole[:10], whole[10:20], whole]) < 401_000


def test_queues_and_bound_arguments_are_followed():
    array = np.zeros(1_000_000)
    assert held_bytes(deque([array])) >= 8_000_000
    assert held_bytes(partial(max, array)) >= 8_000_000


def test_there_is_no_cuda_memory_on_the_cpu():
    assert cuda_peak_bytes("cpu") is None


def test_what_is_stored_is_the_arrays_and_not_what_the_process_shares():
    matrix = sp.csr_array(np.eye(1000, dtype=np.float32))
    env = Env(progress=lambda fraction, note: None)  # which cannot be pickled
    stored = stored_bytes(Holder([matrix, env, np.zeros(500_000), len, Holder]))
    arrays = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes + 4_000_000
    assert arrays <= stored < arrays + 2_000


def test_tensors_are_stored_by_their_buffers():
    torch = pytest.importorskip("torch")
    assert 4_000_000 <= stored_bytes(torch.nn.Linear(1000, 1000)) < 4_020_000


def test_what_cannot_be_stored_has_no_size():
    assert stored_bytes(Holder([Lock()])) is None
