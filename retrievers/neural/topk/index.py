"""The documents nearest to a question: exact, on a CPU or a CUDA device, in memory or from a file."""

from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from bench.errors import DataError
from retrievers.neural.topk.choice import CpuEngine
from retrievers.neural.topk.cuda import LONGEST, CudaEngine
from retrievers.neural.topk.store import Floats, Vectors, checked_norms, unit_length

Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
LARGEST = 1e37
"""The largest product of a question's and a document's norm: scores near the end of float32 could not be told apart."""
PIECE = 1 << 16
"""Vectors that are looked at together, so that their float64 copies stay small."""


class Engine(Protocol):
    """What searches on one kind of device."""

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Positions and scores ``[Q, min(k, N)]`` of questions float32 ``[Q, D]``."""


class CosineIndex:
    """The ``k`` documents with the largest cosine, or inner product, for any number of questions.

    vectors: ``[N, D]``, a tensor or an array, or ``Vectors`` that lie in a file; for the cosine they are scaled to length 1
    here, once, and vectors of 0 have a score of 0. device: ``cpu`` or ``cuda``; what does not fit there is streamed.
    precision: of the first pass. Whatever it is the result is the same on every device: a score is summed in float64 over
    float32 vectors and rounded once to float32, and equal scores keep the lower position. On a CPU ``auto`` takes what was
    fastest in a short measurement here, ``float32`` leaves out rounded vectors, and those in a file are multiplied as they lie
    there: int8 by products of integers, whatever the precision; on CUDA ``auto`` is bfloat16. threads: of a CPU, torch's number
    if none. cache: a folder in which the measurement is remembered.

    ``about`` tells what was chosen, as plain values. DataError for vectors that hold NaN or infinity, or are of norm 2^63.
    """

    def __init__(
        self,
        vectors: Tensor | Floats | Vectors,
        device: str = "cpu",
        precision: Precision = "auto",
        *,
        similarity: Literal["cosine", "dot"] = "cosine",
        threads: int | None = None,
        cache: Path | None = None,
    ) -> None:
        self._unit = similarity == "cosine"
        if isinstance(vectors, Vectors) and self._unit and not vectors.unit:
            raise DataError(
                "the stored vectors were not brought to length 1: write them with unit=True, or ask for similarity=dot"
            )
        self.about: dict[str, Any]
        if torch.device(device).type == "cuda":
            self._engine: Engine = self._on_cuda(vectors, device, precision)
            return
        if precision in {"tf32", "float16"}:
            raise DataError(f"precision={precision} needs a CUDA device; on a CPU use auto, float32 or bfloat16")
        held = vectors if isinstance(vectors, Vectors) else Vectors.of(self._scaled(_array(vectors)), unit=self._unit)
        _hold_in_float32(held.norm)
        engine = CpuEngine(held, threads or torch.get_num_threads(), precision, cache)
        self._size, self._norm, self._engine = held.values.shape[1], held.norm, engine
        self.about = {f"{questions} questions or more": name for questions, name in engine.choices.items()}

    def search(self, queries: Tensor | Floats, k: int) -> tuple[Tensor, Tensor]:
        """Positions int64 and scores float32, both ``[Q, min(k, N)]``, best first; queries ``[Q, D]``. Where the index lies.

        DataError for a question that holds NaN or infinity, has another number of dimensions, or scores that float32 does not.
        """
        asked = _array(queries)
        if asked.ndim != 2 or asked.shape[1] != self._size:  # noqa: PLR2004 - questions in rows
            raise DataError(
                f"questions of shape {asked.shape} cannot be compared with vectors of {self._size} dimensions"
            )
        if self._unit:
            asked = unit_length(asked)
        else:
            _hold_in_float32(float(checked_norms(asked).max(initial=0.0)), self._norm)
        return self._engine.search(torch.from_numpy(asked), max(k, 0))

    def _on_cuda(self, vectors: Tensor | Floats | Vectors, device: str, precision: Precision) -> CudaEngine:
        held: Tensor | Floats
        if isinstance(vectors, Vectors):
            if vectors.integers:
                raise DataError("int8 vectors are searched on a CPU only")
            held, norm = vectors.values, vectors.norm
        elif isinstance(vectors, Tensor) and vectors.is_cuda:
            checked = held = _checked(vectors.detach().float(), unit=self._unit)
            pieces = range(0, len(checked), PIECE)
            norm = max((float(checked[at : at + PIECE].double().norm(dim=1).max()) for at in pieces), default=0.0)
        else:
            held = scaled = self._scaled(_array(vectors))
            norm = float(checked_norms(scaled).max(initial=0.0))
        _hold_in_float32(norm)
        self._size, self._norm = held.shape[1], norm
        engine = CudaEngine(held, device=device, precision="bfloat16" if precision == "auto" else precision, norm=norm)
        self.about = {"search": engine.path}
        return engine

    def _scaled(self, vectors: Floats) -> Floats:
        return unit_length(vectors) if self._unit else vectors


def _hold_in_float32(norm: float, other: float = 0.0) -> None:
    """DataError for norms that no engine takes, or whose product is too large for scores."""
    if norm >= LONGEST or norm * other > LARGEST:
        raise DataError("the scores of such large vectors do not fit into float32")


def _array(values: Tensor | Floats) -> Floats:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    return np.require(array, np.float32, ["C", "W"])


def _checked(vectors: Tensor, *, unit: bool) -> Tensor:
    """Vectors on a device, of length 1 if wanted, as ``unit_length`` makes them; DataError for what is no number."""
    result = torch.empty_like(vectors) if unit else vectors
    for start in range(0, len(vectors), PIECE):
        part = vectors[start : start + PIECE].double()
        norms = part.norm(dim=1)
        wrong = (~norms.isfinite()).nonzero()
        if len(wrong):
            raise DataError(f"vector {start + int(wrong[0])} holds NaN or infinity")
        if unit:
            near = (norms - 1).abs() <= 1e-6  # noqa: PLR2004 - what float32 can tell
            norms = torch.where(near | (norms == 0), torch.ones_like(norms), norms)
            result[start : start + PIECE] = (part / norms[:, None]).float()
    return result
