"""How sure the main table is: tiers, what so many questions can tell, effect sizes, seeds, ties."""

import numpy as np

from bench.measure.statistics import paired_difference
from bench.report.precision import precision, ties
from bench.report.quality import quality


def answered(n, questions=400):
    return tuple(1 if at < n else 0 for at in range(questions))


def test_tiers_begin_anew_below_the_best(a):
    """b cannot be told from a, c and d not from each other, and the verdict still compares with the best."""
    outcomes = [a.outcome(name, answered(n)) for name, n in (("a", 300), ("b", 297), ("c", 200), ("d", 198))]
    rows = a.table(quality(a.summary(outcomes)), "## Quality")
    assert [rows[name]["tier"] for name in "abcd"] == ["1", "1", "2", "2"]
    assert rows["d"]["verdict"] == "worse (p < .001)"
    assert rows["chance (closed form)"]["tier"] == ""


def test_a_single_system_has_no_tier(a):
    assert "tier" not in quality(a.summary([a.outcome("a", answered(300))]))


def test_a_tier_needs_a_comparable_result(a):
    outcomes = [
        a.outcome("a", answered(300)),
        a.outcome("b", answered(200)),
        a.outcome("old", answered(9), quality="q2"),
    ]
    rows = a.table(quality(a.summary(outcomes, systems=("a", "b", "old", "late"))), "## Quality")
    assert [rows[name]["tier"] for name in ("old", "late")] == ["-", "-"]


def test_effect_and_detectable_difference_of_every_comparison_stand_in_the_fold(a):
    outcomes = [a.outcome("a", a.ranks(1.5, 1)), a.outcome("b", a.ranks(1.0, 2))]
    test = paired_difference(*(outcome.scores["Success@10"] for outcome in outcomes[::-1]))
    row = a.table(precision(a.summary(outcomes)), "Against `a`")["b"]
    assert row["effect"] == f"{test.effect:+.2f} [{test.effect_low:+.2f}, {test.effect_high:+.2f}]"
    assert row["detectable"] == f"{test.detectable:.3f}".lstrip("0")
    assert row["difference to the best"].startswith(f"{test.difference:+.3f}".replace("0.", "."))


def test_the_spread_over_seeds_stands_beside_every_measure(a):
    outcomes = [a.outcome("a", answered(n), seed=seed) for seed, n in enumerate((300, 320))]
    row = a.table(precision(a.summary([*outcomes, a.outcome("b", answered(9))], seeds=(0, 1))), "<details>")
    spread = f"{np.std([0.75, 0.8], ddof=1):.3f}".lstrip("0")
    assert all(row["a"][measure].endswith(f"sd {spread}") for measure in ("Success@1", "RR@10"))
    assert "sd" not in row["b"]["Success@1"]


def test_interval_and_spread_are_told_apart(a):
    outcomes = [a.outcome("a", answered(n), seed=seed) for seed, n in enumerate((300, 320))]
    assert "the interval is over questions, sd is that of Success@10 over the seeds" in quality(
        a.summary(outcomes, seeds=(0, 1))
    )
    assert "sd" not in quality(a.summary(outcomes[:1]))


def test_ties_are_told_where_they_decide_the_main_measure(a):
    bounds = {"Success@10": (0.7, 0.80), "Success@1": (0.1, 0.75)}
    summary = a.summary([a.outcome("a", answered(300), bounds=bounds), a.outcome("b", answered(9))])
    above, _, fold = quality(summary).partition("<details>")
    note = "`a`: ties decide: Success@10 between .700 and .800 depending on how equal scores are ordered."
    assert note in above
    assert note in fold
    assert "Success@1 between .100 and .750" in fold
    assert "Success@1 between" not in above


def test_bounds_are_averaged_over_the_seeds_and_small_ones_are_nothing(a):
    outcomes = [
        a.outcome("a", answered(300), seed=seed, bounds={"RR@10": (low, 0.7504), "Success@10": (0.75, 0.7504)})
        for seed, low in enumerate((0.7, 0.6))
    ]
    summary = a.summary(outcomes, seeds=(0, 1))
    assert ties(summary, "Success@10") == []
    assert ties(summary, "Success@5") == []
    assert "between .650 and .750" in ties(summary, "RR@10")[0]
