"""Ratios of times: drift common to both cancels where rounds are paired, intervals are Student's and cover."""

from math import exp, isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp, ttest_ind

from bench.measure.ratios import paired_ratio, unpaired_ratio

seconds = st.floats(1e-6, 1e3)
rounds = st.lists(st.lists(seconds, min_size=1, max_size=5), min_size=1, max_size=6)


def noisy(rng, count, factor=1.0, spread=0.05):
    """Rounds of 15 samples whose level wobbles from round to round."""
    return factor * rng.lognormal(0, 0.2, (count, 15)) * rng.lognormal(0, spread, (count, 1))


def log_medians(samples):
    return np.log(np.median(samples, axis=1))


class TestPaired:
    def test_hand_values(self):
        # Medians 2, 4, 8 over 1, 1, 1: logarithms 1, 2, 3 in powers of two, mean 2, standard error 1 / sqrt 3.
        found = paired_ratio([[1, 2, 9], [4], [8, 8]], [[1], [1, 1], [0.5, 1, 7]])
        half = 4.302653 / sqrt(3) * log(2)
        assert found == pytest.approx((4, 4 * exp(-half), 4 * exp(half)))

    def test_interval_is_students_on_the_logarithms(self):
        rng = np.random.default_rng(0)
        a, b = noisy(rng, 8, 3), noisy(rng, 8)
        expected = ttest_1samp(log_medians(a) - log_medians(b), 0).confidence_interval(0.9)
        assert paired_ratio(a.tolist(), b.tolist(), level=0.9)[1:] == pytest.approx(np.exp(expected))

    def test_drift_that_hits_both_cancels(self):
        rng = np.random.default_rng(0)
        a, b, drift = noisy(rng, 6, 2), noisy(rng, 6), rng.lognormal(0, 1, (6, 1))
        assert paired_ratio((a * drift).tolist(), (b * drift).tolist()) == pytest.approx(
            paired_ratio(a.tolist(), b.tolist())
        )

    @given(rounds, st.data())
    def test_swapping_the_systems_inverts_it(self, a, data):
        b = data.draw(st.lists(st.lists(seconds, min_size=1), min_size=len(a), max_size=len(a)))
        forth, back = paired_ratio(a, b), paired_ratio(b, a)
        inverted = 1 / back.ratio, 1 / back.high if back.high else np.inf, 1 / back.low if back.low else np.inf
        assert forth == pytest.approx(inverted, rel=1e-6, nan_ok=True)

    def test_rounds_must_match(self):
        with pytest.raises(ValueError, match="paired rounds differ in number: 1 and 2"):
            paired_ratio([[1.0]], [[1.0], [1.0]])


class TestUnpaired:
    def test_interval_is_welchs_on_the_logarithms(self):
        rng = np.random.default_rng(0)
        a, b = noisy(rng, 4, 3), noisy(rng, 9, spread=0.3)
        found = unpaired_ratio(a.tolist(), b.tolist())
        expected = ttest_ind(log_medians(a), log_medians(b), equal_var=False).confidence_interval()
        assert found[1:] == pytest.approx(np.exp(expected))
        assert found.ratio == pytest.approx(exp(log_medians(a).mean() - log_medians(b).mean()))

    def test_the_order_of_rounds_does_not_matter(self):
        rng = np.random.default_rng(0)
        a, b = noisy(rng, 5).tolist(), noisy(rng, 5).tolist()
        assert unpaired_ratio(a, b) == pytest.approx(unpaired_ratio(a[::-1], b))
        assert paired_ratio(a, b) != pytest.approx(paired_ratio(a[::-1], b))


@pytest.mark.parametrize("compare", [paired_ratio, unpaired_ratio])
class TestBoth:
    def test_two_rounds_have_a_ratio_and_no_interval(self, compare):
        found = compare([[2.0], [8.0]], [[1.0], [1.0]])
        assert found.ratio == pytest.approx(4)
        assert isnan(found.low)
        assert isnan(found.high)

    def test_rounds_without_spread_have_no_interval(self, compare):
        found = compare([[2.0]] * 5, [[1.0]] * 5)
        assert found.ratio == pytest.approx(2)
        assert isnan(found.low)

    @pytest.mark.parametrize("bad", [[], [[1.0], []], [[0.0]], [[-1.0]], [[float("nan")]]])
    def test_what_is_no_time_is_refused(self, compare, bad):
        with pytest.raises(ValueError, match="positive seconds"):
            compare(bad, [[1.0]])

    @pytest.mark.parametrize("count", [3, 5, 10])
    def test_intervals_cover_the_truth(self, compare, count):
        rng = np.random.default_rng(count)
        found = [compare(noisy(rng, count, 1.5).tolist(), noisy(rng, count).tolist()) for _ in range(1000)]
        assert 0.93 < np.mean([one.low <= 1.5 <= one.high for one in found]) < 0.985
