"""The loads that the clock puts on a system, inside its process: one after another, all at once, at random moments."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from bench.api import Hits, Query
from bench.errors import OptionError
from bench.measure.clock import serve, time_each, warm_up
from bench.measure.load import arrivals

LATENCY_K = 10
"""Hits asked for in every timed search."""

Search = Callable[[Sequence[Query], int], object]


class Loads:
    """What the clock can ask of a system that is indexed: each command gives raw samples in seconds."""

    def __init__(self, search: Search, queries: Sequence[Query], synchronise: Callable[[], None]) -> None:
        self._queries = queries
        self._synchronise = synchronise
        self._single = self._alone(search)
        self._null = self._alone(lambda _queries, _k: _NOTHING)
        self._batch: Callable[[int], object] = lambda count: search(queries[:count], LATENCY_K)

    def cold(self) -> float:
        """The first search of all."""
        return time_each(self._single, [0], 0.0, self._synchronise)[0]

    def carry_out(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a line of the parent asks.

        ``warm-up`` repeats a block of questions until their time has settled; ``single`` searches questions one by one,
        ``null`` does so with a search that does nothing; ``batch`` searches the first so many questions in one call;
        ``server`` sends questions at random moments.
        """
        match command["do"]:
            case "warm-up":
                found = warm_up(self._single, command["arguments"], command["budget"], self._synchronise)
                return found._asdict()
            case "single":
                return self._timed(self._single, command)
            case "null":
                return self._timed(self._null, command)
            case "batch":
                return self._timed(self._batch, command)
            case "server":
                asked = command["arguments"]
                moments = arrivals(command["rate"], len(asked), command["seed"]).tolist()
                return _rounded(serve(self._single, asked, moments, self._synchronise, command["limit"] or inf))
            case other:
                raise OptionError(f"no such measurement: {other!r}")

    def _alone(self, search: Search) -> Callable[[int], object]:
        queries = self._queries
        return lambda at: search(queries[at : at + 1], LATENCY_K)

    def _timed(self, action: Callable[[int], object], command: Mapping[str, Any]) -> dict[str, Any]:
        return _rounded(time_each(action, command["arguments"], command["budget"], self._synchronise))


def _rounded(samples: Sequence[float]) -> dict[str, Any]:
    """To nanoseconds, finer than any timer: what is stored is half as long."""
    return {"samples": [round(seconds, 9) for seconds in samples]}


_NOTHING = Hits(np.zeros((1, 0), dtype=np.int64), np.zeros((1, 0), dtype=np.float32))
