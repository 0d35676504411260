"""How long error bars and comparisons take: 10,000 resamples of 10,000 values."""

import numpy as np
import pytest

from bench.measure.statistics import bootstrap_interval, paired_difference
from bench.measure.tiers import tiers

QUERIES = 10_000
VALUES = np.random.default_rng(2).random(QUERIES)
KINDS = {
    "success": VALUES < 0.3,
    "reciprocal-rank": np.where(VALUES < 0.7, 1 / np.ceil(VALUES * 15), 0),
    "continuous": VALUES,
}
GROUPS = [None, [str(number // 3) for number in range(QUERIES)]]


@pytest.mark.parametrize("groups", GROUPS, ids=["ungrouped", "grouped"])
@pytest.mark.parametrize("kind", KINDS)
def test_bootstrap_interval(benchmark, kind, groups):
    low, high = benchmark(bootstrap_interval, KINDS[kind], groups)
    assert low < high


@pytest.mark.parametrize("groups", GROUPS, ids=["ungrouped", "grouped"])
@pytest.mark.parametrize("kind", KINDS)
def test_paired_difference(benchmark, kind, groups):
    values = KINDS[kind].astype(float)
    assert benchmark(paired_difference, values, np.roll(values, 1), groups).p <= 1


def test_tiers(benchmark):
    hits = [np.arange(QUERIES) % 100 < rate for rate in (90, 90, 89, 80, 80, 70)]
    assert benchmark(tiers, hits) == [1, 1, 2, 3, 3, 4]
