"""One question as a CUDA graph: some fifty launches, most of them of a few microseconds, become one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Result = tuple[Tensor, Tensor, Tensor]
"""Positions and scores ``[1, k]``, and a bool: whether they are incomplete."""


@dataclass
class Captured:
    """A graph, and where it leaves its results."""

    graph: torch.cuda.CUDAGraph
    result: Result


HELD = 4
"""Graphs held at most: each keeps its own memory."""


class Graphs:
    """A graph for each of the last few k, captured when it is first asked for.

    compute: what is captured, from a question ``[1, D]`` and k; it must not wait for the device. state: ``as a graph``, or why not
    for the last k: where a capture fails, which drivers and debugging tools may cause, ``run`` answers None for this k, and the
    kernels are launched one by one, with the same results.
    """

    def __init__(self, compute: Callable[[Tensor, int], Result], size: int, device: torch.device) -> None:
        self._compute = compute
        self._query = torch.zeros((1, size), device=device)
        self._captured: dict[int, Captured | None] = {}
        self.state = "as a graph"

    def run(self, query: Tensor, k: int) -> Result | None:
        """The results for a question float32 ``[1, D]``; they are overwritten by the next. None where no graph can be had."""
        with torch.cuda.device(self._query.device):
            self._query.copy_(query, non_blocking=True)
            if k in self._captured:
                self._captured[k] = self._captured.pop(k)  # the last asked for is the last to go
            else:
                held = [old for old, graph in self._captured.items() if graph is not None]
                for old in held[: max(0, len(held) + 1 - HELD)]:
                    del self._captured[old]
                self._captured[k] = self._attempt(k)
            captured = self._captured[k]
            if captured is None:
                return None
            captured.graph.replay()
            return captured.result

    def _attempt(self, k: int) -> Captured | None:
        stream = torch.cuda.current_stream()
        try:
            return self._capture(k)
        except RuntimeError as error:
            self.state = f"launched one by one (no graph for k = {k}: {str(error).splitlines()[0]})"
            return None
        finally:
            torch.cuda.set_stream(stream)  # a capture that fails leaves its own the current one

    def _capture(self, k: int) -> Captured:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # compiles the kernels and lets libraries allocate, which a capture forbids
            self._compute(self._query, k)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = self._compute(self._query, k)
        return Captured(graph, result)
