"""What to try next: optuna's tree-structured Parzen estimator, asked afresh for every trial.

A proposal depends on the earlier trials, the seed and its own number alone, so that a search that was interrupted goes on
as if it had not been. Nothing is pruned: a retriever tells no value before its fit has ended, and where it would, schedules
of different lengths could not be compared half-way.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from bench.api import Range
from bench.data.tables.extras import needed
from bench.outcome import Trial
from bench.run.search_space import Dimension, Value

DRAWS = 20
"""Proposals that may repeat an earlier trial before what is left is looked up."""
COUNTABLE = 10_000
WORST = 0.0
"""What a failed trial counts for the sampler (RR@10 cannot be less), so that it leaves that corner."""

Values = dict[str, Value]


def require_optuna() -> Any:
    """The library; DataError says how to get it."""
    return needed("optuna", extra="tune", what="--tune")


def propose(dimensions: Sequence[Dimension], trials: Sequence[Trial], seed: int) -> Values | None:
    """Values that no trial has had, by the names of the dimensions; None where there are none left.

    TPE: Bergstra, Bardenet, Bengio and Kegl, Algorithms for hyper-parameter optimization, NIPS 2011.
    """
    optuna = require_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it tells of every study on standard error
    distributions = {one.name: _distribution(optuna, one) for one in dimensions}
    known = [
        optuna.trial.create_trial(
            params=dict(trial.values),
            distributions=distributions,
            value=WORST if trial.dev is None else trial.dev,
        )
        for trial in trials
        if all(trial.values[one.name] in one for one in dimensions)  # what was given may lie outside
    ]
    tried = [dict(trial.values) for trial in trials]
    rng = np.random.default_rng([seed, len(trials)])
    for draw in rng.integers(2**31, size=DRAWS):
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=int(draw)))
        study.add_trials(known)
        asked = study.ask(distributions).params
        values = {one.name: one.near(asked[one.name]) for one in dimensions}
        if values not in tried:
            return values
    left = [values for values in _all(dimensions) if values not in tried]
    return left[rng.integers(len(left))] if left else None


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    values, kinds = dimension.values, optuna.distributions
    if not isinstance(values, Range):
        return kinds.CategoricalDistribution(values)
    if dimension.whole:
        return kinds.IntDistribution(int(values.low), int(values.high), log=values.log)
    return kinds.FloatDistribution(values.low, values.high, log=values.log)


def _all(dimensions: Sequence[Dimension]) -> list[Values]:
    """Every choice of values where these can be counted."""
    if prod(one.size for one in dimensions) > COUNTABLE:
        return []
    columns = [
        range(int(one.values.low), int(one.values.high) + 1) if isinstance(one.values, Range) else one.values
        for one in dimensions
    ]
    names = [one.name for one in dimensions]
    return [dict(zip(names, row, strict=True)) for row in product(*columns)]
