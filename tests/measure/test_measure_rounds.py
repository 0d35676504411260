"""Percentiles over rounds: every round weighs alike, and intervals are those of order statistics."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.percentiles import percentile_interval, percentiles
from bench.measure.rounds import median_interval, round_percentiles, tail_interval

LEVELS = (50, 90, 95, 99)

rounds_of_equal_size = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.floats(1e-6, 10), min_size=n, max_size=n), min_size=1, max_size=12)
)


@given(rounds_of_equal_size)
def test_rounds_of_equal_size_are_pooled(rounds):
    samples = [seconds for one in rounds for seconds in one]
    assert round_percentiles(rounds, LEVELS) == percentiles(samples, LEVELS)
    for level in LEVELS:
        assert tail_interval(rounds, level) == percentile_interval(samples, level)


def test_a_slow_round_with_few_samples_weighs_as_much_as_a_fast_one():
    """Of four rounds three took 3 s; pooled, the 100 samples of the fast one would make the median 1 s."""
    rounds = [[1.0] * 100, [3.0] * 30, [3.0] * 30, [3.0] * 30]
    assert np.median(np.concatenate(rounds)) == 1.0
    assert round_percentiles(rounds, [50]) == {50: 3.0}


@given(st.lists(st.lists(st.floats(1e-6, 10), min_size=20, max_size=40), min_size=1, max_size=8))
def test_a_percentile_is_the_one_of_rounds_repeated_to_equal_size(rounds):
    """Each sample as often as makes all rounds equally large: then nothing need be weighed."""
    size = np.lcm.reduce([len(one) for one in rounds])
    if size > 100_000 or len({len(one) for one in rounds}) == 1:
        return
    repeated = np.concatenate([np.repeat(one, size // len(one)) for one in rounds])
    for level, found in round_percentiles(rounds, (50, 90)).items():
        if found is not None:
            assert found == np.percentile(repeated, level, method="inverted_cdf")


def test_unequal_weights_count_as_fewer_samples():
    """Rounds of 90 and 10: (2)^2 / (90 / 90^2 + 10 / 10^2) = 36 samples of equal weight, too few for a p90."""
    rounds = [[1.0] * 90, [2.0] * 10]
    assert round_percentiles(rounds, [90])[90] is None
    assert percentiles([1.0] * 100, [90])[90] is not None


def test_the_interval_of_the_median_takes_a_round_as_one_sample():
    """Of ten medians the second and the ninth: 1 - 2 * 11 / 1024 = 97.9%; of five not even the ends suffice."""
    rounds = [[float(at)] * (10 + at) for at in range(10)]
    assert median_interval(rounds) == (1.0, 8.0)
    assert median_interval(rounds[:5]) is None


def test_the_interval_of_the_median_covers_it_where_rounds_drift():
    """Pooled searches of drifting rounds would cover the true median far too rarely."""
    rng = np.random.default_rng(0)
    hits = {"rounds": 0, "pooled": 0}
    for _ in range(200):
        rounds = np.exp(rng.normal(scale=0.1, size=(10, 1)) + rng.normal(scale=0.05, size=(10, 50)))
        intervals = {"rounds": median_interval(rounds.tolist()), "pooled": percentile_interval(rounds.ravel(), 50)}
        for name, (low, high) in intervals.items():
            hits[name] += low <= 1 <= high
    assert hits["rounds"] >= 188
    assert hits["pooled"] < 120


def test_no_samples_have_neither():
    assert round_percentiles([], LEVELS) == dict.fromkeys(LEVELS)
    assert median_interval([]) is None
    assert tail_interval([], 95) is None


def test_a_tail_lies_in_its_interval_whatever_the_rounds_hold():
    rng = np.random.default_rng(1)
    rounds = [rng.gamma(2, size=n).tolist() for n in (100, 100, 40, 70, 100, 25)]
    for level in (90, 95):
        low, high = tail_interval(rounds, level)
        assert low <= round_percentiles(rounds, [level])[level] <= high
