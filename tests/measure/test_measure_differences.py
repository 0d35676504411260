"""Differences between two systems on the same questions: their p, interval, effect, and what could have been detected."""

from itertools import product
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from bench.measure.statistics import bootstrap_interval, paired_difference


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
        assert 0 < paired_difference(np.ones(50_000), np.zeros(50_000), resamples=999).p < 1e-300

    @pytest.mark.parametrize("n", [13, 20, 40, 100])
    def test_where_no_drawn_pattern_is_as_large_p_is_a_bound_on_the_exact_one(self, n):
        found = paired_difference(np.ones(n), np.zeros(n), resamples=999).p
        assert 2.0 ** (1 - n) <= found == pytest.approx(min(1 / 1000, 2 * np.exp(-n / 2)))

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


@pytest.mark.slow
class TestSimulation:
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
