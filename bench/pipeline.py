"""Systems made of systems, themselves Retrievers: fusion of rankings, re-ranking, a scorer over the whole pool."""

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.api import Component, Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.combining import compositions, given_weights, merged, reciprocal_ranks, tuned, usable, z_gains, z_scores
from bench.errors import DataError
from bench.explanation import Explanation
from bench.files import read_json
from bench.occlusion import explained
from bench.shares import blended, distinct, fused, gain_rule

Floats = NDArray[np.float32]
Result = TypeVar("Result")

SCORES_AT_ONCE = 1 << 21
"""Query/document scores held at once when a scorer ranks everything."""


class Composite(Component):
    """A system with parts. Its own ``fit`` only tunes how they are combined; ``save`` and ``load`` hold just that."""

    learned: dict[str, Any]

    @property
    @abstractmethod
    def components(self) -> tuple[Component, ...]:
        """The parts, in the order of the spec."""

    def env_of(self, number: int, env: Env) -> Env:
        """Where and how part ``number`` runs, if the system runs in ``env``."""
        return env_for(self.components[number], env)

    def prepare(self, env: Env) -> None:
        """Prepare the parts."""
        for number, part in enumerate(self.components):
            part.prepare(self.env_of(number, env))

    def index(self, corpus: Sequence[Doc], env: Env) -> None:
        """Index every part over the same corpus; each has stages of its own, told under its name."""
        self._env = env
        self._stages: list[dict[str, float]] = [{} for _ in self.components]
        for number, (part, stages) in enumerate(zip(self.components, self._stages, strict=True)):
            part.index(corpus, replace(self.env_of(number, env), stages=stages))
        self._size = len(corpus)

    def _inner(self, query: Query, doc: Doc, position: int) -> tuple[tuple[str, Explanation], ...]:
        """Each part's name and why it gives the document its score."""
        why = (explained(part, query, doc, position, self._size) for part in self.components)
        return tuple(zip(distinct(map(_name, self.components)), why, strict=True))

    def _staged(self, number: int, action: Callable[[], Result]) -> Result:
        """Let part ``number`` act: its stages become this system's, the rest of its time goes under its own name."""
        start = perf_counter()
        result = action()
        seconds = perf_counter() - start
        name, own, mine = type(self.components[number]).__name__, self._stages[number], self._env.stages
        for stage, spent in own.items():
            mine[f"{name} {stage}"] = mine.get(f"{name} {stage}", 0.0) + spent
        mine[name] = mine.get(name, 0.0) + max(0.0, seconds - sum(own.values()))
        own.clear()
        return result

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


def family_of(component: Component) -> str:
    """``lexical``, ``neural``, ``lexical+neural`` for a system of both, empty where no part says."""
    if isinstance(component, Composite):
        found = {name for part in component.components for name in family_of(part).split("+") if name}
        return "+".join(sorted(found))
    return component.family


def contents_of(component: Component) -> list[str]:
    """What else decides the results, of every part that says so."""
    if isinstance(component, Composite):
        return [found for part in component.components for found in contents_of(part)]
    return [found] if (found := component.content()) else []


def is_live(component: Component) -> bool:
    """Whether all parts search here and now."""
    if isinstance(component, Composite):
        return all(map(is_live, component.components))
    return component.live


def env_for(component: Component, env: Env) -> Env:
    """The environment of a part: one that cannot use the device stays on the cpu."""
    return env if env.device in devices_of(component) else replace(env, device="cpu")


def is_seeded(component: Component) -> bool:
    """Whether the seed changes the results of the component or of one of its parts."""
    if isinstance(component, Composite):
        return any(map(is_seeded, component.components))
    return component.seeded


@dataclass
class Exhaustive(Composite, Retriever):
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

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Score every document for every query."""
        return self._staged(0, partial(self._ranked, queries, k))

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:
        """What the scorer says."""
        return explained(self.scorer, query, doc, position, self._size)

    def _ranked(self, queries: Sequence[Query], k: int) -> Hits:
        rows = max(1, SCORES_AT_ONCE // max(1, self._size))
        everything = np.arange(self._size, dtype=np.int64)
        chunks = [queries[start : start + rows] for start in range(0, len(queries), rows)] or [queries]
        score = self.scorer.score
        found = [Hits.top(score(some, np.broadcast_to(everything, (len(some), self._size))), k) for some in chunks]
        return Hits(np.vstack([hits.positions for hits in found]), np.vstack([hits.scores for hits in found]))


@dataclass
class Fusion(Composite, Retriever):
    """``a+b``: the rankings of several retrievers combined.

    weights: empty for reciprocal rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009); ``dev`` for a weighted sum of
        z-scored scores with weights tuned on dev; or the weights themselves, ``0.4~0.6``.
    rrf_k: the constant of 1 / (rrf_k + rank). The usual 60 counts on many systems of similar strength; of two unequal ones
        it drags the better down (python-docs, dev, bm25+gru: Success@10 .868 with 60, .908 with 10, gru alone .902).
    depth: how many hits of each part are combined.
    """

    parts: tuple[Retriever, ...]
    weights: str = ""
    rrf_k: int = 10
    depth: int = 1000

    def __post_init__(self) -> None:
        self.learned = {}
        if self.depth < 1 or self.rrf_k < 0:
            raise ValueError("depth must be at least 1 and rrf_k at least 0")
        self._fixed = given_weights(self.weights, len(self.parts)) if self.weights not in ("", "dev") else None

    @property
    def components(self) -> tuple[Component, ...]:
        """The retrievers whose rankings are combined."""
        return self.parts

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit the parts; with ``weights=dev`` choose the weights by RR@10 over the dev questions and documents."""
        for part in self.parts:
            env.fit(part, train, dev)
        if self.weights == "dev":
            _ask_for_dev(dev, "weights=0.5~0.5")
            self.index(dev.corpus, env)
            hits = self._part_hits(dev.queries, self.depth)
            steps = 10 if len(self.parts) <= 4 else 5  # noqa: PLR2004 - the number of choices grows with the parts
            choices = [tuple(step / steps for step in point) for point in compositions(steps, len(self.parts))]
            best, rr = tuned(choices, lambda weights: self._combine(hits, weights, 10), dev)
            self.learned = {"weights": list(best), "dev RR@10": rr}

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Search with every part, then combine."""
        hits = self._part_hits(queries, max(k, self.depth))
        with self._env.stage("fuse"):
            return self._combine(hits, self.learned.get("weights") or self._fixed, k)

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:
        """The gain of each part, as in a search for at most ``depth`` hits."""
        hits, weights = self._part_hits([query], self.depth), self.learned.get("weights") or self._fixed
        how = gain_rule(weights, self.rrf_k)
        return fused(hits, self._gains(hits, weights), position, how, self._inner(query, doc, position))

    def _part_hits(self, queries: Sequence[Query], depth: int) -> list[Hits]:
        searches = [partial(part.search, queries, depth) for part in self.parts]
        hits = [self._staged(number, search) for number, search in enumerate(searches)]
        return [usable(found, self._size, type(part).__name__) for part, found in zip(self.parts, hits, strict=True)]

    def _combine(self, hits: list[Hits], weights: Sequence[float] | None, k: int) -> Hits:
        return merged(hits, self._gains(hits, weights), k)

    def _gains(self, hits: list[Hits], weights: Sequence[float] | None) -> list[NDArray[np.float64]]:
        if weights is None:
            return [reciprocal_ranks(part, self.rrf_k) for part in hits]
        return [weight * z_gains(part) for weight, part in zip(weights, hits, strict=True)]


@dataclass
class Cascade(Composite, Retriever):
    """``first/scorer``: a scorer re-ranks the best of a first stage.

    depth: how many hits of the first stage are re-ranked; the others keep their order below.
    blend: weight of the first stage's z-scored score in the final one, the scorer having the rest: ``dev`` chooses it
        on dev, ``0`` re-ranks by the scorer alone.
    """

    first: Retriever
    scorer: Scorer
    depth: int = 200
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
            _ask_for_dev(dev, "blend=0")
            self.index(dev.corpus, env)
            hits, scores = self._two_stages(dev.queries, self.depth)
            best, rr = tuned([step / 20 for step in range(21)], lambda blend: self._blended(hits, scores, blend), dev)
            self.learned = {"blend": best, "dev RR@10": rr}

    def search(self, queries: Sequence[Query], k: int) -> Hits:
        """Search the first stage to max(k, depth), then re-rank its first ``depth`` hits."""
        hits, scores = self._two_stages(queries, max(k, self.depth))
        ranked = self._blended(hits, scores, self.learned.get("blend", self._fixed))
        return Hits(ranked.positions[:, :k], ranked.scores[:, :k])

    def explain(self, query: Query, doc: Doc, position: int) -> Explanation:
        """The share of each stage, for a document that is re-ranked."""
        hits, scores = self._two_stages([query], self.depth)
        inner = self._inner(query, doc, position)
        return blended(hits, scores, self.learned.get("blend", self._fixed), position, inner)

    def _two_stages(self, queries: Sequence[Query], depth: int) -> tuple[Hits, Floats]:
        hits = usable(
            self._staged(0, partial(self.first.search, queries, depth)), self._size, type(self.first).__name__
        )
        return hits, self._staged(1, partial(self.scorer.score, queries, hits.positions[:, : self.depth]))

    def _blended(self, hits: Hits, scores: Floats, blend: float) -> Hits:
        head, tail = hits.positions[:, : self.depth], hits.positions[:, self.depth :]
        real = head >= 0
        final = blend * z_scores(hits.scores[:, : self.depth], real) + (1 - blend) * z_scores(scores, real)
        order = np.argsort(np.where(real, -final, np.inf), axis=1, kind="stable")
        below = final.min(axis=1, keepdims=True, initial=0) - 1
        return Hits(
            np.hstack([np.take_along_axis(head, order, axis=1), tail]),
            np.hstack([np.take_along_axis(final, order, axis=1), below - np.arange(tail.shape[1])]).astype(np.float32),
        )


def _name(part: Component) -> str:
    """As stages are named; a scorer that ranks the whole pool is itself."""
    return type(part.scorer if isinstance(part, Exhaustive) else part).__name__


def _ask_for_dev(dev: Pairs, instead: str) -> None:
    if not dev.queries:
        raise DataError(f"there are no dev questions to choose on; give the value instead, as in {instead}")
