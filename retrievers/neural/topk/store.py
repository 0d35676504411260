"""Vectors that are searched: in memory, or in a file that is larger than it; float32, or int8 with a scale for each vector."""

import json
import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError, StoreError
from bench.files import write_bytes
from retrievers.neural.topk import lengths

VALUES, SCALES, FACTS = "values.bin", "scales.bin", "vectors.json"
PIECE = 1 << 14
"""Vectors that are rounded at a time."""
FEW = 16
"""Vectors that are read from all over a file before their pages are given back."""
LEVELS = 127
"""An int8 vector uses -127 to 127 of its scale: -128 would have no counterpart."""

Floats = NDArray[np.float32]


class Vectors(NamedTuple):
    """``N`` vectors: values ``[N, D]`` float32 or int8, scales float32 ``[N]`` or ``[1]``; a vector is values times its scale.

    norm: the largest Euclidean norm. mapped: the values lie in a file and are read as they are needed. unit: they are of length
    1, or were before they were rounded to int8.
    """

    values: NDArray[Any]
    scales: Floats
    norm: float
    mapped: bool = False
    unit: bool = False

    @classmethod
    def of(cls, values: Floats, *, unit: bool = False) -> Self:
        """Vectors in memory, as they are; ``unit`` if they are of length 1. DataError if one holds what is no number."""
        values = np.require(
            values, np.float32, ["C", "W"]
        )  # compiled code would be compiled again for memory marked read-only
        norms = checked_norms(values)
        return cls(values, np.ones(1, np.float32), float(norms.max(initial=0.0)), unit=unit)

    @classmethod
    def int8(cls, values: Floats, *, unit: bool = False) -> Self:
        """The same rounded to int8, a quarter of the memory: 127 steps on each side of 0."""
        whole = cls.of(values, unit=unit)
        steps, units, norm = np.empty(whole.values.shape, np.int8), np.ones(max(1, len(values)), np.float32), 0.0
        for start in range(0, len(values), PIECE):
            some = slice(start, start + PIECE)
            steps[some], units[some] = part = rounded(whole.values[some])
            norm = max(norm, float(checked_norms(part[0] * part[1][:, None]).max(initial=0.0)))
        return cls(steps, units, norm, unit=unit)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map what ``write_vectors`` wrote. StoreError where a file is missing, damaged or from another format."""
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            shape, kind = (int(facts["vectors"]), int(facts["dimensions"])), np.dtype(str(facts["kind"]))
            scales = np.fromfile(folder / SCALES, np.float32)
            size, norm, unit = (folder / VALUES).stat().st_size, float(facts["norm"]), facts["unit"] is True
        except OSError as error:
            raise StoreError(f"cannot read stored vectors: {error.filename}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"the vectors stored in {folder} are damaged: {error!r}; write them again") from None
        if (
            size != shape[0] * shape[1] * kind.itemsize
            or len(scales) not in {1, shape[0]}
            or kind.name not in {"int8", "float32"}
        ):
            raise StoreError(
                f"the vectors stored in {folder} are damaged: {size} bytes of values, {len(scales)} scales"
            )
        if not (np.isfinite(scales).all() and np.isfinite(norm) and norm >= 0):
            raise StoreError(f"the vectors stored in {folder} are damaged: a scale or the norm is no number")
        values = np.memmap(folder / VALUES, kind, "c", shape=shape) if size else np.empty(shape, kind)
        return cls(values, scales, norm, mapped=bool(size), unit=unit)

    @property
    def integers(self) -> bool:
        """Whether the values are int8."""
        return self.values.dtype == np.int8

    def floats(self, start: int, stop: int) -> Floats:
        """Vectors ``start`` to ``stop`` as float32; a view where they are."""
        part = np.asarray(self.values[start:stop])
        if not self.integers:
            return part
        return part * (self.scales[start:stop, None] if len(self.scales) > 1 else self.scales)

    def some(self, positions: NDArray[np.int64]) -> Self:
        """A few of them, read from where they lie; their pages of a mapped file are given back as they are read."""
        values = np.empty((len(positions), self.values.shape[1]), self.values.dtype)
        for start in range(0, len(positions), FEW):
            values[start : start + FEW] = self.values[positions[start : start + FEW]]
            self.release()
        return type(self)(values, self.scales[positions] if len(self.scales) > 1 else self.scales, self.norm)

    def release(self) -> None:
        """Give pages of a mapped file back: they would count as this process's memory, and are read again when needed."""
        if self.mapped and isinstance(self.values, np.memmap):
            with suppress(AttributeError):  # not every system can be advised
                self.values._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]  # noqa: SLF001


def write_vectors(
    folder: Path, blocks: Iterable[Floats], *, precision: Literal["float32", "int8"] = "float32", unit: bool = True
) -> float:
    """Write blocks ``[n, D]`` of vectors, of unit length first if ``unit``; returns the largest error of a vector's rounding.

    int8 takes a quarter of the memory: each vector is rounded to 127 steps on each side of 0. What was stored there before is
    replaced when all is written, and stays as it is for those who have it open. DataError for vectors that are no numbers or of
    different lengths; StoreError for what cannot be written (disk full, no permission).
    """
    count, dimensions, norm, residual = 0, -1, 0.0, 0.0
    with _Replacement(folder) as files:
        for block in blocks:
            floats = np.ascontiguousarray(block, np.float32)
            if floats.ndim != 2 or dimensions not in {-1, floats.shape[1]}:  # noqa: PLR2004 - vectors in rows
                raise DataError(f"vectors of shape {floats.shape} among those of {dimensions} dimensions")
            dimensions = floats.shape[1]
            floats = unit_length(floats) if unit else floats
            if precision == "int8":
                steps, units = rounded(floats)
                files.write(VALUES, steps)
                files.write(SCALES, units)
                back = steps * units[:, None]
                residual = max(residual, float(np.linalg.norm(back - floats, axis=1).max(initial=0.0)))
                floats = back
            else:
                files.write(VALUES, floats)
            norm = max(norm, float(checked_norms(floats).max(initial=0.0)))
            count += len(floats)
        if precision != "int8":
            files.write(SCALES, np.ones(1, np.float32))
    kind = "int8" if precision == "int8" else "float32"
    facts = {"vectors": count, "dimensions": max(dimensions, 0), "kind": kind, "norm": norm, "unit": unit}
    write_bytes(folder / FACTS, json.dumps(facts).encode())
    return residual


class _Replacement:
    """Files written beside those of the same name, which they replace when all are whole; dropped where anything fails.

    The facts, without which the others do not count, go first and are written last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, dict[str, IO[bytes]]()

    def __enter__(self) -> Self:
        try:
            with self._told():
                self._folder.mkdir(parents=True, exist_ok=True)
                for name in (VALUES, SCALES):
                    self._files[name] = NamedTemporaryFile(dir=self._folder, prefix=f".{name}.", delete=False)
        except BaseException:
            self._drop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with self._told():
                    self._replace()
        finally:
            self._drop()

    def write(self, name: str, values: NDArray[Any]) -> None:
        with self._told():
            self._files[name].write(values.data)

    def _replace(self) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)  # noqa: PTH101 - mkstemp makes it private
        (self._folder / FACTS).unlink(missing_ok=True)
        for name, file in self._files.items():
            Path(file.name).replace(self._folder / name)

    def _drop(self) -> None:
        for file in self._files.values():
            with suppress(OSError):  # a full disk, which was told before
                file.close()
            Path(file.name).unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"cannot write vectors to {self._folder}: {error.strerror or error}") from None


def rounded(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
    """The nearest int8 vectors ``[N, D]`` and their units ``[N]``: ``values * unit`` is within half a unit in each dimension."""
    units = np.abs(vectors).max(axis=1, initial=0.0).astype(np.float32) / np.float32(LEVELS)
    units = np.where(
        units == 0, np.float32(1), np.maximum(units, np.finfo(np.float32).tiny)
    )  # none below the normal range
    return np.rint(vectors / units[:, None]).astype(np.int8), units


def unit_length(vectors: Floats) -> Floats:
    """Vectors scaled to length 1, vectors of 0 left alone; DataError for what is no number."""
    divisors = lengths.norms(vectors)
    wrong, all_are = lengths.divisors(divisors)
    _refuse(wrong)
    return vectors if all_are else lengths.divided(vectors, divisors)


def checked_norms(vectors: Floats) -> NDArray[np.float64]:
    """Euclidean norms ``[N]``. DataError names a vector that holds what is no number."""
    norms: NDArray[np.float64] = lengths.norms(vectors)
    finite = np.isfinite(norms)
    _refuse(-1 if finite.all() else int(finite.argmin()))
    return norms


def _refuse(vector: int) -> None:
    if vector >= 0:
        raise DataError(f"vector {vector} holds NaN or infinity")
