"""A percentile is given with enough samples only, and its interval covers it."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bench.measure import statistics
from bench.measure.percentiles import percentile_interval, percentiles


class TestPercentiles:
    @pytest.mark.parametrize(
        ("percentile", "needed"), [(50, 10), (90, 50), (95, 100), (99, 500), (99.9, 5000), (5, 100)]
    )
    def test_a_percentile_needs_five_samples_beyond_it(self, percentile, needed):
        assert percentiles(np.arange(needed - 1), [percentile]) == {percentile: None}
        assert percentiles(np.arange(needed), [percentile])[percentile] == pytest.approx(
            percentile / 100 * (needed - 1)
        )

    @pytest.mark.parametrize(("p", "needed"), [(0.5, 10), (0.95, 100), (0.99, 500)])
    def test_the_largest_sample_is_then_hardly_ever_short_of_it(self, p, needed):
        assert p**needed < exp(-5)

    def test_values_are_those_of_the_sorted_samples(self):
        samples = np.random.default_rng(0).permutation(1001) / 1000
        assert percentiles(samples) == pytest.approx({50: 0.5, 95: 0.95, 99: 0.99})

    def test_extremes_and_nothing_have_none(self):
        assert percentiles(np.arange(10_000), (0, 100)) == {0: None, 100: None}
        assert percentiles([]) == {50: None, 95: None, 99: None}

    def test_the_statistics_still_offer_them(self):
        assert statistics.percentiles is percentiles


def indices(n, percentile, level=0.95):
    """Positions of the bounds in the sorted samples, from 1."""
    found = percentile_interval(np.arange(1, n + 1), percentile, level)
    return found and tuple(int(bound) for bound in found)


class TestInterval:
    # The published table of 95% intervals of a median, e.g. Altman and others, Statistics with Confidence, table 18.3.
    @pytest.mark.parametrize(
        ("n", "bounds"), [(5, None), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))]
    )
    def test_a_median_has_the_published_interval(self, n, bounds):
        assert indices(n, 50) == bounds

    @pytest.mark.parametrize(("percentile", "needed"), [(90, 36), (95, 72), (99, 368), (5, 72)])
    def test_a_bound_needs_a_sample_beyond_the_percentile_almost_surely(self, percentile, needed):
        share = max(percentile, 100 - percentile) / 100
        assert share**needed <= 0.025 < share ** (needed - 1)
        assert indices(needed - 1, percentile) is None
        assert indices(needed, percentile) is not None

    @given(st.integers(1, 600), st.integers(1, 99), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
    def test_it_is_the_narrowest_whose_tails_hold_half_of_what_is_left_each(self, n, percentile, level):
        tail, below = (1 - level) / 2, binom(n, percentile / 100)
        found = indices(n, percentile, level)
        if found is None:
            assert below.cdf(0) > tail or below.cdf(n - 1) < 1 - tail
            return
        low, high = found
        assert below.cdf(low - 1) <= tail < below.cdf(low)
        assert below.cdf(high - 1) >= 1 - tail > below.cdf(high - 2)

    def test_order_of_the_samples_does_not_matter(self):
        samples = np.random.default_rng(0).exponential(size=200)
        assert percentile_interval(samples, 90) == percentile_interval(samples[::-1], 90)

    def test_nothing_has_none(self):
        assert percentile_interval([], 50) is None
        assert percentile_interval([1.0], 50) is None

    @pytest.mark.parametrize("percentile", [50, 90, 99])
    def test_it_covers_the_truth_of_a_skewed_distribution(self, percentile):
        truth = -np.log(1 - percentile / 100)
        samples = np.random.default_rng(0).exponential(size=(2000, 600))
        found = [percentile_interval(sample, percentile) for sample in samples]
        assert 0.94 < np.mean([low <= truth <= high for low, high in found]) < 0.98
