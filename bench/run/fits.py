"""Stored fits: what a system learned is kept by fit fingerprint, so that another k, pool or device does not learn again."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

from bench.api import Component, Env, Pairs
from bench.build import canonical, name_of
from bench.errors import BenchError, StoreError
from bench.files import read_json, write_json
from bench.fingerprint import fingerprint, source_hash
from bench.pipeline import Composite, is_seeded
from bench.plugins import Plugin

META = "fit.json"


class FitStore:
    """Fits components, taking over a stored fit where there is one; parts of a system are stored by themselves.

    seconds: what all fits cost when they were computed. cached: whether at least one was taken over and none computed.
    """

    def __init__(self, folder: Path, plugins: dict[str, Plugin], dataset: str, *, refit: bool = False) -> None:
        self.seconds = 0.0
        self._folder = folder
        self._plugins = plugins
        self._dataset = dataset
        self._refit = refit
        self._taken = self._computed = 0
        self._done: set[int] = set()

    @property
    def cached(self) -> bool:
        """Whether this process learned nothing itself."""
        return self._taken > 0 and self._computed == 0

    def fit(self, component: Component, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit a component and, before it, its parts; the signature is that of ``Env.fitter``."""
        if id(component) in self._done:
            return
        self._done.add(id(component))
        if isinstance(component, Composite):
            for part in component.components:
                self.fit(part, train, dev, env)
        if type(component).fit is Component.fit:
            return
        place = self._folder / self.key(component, env)
        stored = type(component).save is not Component.save and type(component).load is not Component.load
        if stored and not self._refit and (place / META).is_file():
            component.load(place)
            self.seconds += float(read_json(place / META)["seconds"])
            self._taken += 1
            return
        start = perf_counter()
        component.fit(train, dev, replace(env, fitter=self.fit))
        seconds = perf_counter() - start
        self.seconds += seconds
        self._computed += 1
        if stored:
            self._keep(component, place, seconds)

    def key(self, component: Component, env: Env) -> str:
        """Name of the folder: the system, its source, the data it learns from, and the seed if that matters."""
        spec = str(canonical(component))
        sources = {name: source_of(self._plugins[name]) for name in sorted(names_of(component))}
        seed = env.seed if is_seeded(component) else None
        kind = type(component).__name__
        digest = fingerprint({"spec": spec, "kind": kind, "sources": sources, "data": self._dataset, "seed": seed})
        return f"{spec.partition(':')[0].replace('/', '-')[:40]}-{digest}"

    def _keep(self, component: Component, place: Path, seconds: float) -> None:
        """Save into a folder of its own and move it into place, so that a killed process leaves no half fit."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = Path(mkdtemp(prefix=".new-", dir=self._folder))
        except OSError as error:
            raise StoreError(f"cannot keep a fit in {self._folder}: {error.strerror}") from None
        try:
            component.save(fresh)
            write_json(fresh / META, {"seconds": seconds, "spec": str(canonical(component))})
            if place.exists():
                shutil.rmtree(place)
            fresh.rename(place)
        except BenchError:
            raise
        except OSError as error:
            if not (place / META).is_file():  # another process may have put the same fit there first
                raise StoreError(f"cannot keep a fit in {place}: {error.strerror}") from None
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def names_of(component: Component) -> set[str]:
    """Names of all retrievers and scorers that a system is made of."""
    if isinstance(component, Composite):
        return set().union(*map(names_of, component.components))
    return {name_of(component)}


def source_of(plugin: Plugin) -> str:
    """What changes when a plug-in's source changes."""
    return source_hash(plugin.path) if plugin.path else plugin.origin
