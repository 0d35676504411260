"""The error bars of a mean cover it, with groups and without, and too few questions say so."""

import tracemalloc
from itertools import pairwise
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from bench.measure import resampling
from bench.measure.statistics import bootstrap_interval


def binary(successes, n):
    return np.arange(n) < successes


class TestBootstrap:
    @pytest.mark.parametrize("successes", [0, 1, 2, 10, 25, 49, 50])
    def test_share_of_successes_has_clopper_and_pearsons_interval(self, successes):
        low, high = bootstrap_interval(binary(successes, 50))
        exact = beta.ppf(0.025, successes, 51 - successes), beta.ppf(0.975, successes + 1, 50 - successes)
        assert (low, high) == pytest.approx((np.nan_to_num(exact[0]), np.nan_to_num(exact[1], nan=1)), abs=0.006)

    def test_half_width_at_one_half_is_98_over_root_n(self):
        low, high = bootstrap_interval(binary(5000, 10_000))
        assert (high - low) / 2 == pytest.approx(0.98 / 100, rel=0.03)

    @pytest.mark.parametrize("n", [50, 300, 1337])
    def test_n_right_of_n_may_have_missed_about_three_in_n(self, n):
        low, high = bootstrap_interval(np.ones(n), level=0.9)
        assert high == 1
        assert (1 - low) * n == pytest.approx(3, rel=0.06)

    def test_one_more_success_moves_both_bounds_up(self):
        intervals = [bootstrap_interval(binary(k, 50)) for k in range(51)]
        assert all(fewer[0] < more[0] for fewer, more in pairwise(intervals))
        assert all(fewer[1] < more[1] for fewer, more in pairwise(intervals[:50]))

    def test_continuous_values_have_students_interval(self):
        values = np.random.default_rng(0).normal(5, 1, 400)
        half = 1.966 * values.std(ddof=1) / 20
        # One observation more at an end moves a bound by at most its distance from the mean over n.
        room = 0.05 * half + np.ptp(values) / 2 / 400
        assert bootstrap_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=room)

    @given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.data())
    def test_a_mean_of_values_between_0_and_1_lies_in_its_interval_and_that_between_0_and_1(self, values, data):
        groups = data.draw(st.none() | st.lists(st.sampled_from("abcdef"), min_size=len(values), max_size=len(values)))
        low, high = bootstrap_interval(values, groups, resamples=500)
        if groups is not None and len(set(groups)) == 1:
            assert isnan(low)
        else:
            assert 0 <= low <= np.mean(values) + 1e-12
            assert np.mean(values) - 1e-12 <= high <= 1

    def test_a_lower_level_is_narrower(self):
        values = np.random.default_rng(0).random(2000)
        (low95, high95), (low80, high80) = (bootstrap_interval(values, level=level) for level in (0.95, 0.8))
        assert low95 < low80 < values.mean() < high80 < high95
        assert (high80 - low80) / (high95 - low95) == pytest.approx(1.2816 / 1.96, rel=0.05)

    @pytest.mark.parametrize("groups", [None, [f"{i % 500}" for i in range(2000)]])
    def test_drawing_counts_is_drawing_values(self, monkeypatch, groups):
        values = np.random.default_rng(0).integers(2, size=2000)
        by_counts = bootstrap_interval(values, groups)
        monkeypatch.setattr(resampling, "_REPEATS", 10**9)
        assert bootstrap_interval(values, groups) == pytest.approx(by_counts, abs=0.002)
        assert bootstrap_interval(values, groups) != by_counts

    def test_a_seed_fixes_it(self):
        values = np.random.default_rng(0).random(100)
        assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
        assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)

    @pytest.mark.parametrize("groups", [None, [str(number // 2) for number in range(100)]])
    def test_equal_values_leave_room_for_what_was_not_seen(self, groups):
        unseen = 1 - 0.025 ** (1 / (100 if groups is None else 50))
        expected = 0.1 * (1 - unseen), 0.1 + 0.9 * unseen
        assert bootstrap_interval([0.1] * 100, groups) == pytest.approx(expected, rel=0.06)

    def test_groups_of_equal_means_are_equal_values(self):
        alternating, groups = [0, 1] * 50, [str(number // 2) for number in range(100)]
        assert bootstrap_interval(alternating, groups) == bootstrap_interval([0.5] * 100, groups)

    @pytest.mark.parametrize(
        ("values", "groups"),
        [([0.5], None), ([0.1, 0.9], ["a", "a"]), ([1, 1], ["a", "a"]), ([7, 7, 7], None), ([-0.1, -0.1], None)],
    )
    def test_one_observation_or_equal_ones_on_no_known_scale_have_no_interval(self, values, groups):
        assert all(isnan(bound) for bound in bootstrap_interval(values, groups))

    def test_memory_is_bounded(self):
        values = np.random.default_rng(0).random(100_000)
        tracemalloc.start()
        bootstrap_interval(values, resamples=20)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40e6

    @pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf], [[1.0]]])
    def test_what_has_no_mean_is_refused(self, values):
        with pytest.raises(ValueError, match="finite value"):
            bootstrap_interval(values)

    def test_every_value_needs_a_group(self):
        with pytest.raises(ValueError, match="2 groups for 3 values"):
            bootstrap_interval([1, 2, 3], ["a", "b"])


class TestGroups:
    def test_copies_of_a_value_in_one_group_add_no_certainty(self):
        base = np.random.default_rng(0).random(300)
        groups = [f"g{i:03d}" for i in range(300) for _ in range(5)]
        low, high = bootstrap_interval(base)
        clustered = bootstrap_interval(np.repeat(base, 5), groups)
        naive = bootstrap_interval(np.repeat(base, 5))
        assert clustered == pytest.approx((low, high), abs=1e-12)
        assert (high - low) / (naive[1] - naive[0]) == pytest.approx(5**0.5, rel=0.08)

    def test_a_resample_is_a_ratio_of_sums(self):
        # Large groups score high: the mean over questions is no mean over groups, and its error is a ratio's.
        rng = np.random.default_rng(0)
        sizes = rng.integers(1, 9, size=2000)
        per_group = np.where(sizes > 4, 0.8, 0.2) + rng.uniform(-0.2, 0.2, 2000)
        groups = np.repeat([f"{i}" for i in range(2000)], sizes).tolist()
        mean = (per_group * sizes).sum() / sizes.sum()
        error = sqrt(((per_group - mean) ** 2 * sizes**2).sum()) / sizes.sum()
        low, high = bootstrap_interval(np.repeat(per_group, sizes), groups)
        assert (low + high) / 2 == pytest.approx(mean, abs=0.1 * error)
        assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.05)

    def test_singleton_groups_are_no_groups(self):
        values = np.random.default_rng(0).random(50)
        by_group = bootstrap_interval(values, [f"{i:02d}" for i in range(50)])
        assert by_group == bootstrap_interval(values)


@pytest.mark.slow
class TestSimulation:
    def test_grouped_intervals_cover_where_naive_ones_do_not(self):
        rng = np.random.default_rng(0)
        groups = [f"g{i}" for i in range(100) for _ in range(4)]
        clustered, naive = [], []
        for _ in range(400):
            values = np.repeat(rng.random(100), 4) < 0.3
            for found, kind in ((clustered, groups), (naive, None)):
                low, high = bootstrap_interval(values, kind, resamples=1000)
                found.append(low <= 0.3 <= high)
        assert np.mean(clustered) > 0.93
        assert np.mean(naive) < 0.8
