"""Exact top-k on a CPU, by whichever way to multiply is fastest here: measured once on a machine, and remembered."""

import json
import math
import os
import platform
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter

import numba
import numpy as np
import torch
from torch import Tensor

from bench.errors import StoreError
from bench.files import write_bytes
from retrievers.neural.runtime import half_precision
from retrievers.neural.topk.cpu import search
from retrievers.neural.topk.integers import Integers, Shorts
from retrievers.neural.topk.kernels import merge
from retrievers.neural.topk.probe import full_precision, multiplies_in_float32
from retrievers.neural.topk.products import BFloat16, Compiled, NumPy, OneDNN, Product, Survivors, Torch
from retrievers.neural.topk.store import Vectors, unit_length

QUESTIONS = (1, 4, 24, 128)
"""Numbers of questions that are tried; the next lower one decides for those between."""
SOME, MANY = 1 << 26, 1 << 24
"""Bytes of documents that few and many questions are tried on: the first has to be more than a processor's caches hold."""
SMALL = 1 << 25
"""Bytes of documents that caches hold: there the choice matters little, and nothing is measured."""
ROUNDS = 5

PRODUCTS: dict[str, Callable[[Vectors, int], Product]] = {
    "compiled": lambda vectors, _: Compiled(vectors),
    "int8": lambda vectors, _: Integers(vectors),
    "int16": lambda vectors, _: Shorts(vectors),
    "numpy": NumPy,
    "torch": Torch,
    "onednn": OneDNN,
    "bfloat16": BFloat16,
}
ROUNDING = ("torch", "onednn")
"""Those that round operands of float32 products if they are told to."""
COPYING = ("onednn", "bfloat16")
"""Those that hold a copy larger than int8 vectors are ..."""
WORTH = 1.1
"""... and have to be so many times as fast as the others for it."""
DEFAULT = {1: "int8", 4: "compiled", 24: "int16", 128: "int16"}
IN_FLOAT32 = {1: "compiled", 4: "compiled", 24: "compiled", 128: "numpy"}
"""Where nothing may be rounded."""


class CpuEngine:
    """Searches vectors on a CPU; ``choices``: the number of questions from which on a product is used -> its name."""

    def __init__(self, vectors: Vectors, threads: int, precision: str = "auto", cache: Path | None = None) -> None:
        self._vectors, self._threads = vectors, threads
        self.choices = choose(vectors, threads, precision, cache)
        names = {*self.choices.values(), "numpy"}
        self._products = {name: PRODUCTS[name](vectors, threads) for name in names}

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Positions and scores ``[Q, min(k, N)]``; queries float32 ``[Q, D]``, contiguous, on the CPU."""
        name = self.choices[max(size for size in self.choices if size <= max(1, len(queries)))]
        if name in ROUNDING and not full_precision():  # since the choice was made
            name = "numpy"
        found = search(self._vectors, self._products[name], queries.numpy(), k, self._threads)
        return torch.from_numpy(found[0]), torch.from_numpy(found[1])


def compile_kernels() -> None:
    """Compile for this machine what is not compiled yet, so that no search has to: for float32 and for int8 vectors."""
    ones = unit_length(2 * np.eye(2, dtype=np.float32))
    for vectors in (Vectors.of(ones), Vectors.int8(ones)):
        for name in ("compiled", "int8", "int16", "numpy"):
            search(vectors, PRODUCTS[name](vectors, 1), ones, 1, 1)
    merge(*Survivors.none(1, 2)[1:], *Survivors.none(1, 2)[1:])


def choose(vectors: Vectors, threads: int, precision: str, cache: Path | None) -> dict[int, str]:
    """The number of questions from which on a product is used -> its name.

    precision: ``float32`` leaves out products of rounded vectors, ``auto`` takes them where they are faster, ``bfloat16`` rounds
    to that alone: the results are the same. It does not matter to vectors in a file, which are multiplied as they lie there.
    cache: a folder; what was measured is kept there for each processor, set of libraries, number of threads and dimensions. A
    library that does not multiply in float32 in this process is left out.
    """
    if vectors.mapped:  # to read it all once more for a copy in another format would not pay
        return DEFAULT if vectors.integers else {**DEFAULT, 1: "compiled"}
    if precision == "bfloat16":
        return dict.fromkeys(QUESTIONS, "bfloat16")
    if vectors.values.nbytes < SMALL:
        return DEFAULT if precision == "auto" else IN_FLOAT32
    libraries = _libraries(vectors.values.shape[1], threads)
    path, key = cache and cache / "top-k.json", _key(vectors, threads, precision, libraries)
    known = _remembered(path)
    if key not in known:
        known[key] = {
            str(questions): _fastest(vectors, questions, threads, precision, libraries) for questions in QUESTIONS
        }
        try:
            if path:
                write_bytes(path, json.dumps(known, indent=1).encode())
        except StoreError as error:
            warnings.warn(f"what was measured cannot be kept, so it is measured again next time: {error}", stacklevel=2)
    return {int(questions): name for questions, name in known[key].items()}


def _libraries(size: int, threads: int) -> list[str]:
    """Those that multiply in float32, in this process."""
    names = ("numpy", *(ROUNDING if full_precision() else ()))
    return [name for name in names if multiplies_in_float32(PRODUCTS[name], size, threads)]


def _fastest(vectors: Vectors, questions: int, threads: int, precision: str, libraries: list[str]) -> str:
    few = questions <= 4  # noqa: PLR2004 - from there on the processor limits, not the memory
    rows = max(1, (SOME if few else MANY) // max(1, vectors.values[:1].nbytes))
    sample = Vectors(vectors.values[:rows], vectors.scales[:rows], vectors.norm)
    asked = np.ascontiguousarray(sample.floats(0, questions))
    names = _candidates(libraries, few=few, rounded=precision == "auto")
    products = {name: PRODUCTS[name](sample, threads) for name in names if not (vectors.integers and name in COPYING)}
    times = dict.fromkeys(products, math.inf)
    for shared in (False, True):  # libraries last: their threads wait busily for a while
        calls = {
            name: partial(search, sample, product, asked, 10, threads)
            for name, product in products.items()
            if product.shared == shared
        }
        for call in calls.values():
            call()  # compiles and fills caches
        for _ in range(ROUNDS):  # in turn, so that a busy moment of the machine hits all
            for name, call in calls.items():
                times[name] = min(times[name], _seconds(call) * (WORTH if name in COPYING else 1))
    return min(times, key=times.__getitem__)


def _candidates(libraries: list[str], *, few: bool, rounded: bool) -> Iterable[str]:
    if few:
        return ("compiled", *(["int8"] if rounded else []))
    narrow = ["int16", *(["bfloat16"] if half_precision("cpu") else [])] if rounded else []
    return ("compiled", *narrow, *libraries)


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _key(vectors: Vectors, threads: int, precision: str, libraries: list[str]) -> str:
    versions = f"numpy {np.__version__}, torch {torch.__version__}, numba {numba.__version__}"
    kind = f"{vectors.values.shape[1]} dimensions, {vectors.values.dtype}, {precision}, {' '.join(libraries)}"
    return f"{_processor()}, {os.cpu_count()} cores, {threads} threads, {versions}, {kind}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    told = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    told = {name.strip(): value.strip() for name, value in told.items()}
    return " ".join(told.get(name, "") for name in ("model name", "cpu family", "model", "stepping"))


def _remembered(path: Path | None) -> dict[str, dict[str, str]]:
    """What the file says; nothing where there is none, or one that cannot be read."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = {key: dict(value) for key, value in found.items() if set(value.values()) <= set(PRODUCTS)}
        return {key: value for key, value in known.items() if list(value) == [str(size) for size in QUESTIONS]}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
