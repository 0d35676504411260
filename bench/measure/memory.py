"""Memory: what an object holds, the largest a process has been, the largest on the device."""

import pickle
import resource
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from bench.api import Env

_SHARED = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType, Env)


def held_bytes(root: object) -> int:
    """Bytes reachable from an object: arrays and tensors by their buffers, everything else by ``sys.getsizeof``.

    Classes, modules, functions (with what they close over) and the Env belong to the process and count nothing; an object
    or a storage reached twice counts once.
    """
    seen: set[int] = set()
    waiting: list[object] = [root]
    total = 0
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, _SHARED):
            continue
        seen.add(id(item))
        total += _own_bytes(item, seen)
        waiting.extend(_children(item))
    return total


def stored_bytes(root: object) -> int | None:
    """Bytes that an object takes in a file: its pickle, which is counted and not kept; arrays by their buffers.

    Classes, modules, functions and the Env count next to nothing. None for what cannot be pickled.
    """
    counter = _Counter()
    try:
        _Pickler(counter, protocol=5, buffer_callback=counter.buffer).dump(root)
    except Exception:  # noqa: BLE001 - whatever a plug-in's objects raise
        return None
    return counter.total


def parameter_count(root: object) -> int | None:
    """Learned numbers: elements of all torch parameters reachable from an object; None where there are none."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    seen: set[int] = set()
    waiting: list[object] = [root]
    total = 0
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (str, bytes, *_SHARED)):
            continue
        seen.add(id(item))
        if isinstance(item, torch.nn.Module):
            for parameter in item.parameters():
                total += 0 if id(parameter) in seen else parameter.numel()
                seen.add(id(parameter))
        elif isinstance(item, torch.nn.Parameter):
            total += item.numel()
        elif hasattr(item, "__dict__") or isinstance(item, list | tuple | dict):
            waiting.extend(_children(item))
    return total or None


def peak_bytes() -> int:
    """The largest resident set since this process began, or since ``reset_peaks``.

    On Linux VmHWM: getrusage would also tell what the parent held when it started this process.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def reset_peaks(device: str) -> None:
    """Begin a new measurement of the peaks; where the system cannot forget a peak, the old one stays in force."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    torch = sys.modules.get("torch")
    if device != "cpu" and torch is not None:
        torch.cuda.reset_peak_memory_stats()


def cuda_peak_bytes(device: str) -> int | None:
    """The largest allocation on the CUDA device since the process began or ``reset_peaks``; None on the cpu."""
    torch = sys.modules.get("torch")
    if device == "cpu" or torch is None:
        return None
    return int(torch.cuda.max_memory_allocated())


class _Counter:
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self.total = 0

    def write(self, data: bytes) -> int:
        size = memoryview(data).nbytes
        self.total += size
        return size

    def buffer(self, data: pickle.PickleBuffer) -> None:
        self.total += data.raw().nbytes


class _Pickler(pickle.Pickler):
    """Leaves out what belongs to the process."""

    def persistent_id(self, item: object) -> str | None:
        return "shared" if isinstance(item, _SHARED) else None


def _own_bytes(item: object, seen: set[int]) -> int:
    torch = sys.modules.get("torch")
    if isinstance(item, np.ndarray):
        base = item
        while isinstance(base.base, np.ndarray):
            base = base.base
        fresh = base is item or id(base) not in seen
        seen.add(id(base))
        return base.nbytes if fresh else 0
    if torch is not None and isinstance(item, torch.Tensor):
        storage = item.untyped_storage()
        fresh = storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        return int(storage.nbytes()) if fresh else 0
    return sys.getsizeof(item)


def _children(item: Any) -> Iterable[object]:
    if isinstance(item, str | bytes | bytearray | int | float | np.ndarray):
        return ()
    found: list[object] = []
    if isinstance(item, Mapping):
        found.extend(item.keys())
        found.extend(item.values())
    elif isinstance(item, list | tuple | set | frozenset | deque):
        found.extend(item)
    elif isinstance(item, partial):
        found.extend((item.func, item.args, item.keywords))
    if hasattr(item, "__dict__"):
        found.extend(vars(item).values())
    found.extend(getattr(item, slot) for slot in getattr(type(item), "__slots__", ()) if hasattr(item, slot))
    return found
