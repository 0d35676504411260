"""Error bars cover, tests keep their level, and too few samples say so."""

import tracemalloc
from itertools import product
from math import exp, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import statistics
from bench.measure.statistics import bootstrap_interval, holm, paired_difference, percentiles


def binary(successes, n):
    return np.arange(n) < successes


class TestBootstrap:
    def test_share_of_successes_has_the_binomial_interval(self):
        low, high = bootstrap_interval(binary(300, 1000))
        assert low == pytest.approx(0.3 - 1.96 * (0.21 / 1000) ** 0.5, abs=0.001)
        assert high == pytest.approx(0.3 + 1.96 * (0.21 / 1000) ** 0.5, abs=0.001)

    def test_half_width_at_one_half_is_98_over_root_n(self):
        low, high = bootstrap_interval(binary(5000, 10_000))
        assert (high - low) / 2 == pytest.approx(0.98 / 100, rel=0.03)

    def test_two_values_can_only_give_three_means(self):
        assert bootstrap_interval([0, 1]) == (0.0, 1.0)

    def test_a_lower_level_is_narrower(self):
        values = np.random.default_rng(0).random(200)
        (low95, high95), (low80, high80) = (bootstrap_interval(values, level=level) for level in (0.95, 0.8))
        assert low95 < low80 < values.mean() < high80 < high95
        assert (high80 - low80) / (high95 - low95) == pytest.approx(1.2816 / 1.96, rel=0.05)

    def test_drawing_counts_is_drawing_values(self, monkeypatch):
        values = np.random.default_rng(0).integers(5, size=1000) / 4
        by_counts = bootstrap_interval(values)
        monkeypatch.setattr(statistics, "_REPEATS", 10**9)
        assert bootstrap_interval(values) == pytest.approx(by_counts, abs=0.002)
        assert bootstrap_interval(values) != by_counts

    def test_a_seed_fixes_it(self):
        values = np.random.default_rng(0).random(100)
        assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
        assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)

    @pytest.mark.parametrize("groups", [None, ["a", "b", "b"]])
    def test_equal_values_give_an_interval_without_width(self, groups):
        assert bootstrap_interval([0.1, 0.1, 0.1], groups) == (0.1, 0.1)

    @pytest.mark.parametrize(("values", "groups"), [([0.5], None), ([0.1, 0.9], ["a", "a"]), ([1, 1], ["a", "a"])])
    def test_one_observation_has_no_interval(self, values, groups):
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
        base = np.random.default_rng(0).random(60)
        groups = [f"g{i:02d}" for i in range(60) for _ in range(5)]
        low, high = bootstrap_interval(base)
        clustered = bootstrap_interval(np.repeat(base, 5), groups)
        naive = bootstrap_interval(np.repeat(base, 5))
        assert clustered == pytest.approx((low, high), abs=1e-12)
        assert (high - low) / (naive[1] - naive[0]) == pytest.approx(5**0.5, rel=0.05)

    def test_a_resample_is_a_ratio_of_sums(self):
        # Draws of {a: 1 in 1, b: 0 in 3}: both a 1/1, one of each 1/4, both b 0/6.
        assert bootstrap_interval([1, 0, 0, 0], ["a", "b", "b", "b"], level=0.6) == (0.0, 1.0)
        assert bootstrap_interval([1, 0, 0, 0], ["a", "b", "b", "b"], level=0.4) == (0.25, 0.25)

    def test_singleton_groups_are_no_groups(self):
        values = np.random.default_rng(0).random(50)
        by_group = bootstrap_interval(values, [f"{i:02d}" for i in range(50)])
        assert by_group == bootstrap_interval(values)


def exact_p(differences):
    """Two-sided p over all sign patterns, one by one."""
    observed = abs(sum(differences)) - 1e-9
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(total >= observed for total in sums) / len(sums)


class TestPairedDifference:
    def test_difference_and_interval_are_those_of_the_differences(self):
        rng = np.random.default_rng(0)
        a, b = rng.random(200), rng.random(200)
        found = paired_difference(a, b)
        assert found.difference == pytest.approx(a.mean() - b.mean(), abs=1e-15)
        assert (found.low, found.high) == bootstrap_interval(a - b)
        assert found.low < found.difference < found.high

    def test_five_wins_out_of_five_have_p_of_one_sixteenth(self):
        assert paired_difference([1] * 5, [0] * 5).p == 2 / 2**5

    def test_ties_between_the_systems_say_nothing(self):
        assert paired_difference([1] * 5 + [1] * 100, [0] * 5 + [1] * 100).p == 2 / 2**5

    def test_equal_systems_have_p_1(self):
        found = paired_difference([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
        assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)

    @given(st.lists(st.sampled_from([-1.0, -0.5, -0.1, 0.0, 0.1, 0.2, 0.3, 1.0]), min_size=1, max_size=10))
    def test_p_is_exact_while_every_pattern_can_be_seen(self, differences):
        found = paired_difference(differences, [0] * len(differences), resamples=1024)
        assert found.p == pytest.approx(exact_p(differences), abs=1e-12)

    @pytest.mark.parametrize("n", [14, 16, 17])
    def test_drawn_patterns_approach_the_exact_p(self, n):
        differences = np.round(np.random.default_rng(n).normal(0.3, 1, n), 1)
        moved = differences[differences != 0]
        signs = 1 - 2 * (np.arange(2 ** len(moved))[:, np.newaxis] >> np.arange(len(moved)) & 1)
        exact = np.mean(np.abs(signs @ moved) >= abs(moved.sum()) - 1e-9)
        found = paired_difference(differences, np.zeros(n)).p
        assert found == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)

    def test_swapping_the_systems_swaps_the_sign_alone(self):
        rng = np.random.default_rng(0)
        a, b = rng.random(100), rng.random(100) + 0.05
        forth, back = paired_difference(a, b), paired_difference(b, a)
        assert back.difference == -forth.difference
        assert back.p == forth.p

    def test_p_of_drawn_patterns_is_never_zero(self):
        assert paired_difference(np.ones(500), np.zeros(500), resamples=999).p == 1 / 1000

    def test_signs_of_a_group_flip_together(self):
        groups = ["a", "a", "b", "c", "c", "c"]
        a, b = np.array([1, 1, 0, 1, 0, 1]), np.zeros(6)
        assert paired_difference(a, b, groups).p == exact_p([2, 2])
        assert paired_difference(a, b).p == exact_p([1, 1, 1, 1])

    def test_a_single_group_proves_nothing(self):
        found = paired_difference([1.0] * 20, [0.0] * 20, ["thread"] * 20)
        assert found.p == 1
        assert isnan(found.low)

    def test_pairs_must_match(self):
        with pytest.raises(ValueError, match="paired values differ in number: 3 and 2"):
            paired_difference([1, 2, 3], [1, 2])


class TestHolm:
    def test_hand_values(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_one_test_needs_no_correction(self):
        assert holm([0.04]) == [0.04]
        assert holm([]) == []

    def test_adjusted_values_stop_at_1(self):
        assert holm([0.6, 0.9, 0.7]) == [1, 1, 1]

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_adjusting_keeps_the_order_and_lies_between_raw_and_bonferroni(self, p):
        adjusted = holm(p)
        order = np.argsort(p, kind="stable")
        assert np.all(np.diff(np.array(adjusted)[order]) >= 0)
        assert all(raw <= found <= min(1, raw * len(p)) for raw, found in zip(p, adjusted, strict=True))

    @pytest.mark.parametrize("p", [[-0.1], [1.1], [float("nan")]])
    def test_what_is_no_probability_is_refused(self, p):
        with pytest.raises(ValueError, match="must lie in"):
            holm(p)


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


@pytest.mark.slow
class TestSimulation:
    def test_intervals_cover_the_truth_as_often_as_they_say(self):
        rng = np.random.default_rng(0)
        samples = rng.random((1000, 200)) < 0.3
        covered = [low <= 0.3 <= high for low, high in (bootstrap_interval(s, resamples=1000) for s in samples)]
        assert 0.92 < np.mean(covered) < 0.97

    def test_grouped_intervals_cover_where_naive_ones_do_not(self):
        rng = np.random.default_rng(0)
        groups = [f"g{i}" for i in range(100) for _ in range(4)]
        clustered, naive = [], []
        for _ in range(400):
            values = np.repeat(rng.random(100), 4) < 0.3
            for found, kind in ((clustered, groups), (naive, None)):
                low, high = bootstrap_interval(values, kind, resamples=1000)
                found.append(low <= 0.3 <= high)
        assert np.mean(clustered) > 0.91
        assert np.mean(naive) < 0.8

    def test_equal_systems_are_told_apart_as_rarely_as_the_level_says(self):
        rng = np.random.default_rng(0)
        p = np.array([paired_difference(*rng.random((2, 40)), resamples=999).p for _ in range(1000)])
        assert 0.03 < np.mean(p <= 0.05) < 0.07
        assert 0.45 < np.mean(p <= 0.5) < 0.55
