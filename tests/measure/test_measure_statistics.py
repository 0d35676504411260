"""Error bars cover, tests keep their level, and too few questions say so."""

import tracemalloc
from itertools import pairwise, product
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, ttest_rel

from bench.measure import resampling
from bench.measure.statistics import bootstrap_interval, holm, paired_difference


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
        a, b = rng.integers(2, size=(2, 200)).astype(float)
        found = paired_difference(a, b)
        assert found.difference == pytest.approx(a.mean() - b.mean(), abs=1e-15)
        assert (found.low, found.high) == pytest.approx(bootstrap_interval(a - b), abs=1e-12)
        assert found.low < found.difference < found.high

    def test_five_wins_out_of_five_have_p_of_one_sixteenth(self):
        assert paired_difference([1] * 5, [0] * 5).p == 2 / 2**5

    def test_ties_between_the_systems_say_nothing(self):
        assert paired_difference([1] * 5 + [1] * 100, [0] * 5 + [1] * 100).p == 2 / 2**5

    def test_equal_systems_have_p_1_and_may_differ_on_questions_not_seen(self):
        found = paired_difference([0.5] * 100, [0.5] * 100)
        most = 1 - 0.025 ** (1 / 100)
        assert (found.difference, found.p) == (0, 1)
        assert (found.low, found.high) == pytest.approx((-most, most), rel=0.06)

    def test_an_interval_of_nothing_but_wins_agrees_with_its_p(self):
        found = paired_difference([1] * 5, [0] * 5)
        assert found.p > 0.05
        assert (found.low, found.high) == pytest.approx((1 - 2 * (1 - 0.025 ** (1 / 5)), 1), abs=0.03)

    def test_a_difference_might_have_had_the_other_sign(self):
        few, many = (paired_difference([1] * wins + [0] * (60 - wins), [0] * 60) for wins in (4, 12))
        assert few.low < 0 < few.p - 0.05
        assert many.p - 0.05 < 0 < many.low

    def test_no_difference_on_no_known_scale_has_no_interval(self):
        found = paired_difference([2.0, 3.0], [2.0, 3.0])
        assert (found.difference, found.p) == (0, 1)
        assert isnan(found.low)
        assert isnan(found.high)

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


class TestEffect:
    def test_it_is_the_t_statistic_over_root_n(self):
        rng = np.random.default_rng(0)
        a, b = rng.random(80) + 0.1, rng.random(80)
        assert paired_difference(a, b).effect == pytest.approx(ttest_rel(a, b).statistic / sqrt(80))

    def test_its_interval_has_the_width_of_normal_theory(self):
        found = paired_difference(np.random.default_rng(1).normal(0.5, 1, 2000), np.zeros(2000))
        error = sqrt((1 + found.effect**2 / 2) / 2000)
        assert found.effect_low == pytest.approx(found.effect - 1.96 * error, abs=0.25 * error)
        assert found.effect_high == pytest.approx(found.effect + 1.96 * error, abs=0.25 * error)

    def test_the_unit_of_the_measure_does_not_matter(self):
        a, b = np.random.default_rng(0).random((2, 100))
        one, other = paired_difference(a, b), paired_difference(100 * a, 100 * b)
        effects = [(found.effect, found.effect_low, found.effect_high) for found in (one, other)]
        assert effects[0] == pytest.approx(effects[1])

    def test_copies_within_groups_add_no_certainty(self):
        a, b = np.random.default_rng(0).random((2, 200))
        groups = [f"{i:03d}" for i in range(200) for _ in range(4)]
        once, copied = paired_difference(a, b), paired_difference(np.repeat(a, 4), np.repeat(b, 4), groups)
        assert copied.effect == pytest.approx(once.effect, rel=0.005)
        assert copied.effect_high - copied.effect_low == pytest.approx(once.effect_high - once.effect_low, rel=0.005)

    @pytest.mark.parametrize(
        ("a", "groups"), [([1, 1, 1], None), ([0.2] * 4, None), ([1], None), ([1, 0, 1], ["t"] * 3)]
    )
    def test_without_spread_there_is_none(self, a, groups):
        found = paired_difference(a, [0] * len(a), groups)
        assert all(isnan(value) for value in (found.effect, found.effect_low, found.effect_high, found.detectable))


class TestDetectable:
    def test_a_thousand_questions_of_which_a_fifth_differ_reveal_four_points(self):
        # Standard deviation sqrt(.2), standard error .0141, and 1.962 + .842 of these.
        differences = np.repeat([1.0, -1.0, 0.0], [100, 100, 800])
        found = paired_difference(np.maximum(differences, 0), np.maximum(-differences, 0))
        assert found.detectable == pytest.approx(2.8044 * sqrt(0.2 / 999), rel=1e-4)

    def test_copies_within_groups_reveal_nothing_smaller(self):
        a, b = np.random.default_rng(0).random((2, 200))
        groups = [str(i) for i in range(200) for _ in range(4)]
        once, copied = paired_difference(a, b), paired_difference(np.repeat(a, 4), np.repeat(b, 4), groups)
        assert copied.detectable == pytest.approx(once.detectable)


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

    def test_p_is_uniform_where_systems_are_equal(self):
        rng = np.random.default_rng(0)
        p = np.array([paired_difference(*rng.random((2, 40)), resamples=999).p for _ in range(1000)])
        assert 0.03 < np.mean(p <= 0.05) < 0.07
        assert 0.45 < np.mean(p <= 0.5) < 0.55

    @pytest.mark.parametrize("n", [20, 100])
    def test_intervals_of_difference_and_effect_cover_them(self, n):
        samples = np.random.default_rng(n).normal(0.3, 1, size=(1000, n))
        found = [paired_difference(sample, np.zeros(n), resamples=999) for sample in samples]
        assert 0.93 < np.mean([one.low <= 0.3 <= one.high for one in found]) < 0.995
        assert 0.925 < np.mean([one.effect_low <= 0.3 <= one.effect_high for one in found]) < 0.97
