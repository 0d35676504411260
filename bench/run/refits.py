"""``--refit`` learns anew, but each thing once: the jobs of a run share what the first of them has learned."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from bench.api import Component, Env, Retriever
from bench.build import build, fit_spec
from bench.pipeline import Composite, env_for, is_seeded
from bench.plugins import Plugin
from bench.run.job import Job
from bench.spec import parse

Fit = tuple[str, str, int | None]
"""Kind of a component, spec of all that share its fit, seed if that matters."""


def learned_once(jobs: Iterable[Job], plugins: Mapping[str, Plugin]) -> tuple[Job, ...]:
    """The jobs, of which one that finds all that it learns learned before, in this run, takes it over despite ``--refit``."""

    @cache
    def system(spec: str) -> Retriever:
        return build(parse(spec), plugins)

    known: set[tuple[Fit, int | None]] = set()
    found = []
    for job in jobs:
        own = {(fit, job.train_pairs) for fit in fits_of(system(job.spec), Env(job.device, job.seed))}
        found.append(replace(job, refit=job.refit and not own <= known))
        known |= own
    return tuple(found)


def fits_of(component: Component, env: Env) -> set[Fit]:
    """What is learned for a component, its parts included, as ``FitStore`` keeps it apart."""
    env = env_for(component, env)
    found = set[Fit]()
    if type(component).fit is not Component.fit:
        seed = env.seed if is_seeded(component) else None
        found.add((type(component).__name__, str(fit_spec(component)), seed))
    if isinstance(component, Composite):
        for number, part in enumerate(component.components):
            found |= fits_of(part, component.env_of(number, env))
    return found
