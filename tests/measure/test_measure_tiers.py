"""Systems that a test cannot tell from the best of their tier share it."""

import numpy as np
import pytest

from bench.measure.statistics import holm, paired_difference
from bench.measure.tiers import tiers


def hits(*counts, n=100):
    """0/1 values of systems that answer the first so many questions."""
    return [np.arange(n) < count for count in counts]


def test_tiers_begin_where_the_best_of_the_tier_is_significantly_better():
    # 5 questions more: p = 2 / 2^5 = .06; 20 more: p = 2 / 2^20.
    assert tiers(hits(90, 85, 65, 60, 40)) == [1, 1, 2, 2, 3]


def test_a_system_of_the_second_tier_is_compared_with_its_best_alone():
    # A step of 5 is never significant, 10 is: 90 and 85, then 80 and 75, then 70, though all steps are equal.
    assert tiers(hits(90, 85, 80, 75, 70)) == [1, 1, 2, 2, 3]


def test_one_system_is_the_first_tier():
    assert tiers(hits(50)) == [1]
    assert tiers([]) == []


def test_equal_systems_share_the_first_tier():
    assert tiers(hits(50, 50, 50)) == [1, 1, 1]


def test_the_number_of_comparisons_is_corrected_for():
    # 6 questions more: p = .031, significant alone, not as one of two.
    assert tiers(hits(90, 84)) == [1, 2]
    assert tiers(hits(90, 90, 84)) == [1, 1, 1]


def test_a_system_that_varies_more_may_stay_where_a_better_one_falls():
    best = np.ones(400)
    steady = np.full(400, 0.9)
    erratic = np.tile([3.0, -1.3], 200)
    assert erratic.mean() < steady.mean()
    assert tiers([best, steady, erratic]) == [1, 2, 1]


def test_the_first_tier_is_what_holm_leaves():
    rng = np.random.default_rng(0)
    systems = sorted((rng.random(100) + shift for shift in rng.uniform(-0.15, 0, 8)), key=lambda s: -s.mean())
    adjusted = holm([paired_difference(systems[0], other).p for other in systems[1:]])
    found = tiers(systems)
    assert [tier == 1 for tier in found[1:]] == [p > 0.05 for p in adjusted]
    assert {True, False} == {p > 0.05 for p in adjusted}


def test_questions_of_one_group_are_one_piece_of_evidence():
    groups = [str(number // 20) for number in range(100)]
    assert tiers(hits(90, 60)) == [1, 2]
    assert tiers(hits(90, 60), groups) == [1, 1]


def test_a_lower_alpha_makes_fewer_tiers():
    assert tiers(hits(90, 84), alpha=0.01) == [1, 1]


def test_the_best_must_come_first():
    with pytest.raises(ValueError, match="best mean first"):
        tiers(hits(50, 60))


def test_systems_must_answer_the_same_questions():
    with pytest.raises(ValueError, match="same questions"):
        tiers([[1, 1], [1]])
