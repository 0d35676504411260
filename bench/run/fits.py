"""Stored fits: what a system learned is kept by fit fingerprint, so that another k, pool or device does not learn again."""

import shutil
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter
from typing import Any

from bench import combining, ensemble, explanation, occlusion, pipeline, shares
from bench.api import Component, Env, Pairs
from bench.build import fit_spec, name_of
from bench.errors import BenchError, StoreError
from bench.files import read_json, write_json
from bench.fingerprint import fingerprint, source_hash
from bench.measure.machine import versions
from bench.measure.memory import cuda_peak_bytes, peak_bytes
from bench.pipeline import Composite, contents_of, env_for, is_seeded
from bench.plugins import Plugin

META = "fit.json"
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "numba", "PyStemmer")
"""Another version of these may learn something else."""
PRETRAINED = ("sentence-transformers", "transformers", "tokenizers")
"""The same for systems of which a part is one of ``PRETRAINED_NAMES``."""
PRETRAINED_NAMES = frozenset({"sentence-transformer", "cross-encoder"})
VECTORS = ("gensim",)
"""The same where a part's parameter ``vectors`` is set."""

DAY = 86_400.0
MONTH = 30
"""Days after which nobody will continue a fit that was killed."""


class FitStore:
    """Fits components, taking over a stored fit where there is one; parts of a system are stored by themselves.

    seconds: what all fits cost when they were computed. cached: whether at least one was taken over.
    device: where the learning was done, empty if nothing was learned. peak, cuda_peak: largest memory (bytes) of any fit.

    checkpoints: where a fit under way keeps what it has reached, in a folder of its own, until it is stored; so a killed one
    is continued. None: nowhere.
    """

    def __init__(
        self,
        folder: Path,
        plugins: Mapping[str, Plugin],
        dataset: str,
        *,
        refit: bool = False,
        checkpoints: Path | None = None,
    ) -> None:
        self.seconds = 0.0
        self.device = ""
        self.peak: int | None = None
        self.cuda_peak: int | None = None
        self._folder = folder
        self._plugins = plugins
        self._dataset = dataset
        self._refit = refit
        self._checkpoints = checkpoints
        self._taken = self._computed = self._kept = 0
        self._done: set[int] = set()

    @property
    def cached(self) -> bool:
        """Whether some of what the seconds tell was learned before, perhaps with other threads."""
        return self._taken > 0

    @property
    def renewable(self) -> bool:
        """Whether this process has learned something, all of which another one could take over."""
        return self._computed > 0 and self._computed == self._kept

    def fit(self, component: Component, train: Pairs, dev: Pairs, env: Env) -> None:
        """Fit a component on a device it can use and, before it, its parts; the signature is that of ``Env.fitter``."""
        if id(component) in self._done:
            return
        self._done.add(id(component))
        env = env_for(component, env)
        if isinstance(component, Composite):
            for number, part in enumerate(component.components):
                self.fit(part, train, dev, self._env_of(component, number, env))
        if type(component).fit is Component.fit:
            return
        key = self.key(component, env)
        place = self._folder / key
        stored = type(component).save is not Component.save and type(component).load is not Component.load
        if stored and not self._refit and (place / META).is_file():
            self._account(_loaded(component, place))
            self._taken += 1
            return
        under_way = self._checkpoints / key if stored and self._checkpoints is not None else None
        if self._refit:  # also from what another job of the run would take over if this one dies
            _remove(under_way)
            _remove(place if stored else None)
        start = perf_counter()
        own = replace(env, fitter=self.fit, stages={}, checkpoints=under_way)
        component.fit(train, dev, own)
        place = self._folder / self.key(component, env)  # what a model of a hub is becomes known when it is loaded
        before = own.stages.get("resumed", 0.0)  # what a killed fit had spent is part of the cost
        seconds = before + perf_counter() - start
        meta = {
            "spec": str(fit_spec(component)),
            "seconds": seconds,
            "device": env.device,
            "peak": peak_bytes(),
            "cuda_peak": cuda_peak_bytes(env.device),
        }
        self._account(meta)
        self._computed += 1
        if stored and self._keep(component, place, meta):
            _remove(under_way)

    def key(self, component: Component, env: Env) -> str:
        """Name of the folder: what of the system a fit reads, its source, the data, and the seed if that matters."""
        spec = str(fit_spec(component))
        sources = sources_of(component, self._plugins)
        seed = env.seed if is_seeded(component) else None
        parts = {
            "spec": spec,
            "kind": type(component).__name__,
            "sources": sources,
            "data": self._dataset,
            "seed": seed,
        }
        digest = fingerprint(
            {**parts, "versions": versions(libraries_of(component)), "contents": contents_of(component)}
        )
        return f"{spec.partition(':')[0].replace('/', '-')[:40]}-{digest}"

    def _env_of(self, system: Composite, number: int, env: Env) -> Env:
        """The surroundings of a part of a system; each part has logs of its own."""
        env = system.env_of(number, env)
        part = system.components[number]
        return env if env.logs is None else replace(env, logs=env.logs / self.key(part, env_for(part, env)))

    def _account(self, meta: Mapping[str, Any]) -> None:
        """Add a fit's cost; a part that took no time to speak of (nothing to learn) does not say where learning was done."""
        self.seconds += float(meta["seconds"])
        self.peak = max(self.peak or 0, int(meta["peak"]))
        if meta["cuda_peak"] is not None:
            self.cuda_peak = max(self.cuda_peak or 0, int(meta["cuda_peak"]))
        if self.device != "cuda":
            self.device = str(meta["device"])

    def _keep(self, component: Component, place: Path, meta: Mapping[str, Any]) -> bool:
        """Save into a folder of its own and move it into place, so that a killed process leaves no half fit.

        Returns whether it is kept. What cannot be kept is told on standard error and costs a later run its time, not this
        one its result.
        """
        fresh = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            fresh = Path(mkdtemp(prefix=".new-", dir=self._folder))
            component.save(fresh)
            write_json(fresh / META, meta)
            if self._refit:
                shutil.rmtree(place, ignore_errors=True)
            if not (place / META).is_file():  # else another process has put the same fit there first
                shutil.rmtree(place, ignore_errors=True)
                fresh.rename(place)
            self._kept += 1
        except (OSError, BenchError) as error:
            warnings.warn(f"the fit of {meta['spec']} could not be kept in {self._folder}: {error}", stacklevel=2)
            return False
        else:
            return True
        finally:
            if fresh is not None:
                shutil.rmtree(fresh, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what killed processes left behind."""
        left = [(folder, 1) for folder in self._folder.glob(".new-*")]
        if self._checkpoints is not None:
            left += [(folder, MONTH) for folder in self._checkpoints.glob("*")]
        for folder, days in left:
            with suppress(FileNotFoundError):  # another process has just removed it
                if time.time() - folder.stat().st_mtime > days * DAY:
                    _remove(folder)


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _loaded(component: Component, place: Path) -> dict[str, Any]:
    """Take over a stored fit; returns what it cost. StoreError says how to be rid of a damaged one."""
    try:
        component.load(place)
        meta: dict[str, Any] = read_json(place / META)
    except Exception as error:
        raise StoreError(f"the stored fit in {place} is damaged ({error}); run with --refit") from error
    return meta


def names_of(component: Component) -> set[str]:
    """Names of all retrievers and scorers that a system is made of."""
    return {name_of(part) for part in _parts(component)}


def libraries_of(component: Component) -> tuple[str, ...]:
    """Packages whose version decides what a system learns: an extra that it does not use is none of them."""
    parts = _parts(component)
    pretrained = PRETRAINED if PRETRAINED_NAMES & {name_of(part) for part in parts} else ()
    return LIBRARIES + pretrained + (VECTORS if any(getattr(part, "vectors", "") for part in parts) else ())


def _parts(component: Component) -> list[Component]:
    if isinstance(component, Composite):
        return [part for inner in component.components for part in _parts(inner)]
    return [component]


def sources_of(component: Component, plugins: Mapping[str, Plugin]) -> dict[str, str]:
    """Hash of the source of every part by name, and of what combines them."""
    found = {name: source_of(plugins[name]) for name in sorted(names_of(component))}
    if isinstance(component, Composite):
        combine = (pipeline, combining, ensemble) if _has_ensemble(component) else (pipeline, combining)
        found.update({m.__name__: source_hash(Path(m.__file__), _wording()) for m in combine if m.__file__})
    return found


def _has_ensemble(component: Component) -> bool:
    inside = component.components if isinstance(component, Composite) else ()
    return isinstance(component, ensemble.Ensemble) or any(map(_has_ensemble, inside))


def _wording() -> set[Path]:
    """The files that say why a document matched, and decide no score."""
    return {Path(m.__file__).resolve() for m in (explanation, occlusion, shares) if m.__file__}


def source_of(plugin: Plugin) -> str:
    """What changes when a plug-in's source changes."""
    return source_hash(plugin.path) if plugin.path else plugin.origin
