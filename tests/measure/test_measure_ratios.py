"""Ratios of times: drift common to both cancels where rounds are paired; intervals cover."""

from math import exp, isnan, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, ttest_1samp

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

    def test_rounds_without_spread_have_no_interval(self):
        found = paired_ratio([[2.0]] * 5, [[1.0]] * 5)
        assert found.ratio == pytest.approx(2)
        assert isnan(found.low)

    def test_rounds_must_match(self):
        with pytest.raises(ValueError, match="paired rounds differ in number: 1 and 2"):
            paired_ratio([[1.0]], [[1.0], [1.0]])


class TestUnpaired:
    def test_hand_values(self):
        """The critical value of Mann and Whitney at 5%, two-sided, is 0 for 4 and 4 values, 23 for 10 and 10."""
        a, b = [[float(2**at)] for at in range(4)], [[1.0]] * 3 + [[2.0]]
        assert unpaired_ratio(a, b) == pytest.approx((2, 0.5, 8))
        steps = [[exp(0.01 * at)] for at in range(10)]
        apart = sorted(0.01 * (x - y) for x in range(10) for y in range(10))
        assert unpaired_ratio(steps, steps) == pytest.approx((1, exp(apart[23]), exp(apart[-24])))

    @pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 7), (10, 10), (12, 6)])
    def test_the_interval_holds_one_exactly_when_the_rank_sum_test_accepts(self, n, m):
        rng = np.random.default_rng(n)
        for _ in range(200):
            a, b = rng.lognormal(0.4, 0.5, (n, 1)), rng.lognormal(0, 0.5, (m, 1))
            found = unpaired_ratio(a.tolist(), b.tolist())
            accepted = mannwhitneyu(a.ravel(), b.ravel(), method="exact").pvalue > 0.05
            assert (found.low < 1 < found.high) == accepted

    def test_one_round_on_a_busy_machine_hardly_moves_it(self):
        rng = np.random.default_rng(0)
        a, b = noisy(rng, 10, 1.5), noisy(rng, 10)
        calm = unpaired_ratio(a.tolist(), b.tolist())
        b[3] *= 4
        busy = unpaired_ratio(a.tolist(), b.tolist())
        assert busy == pytest.approx(calm, rel=0.05)
        assert busy.low > 1.25

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

    @pytest.mark.parametrize("bad", [[], [[1.0], []], [[0.0]], [[-1.0]], [[float("nan")]]])
    def test_what_is_no_time_is_refused(self, compare, bad):
        with pytest.raises(ValueError, match="positive seconds"):
            compare(bad, [[1.0]])

    @pytest.mark.parametrize("count", [4, 5, 10])
    def test_intervals_cover_the_truth(self, compare, count):
        rng = np.random.default_rng(count)
        found = [compare(noisy(rng, count, 1.5).tolist(), noisy(rng, count).tolist()) for _ in range(1000)]
        assert 0.93 < np.mean([one.low <= 1.5 <= one.high for one in found]) < 0.985
