"""Systems made of systems, themselves Retrievers: fusion of rankings, re-ranking, a scorer over the whole pool."""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.errors import DataError
from bench.files import read_json

Floats = NDArray[np.float32]
Choice = TypeVar("Choice")

SCORES_AT_ONCE = 1 << 21
"""Query/document scores held at once when a scorer ranks everything."""


class Composite(Retriever):
    """A system with parts. Its own ``fit`` only tunes how they are combined; ``save`` and ``load`` hold just that."""

    learned: dict[str, Any]

    @property
    @abstractmethod
    def components(self) -> tuple[Component, ...]:
        """The parts, in the order of the spec."""

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Index every part over the same corpus."""
        self._env = env
        for part in self.components:
            part.index(corpus, _for(part, env))

    def save(self, folder: Path) -> None:
        """Store the tuned weights."""
        (folder / "weights.json").write_text(json.dumps(self.learned), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take over tuned weights."""
        self.learned = read_json(folder / "weights.json")


def devices_of(component: Component) -> set[str]:
    """Every device that the component or one of its parts can use."""
    if isinstance(component, Composite):
        return set().union(*map(devices_of, component.components))
    return set(component.devices)


def is_seeded(component: Component) -> bool:
    """Whether the seed changes the results of the component or of one of its parts."""
    if isinstance(component, Composite):
        return any(map(is_seeded, component.components))
    return component.seeded


@dataclass
class Exhaustive(Composite):
    """A scorer that ranks the whole pool."""

    scorer: Scorer

    def __post_init__(self) -> None:
        self.learned = {}

    @property
    def components(self) -> tuple[Component, ...]:
        """The scorer."""
        return (self.scorer,)

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit the scorer."""
        env.fit(self.scorer, train, dev)

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Index the scorer."""
        super().index(corpus, env)
        self._size = len(corpus)

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Score every document for every query."""
        rows = max(1, SCORES_AT_ONCE // max(1, self._size))
        everything = np.arange(self._size, dtype=np.int64)
        chunks = [queries[start : start + rows] for start in range(0, len(queries), rows)]
        found = [
            Hits.top(self.scorer.score(chunk, np.broadcast_to(everything, (len(chunk), self._size))), k)
            for chunk in chunks
        ]
        return Hits(np.vstack([hits.positions for hits in found]), np.vstack([hits.scores for hits in found]))


@dataclass
class Fusion(Composite):
    """``a+b``: the rankings of several retrievers combined.

    weights: empty for reciprocal rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009); ``dev`` for a weighted sum of
        z-scored scores with weights tuned on dev; or the weights themselves, ``0.4~0.6``.
    rrf_k: the constant of 1 / (rrf_k + rank).
    depth: how many hits of each part are combined.
    """

    parts: tuple[Retriever, ...]
    weights: str = ""
    rrf_k: int = 60
    depth: int = 1000

    def __post_init__(self) -> None:
        self.learned = {}
        if self.depth < 1 or self.rrf_k < 0:
            raise ValueError("depth must be at least 1 and rrf_k at least 0")
        self._fixed = _weights(self.weights, len(self.parts)) if self.weights not in ("", "dev") else None

    @property
    def components(self) -> tuple[Component, ...]:
        """The retrievers whose rankings are combined."""
        return self.parts

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit the parts; with ``weights=dev`` choose the weights by RR@10 over the dev questions and documents."""
        for part in self.parts:
            env.fit(part, train, dev)
        if self.weights == "dev":
            self.index(dev.corpus, env)
            hits = self._part_hits(dev.queries, self.depth)
            grid = [point for point in product(range(11), repeat=len(self.parts)) if sum(point) == 10]  # noqa: PLR2004
            choices = [tuple(step / 10 for step in point) for point in grid]
            best, rr = _tuned(choices, lambda weights: self._combine(hits, weights, 10), dev)
            self.learned = {"weights": list(best), "dev RR@10": rr}

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Search with every part, then combine."""
        hits = self._part_hits(queries, max(k, self.depth))
        with self._env.stage("fuse"):
            return self._combine(hits, self.learned.get("weights") or self._fixed, k)

    def _part_hits(self, queries: Sequence[Query], depth: int) -> list[Hits]:
        return [_staged(part, queries, depth, self._env) for part in self.parts]

    def _combine(self, hits: list[Hits], weights: Sequence[float] | None, k: int) -> Hits:
        if weights is None:
            gains = [_reciprocal_ranks(part, self.rrf_k) for part in hits]
        else:
            gains = [weight * _z_gains(part) for weight, part in zip(weights, hits, strict=True)]
        return _merged(hits, gains, k)


@dataclass
class Cascade(Composite):
    """``first/scorer``: a scorer re-ranks the best of a first stage.

    depth: how many hits of the first stage are re-ranked; the others keep their order below.
    blend: weight of the first stage's z-scored score in the final one, the scorer having the rest: ``dev`` chooses it
        on dev, ``0`` re-ranks by the scorer alone.
    """

    first: Retriever
    scorer: Scorer
    depth: int = 100
    blend: str = "dev"

    def __post_init__(self) -> None:
        self.learned = {}
        if self.depth < 1:
            raise ValueError("depth must be at least 1")
        self._fixed = 0.0 if self.blend == "dev" else float(self.blend)
        if not 0 <= self._fixed <= 1:
            raise ValueError("blend must be dev or lie between 0 and 1")

    @property
    def components(self) -> tuple[Component, ...]:
        """First stage, scorer."""
        return (self.first, self.scorer)

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit both; with ``blend=dev`` choose the blend by RR@10 over the dev questions and documents."""
        for part in self.components:
            env.fit(part, train, dev)
        if self.blend == "dev":
            self.index(dev.corpus, env)
            hits, scores = self._stages(dev.queries, self.depth)
            best, rr = _tuned([step / 20 for step in range(21)], lambda blend: self._blended(hits, scores, blend), dev)
            self.learned = {"blend": best, "dev RR@10": rr}

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Search the first stage to max(k, depth), then re-rank its first ``depth`` hits."""
        hits, scores = self._stages(queries, max(k, self.depth))
        ranked = self._blended(hits, scores, self.learned.get("blend", self._fixed))
        return Hits(ranked.positions[:, :k], ranked.scores[:, :k])

    def _stages(self, queries: Sequence[Query], depth: int) -> tuple[Hits, Floats]:
        hits = _staged(self.first, queries, depth, self._env)
        with self._env.stage("re-rank"):
            return hits, self.scorer.score(queries, hits.positions[:, : self.depth])

    def _blended(self, hits: Hits, scores: Floats, blend: float) -> Hits:
        head, tail = hits.positions[:, : self.depth], hits.positions[:, self.depth :]
        real = head >= 0
        final = blend * _z(hits.scores[:, : self.depth], real) + (1 - blend) * _z(scores, real)
        order = np.argsort(np.where(real, -final, np.inf), axis=1, kind="stable")
        below = final.min(axis=1, keepdims=True, initial=0) - 1
        return Hits(
            np.hstack([np.take_along_axis(head, order, axis=1), tail]),
            np.hstack([np.take_along_axis(final, order, axis=1), below - np.arange(tail.shape[1])]).astype(np.float32),
        )


def _for(part: Component, env: Env) -> Env:
    """The environment of a part: a part that cannot use the device stays on the cpu."""
    return env if env.device in devices_of(part) else replace(env, device="cpu")


def _staged(part: Retriever, queries: Sequence[Query], depth: int, env: Env) -> Hits:
    """Search with a part; the time is a stage of its own unless the part has stages itself."""
    if isinstance(part, Composite):
        return part.search(queries, depth)
    with env.stage(type(part).__name__):
        return part.search(queries, depth)


def _weights(text: str, parts: int) -> list[float]:
    weights = [float(weight) for weight in text.split("~")]
    if len(weights) != parts or min(weights) < 0:
        raise ValueError(f"weights must be dev or {parts} numbers, as in {'~'.join(['0.5'] * parts)}")
    return weights


def _tuned(choices: Iterable[Choice], rank: Callable[[Choice], Hits], dev: Pairs) -> tuple[Choice, float]:
    """The choice with the best mean RR@10 over the dev questions, and that mean; the first of equals."""
    position = {doc.id: at for at, doc in enumerate(dev.corpus)}
    stride = len(dev.corpus) + 1  # one key for each (query, document), and one for a query's pads
    relevant = [
        row * stride + position[doc_id]
        for row, query in enumerate(dev.queries)
        for doc_id, grade in dev.qrels[query.id].items()
        if grade > 0
    ]
    rows = np.arange(len(dev.queries))[:, None] * stride

    def mean_rr(choice: Choice) -> float:
        top = rank(choice).positions[:, :10]
        found = np.isin(np.where(top >= 0, top, stride - 1) + rows, relevant)
        return float((found.any(axis=1) / (found.argmax(axis=1) + 1)).mean())

    if not dev.queries:
        raise DataError("there are no dev questions to tune on; give fixed weights instead")
    return max(((choice, mean_rr(choice)) for choice in choices), key=lambda scored: scored[1])


def _z(scores: Floats, real: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard scores of the real hits of each query; 0 for pads."""
    values = np.where(real, scores, 0).astype(np.float64)
    count = np.maximum(real.sum(axis=1, keepdims=True), 1)
    centred = np.where(real, values - values.sum(axis=1, keepdims=True) / count, 0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    standard: NDArray[np.float64] = centred / np.where(spread > 0, spread, 1)
    return standard


def _z_gains(hits: Hits) -> NDArray[np.float64]:
    """Standard scores, with 0 for a document that the part did not find: one deviation below its worst hit."""
    real = hits.positions >= 0
    standard = _z(hits.scores, real)
    lowest = np.where(real, standard, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    return np.where(real, standard - np.where(np.isfinite(lowest), lowest, 0) + 1, 0)


def _reciprocal_ranks(hits: Hits, constant: int) -> NDArray[np.float64]:
    gains = 1.0 / (constant + 1 + np.arange(hits.positions.shape[1]))
    return np.where(hits.positions >= 0, gains, 0)


def _merged(hits: list[Hits], gains: list[NDArray[np.float64]], k: int) -> Hits:
    """Sum the gains of equal positions, row by row, and keep the k best; ties keep the order of the corpus."""
    positions = np.hstack([part.positions for part in hits])
    gain = np.hstack(gains)
    order = np.argsort(positions, axis=1, kind="stable")
    positions, gain = np.take_along_axis(positions, order, axis=1), np.take_along_axis(gain, order, axis=1)
    total = gain.copy()
    for shift in range(1, len(hits)):  # a part names a document once, so equal positions form runs of at most len(hits)
        same = positions[:, shift:] == positions[:, :-shift]
        total[:, :-shift] += np.where(same, gain[:, shift:], 0)
    repeated = np.zeros_like(positions, dtype=bool)
    repeated[:, 1:] = positions[:, 1:] == positions[:, :-1]
    total[repeated | (positions < 0)] = -np.inf
    best = np.argsort(-total, axis=1, kind="stable")[:, :k]
    scores = np.take_along_axis(total, best, axis=1)
    found = np.where(np.isfinite(scores), np.take_along_axis(positions, best, axis=1), -1)
    return Hits(found, np.where(found >= 0, scores, 0).astype(np.float32))
