"""``NAME:members=3``: the same system learned with several seeds, its members' scores combined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.combining import merged, usable, z_gains
from bench.errors import SpecError
from bench.explanation import Explanation
from bench.pipeline import Composite
from bench.shares import fused

DEPTH = 1000
"""Hits of each member that are combined."""
MOST = 100


class Ensemble(Composite):
    """What ensembles have in common. Under seed s, member i of n is the same system under seed n s + i."""

    member: Component
    members: int

    def _copies(self) -> None:
        if not 1 < self.members <= MOST:
            raise SpecError(f"members must lie between 1 and {MOST}")
        self.learned: dict[str, Any] = {}
        self._parts: tuple[Any, ...] = tuple(replace(self.member) for _ in range(self.members))  # type: ignore[type-var]

    @property
    def components(self) -> tuple[Component, ...]:
        """The members."""
        return self._parts

    def env_of(self, number: int, env: Env) -> Env:
        """Every member has a seed of its own."""
        return replace(super().env_of(number, env), seed=(env.seed * self.members + number) % 2**32)

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit every member; those that another run has learned under the same seed are taken over."""
        for number, part in enumerate(self.components):
            self.env_of(number, env).fit(part, train, dev)


@dataclass
class RetrieverEnsemble(Ensemble, Retriever):
    """The members' z-scored scores, averaged: what several seeds agree on is less a matter of luck (Hansen & Salamon 1990)."""

    member: Retriever
    members: int

    def __post_init__(self) -> None:
        self._copies()

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Search with every member, then combine."""
        found = self._found(queries, max(k, DEPTH))
        with self._env.stage("combine"):
            return merged(found, self._gains(found), k)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:
        """What each member adds, as in a search for at most ``DEPTH`` hits."""
        found = self._found([query], DEPTH)
        how = f"1 / {self.members} of 1 + the distance to its worst hit's score in standard deviations"
        return fused(found, self._gains(found), position, how, self._inner(query, doc, position))

    def _found(self, queries: Sequence[Query], depth: int) -> list[Hits]:
        return [
            usable(self._staged(number, partial(part.search, queries, depth)), self._size, type(part).__name__)
            for number, part in enumerate(self._parts)
        ]

    def _gains(self, found: list[Hits]) -> list[NDArray[np.float64]]:
        return [z_gains(hits) / self.members for hits in found]


@dataclass
class ScorerEnsemble(Ensemble, Scorer):
    """The members' scores, averaged."""

    member: Scorer
    members: int

    def __post_init__(self) -> None:
        self._copies()

    def score(self, queries: Sequence[Query], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The mean score of each candidate; -inf for a pad."""
        scores = [
            self._staged(number, partial(part.score, queries, positions)) for number, part in enumerate(self._parts)
        ]
        mean: NDArray[np.float32] = np.mean(scores, axis=0, dtype=np.float32)
        return mean


def ensemble(member: Retriever | Scorer, members: int) -> Retriever | Scorer:
    """So many of a system, learned with different seeds. SpecError for one that no seed changes."""
    if not member.seeded:
        raise SpecError(
            f"members={members}: {type(member).__name__} does not depend on a seed, all members would be equal"
        )
    return ScorerEnsemble(member, members) if isinstance(member, Scorer) else RetrieverEnsemble(member, members)
