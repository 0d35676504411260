"""Chance: the line that every retriever has to be above."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Env, Hits, Query, Retriever


@dataclass
class Random(Retriever):
    """Chance: a random order of the documents for each question, the same for the same seed and question id."""

    seeded: ClassVar[bool] = True

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Remember how many documents there are."""
        self._documents, self._seed = len(corpus), env.seed

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Draw without replacement; the first hits do not depend on k, nor on the other questions."""
        width = min(k, self._documents)
        positions = np.array([self._draw(query.id, width) for query in queries], dtype=np.int64)
        falling = 1 / np.arange(1, width + 1, dtype=np.float32)
        return Hits(positions.reshape(len(queries), width), np.tile(falling, (len(queries), 1)))

    def _draw(self, query_id: str, k: int) -> list[int]:
        """The first k steps of a Fisher-Yates shuffle (Durstenfeld 1964) that notes only the places it has touched."""
        moved: dict[int, int] = {}
        drawn = []
        for place, chosen in enumerate(self._choices(query_id, k).tolist()):
            drawn.append(moved.get(chosen, chosen))
            moved[chosen] = moved.get(place, place)
        return drawn

    def _choices(self, query_id: str, k: int) -> NDArray[np.uint64]:
        """Step ``i`` chooses a place from ``i`` to N - 1; 64 hashed bits make the bias of the remainder negligible."""
        key = f"{self._seed}\0{query_id}".encode("utf-8", "surrogatepass")
        bits: NDArray[np.uint64] = np.frombuffer(hashlib.shake_128(key).digest(8 * k), dtype="<u8")
        left = np.arange(self._documents, self._documents - k, -1, dtype=np.uint64)
        return np.arange(k, dtype=np.uint64) + bits % left
