"""What is tried next: inside the space, never twice, and a function of what was tried before alone."""

import sys

import numpy as np
import pytest

from bench.api import Range
from bench.errors import DataError
from bench.outcome import Trial
from bench.run.proposals import propose
from bench.run.search_space import Dimension

RATE = Dimension("rate", 0, "rate", Range(0.001, 0.1, log=True), False, 0.01)
DEPTH = Dimension("depth", 0, "depth", Range(2, 6), True, 3)
FLAG = Dimension("flag", 0, "flag", (True, False), False, False)


def search(dimensions, count, quality, seed=0):
    trials = []
    for _ in range(count):
        values = propose(dimensions, trials, seed)
        if values is None:
            break
        trials.append(Trial("", values, quality(values), 0.0))
    return trials


def test_proposals_lie_in_the_space_with_few_digits():
    found = [trial.values for trial in search([RATE, DEPTH, FLAG], 25, lambda _: 0.5)]
    assert all(0.001 <= values["rate"] <= 0.1 for values in found)
    assert all(float(f"{values['rate']:.3g}") == values["rate"] for values in found)
    assert {type(values["depth"]) for values in found} == {int}
    assert {values["depth"] for values in found} == {2, 3, 4, 5, 6}
    assert {values["flag"] for values in found} == {True, False}


def test_a_range_by_factors_is_drawn_by_factors():
    rates = np.array([propose([RATE], [], seed)["rate"] for seed in range(200)])
    assert 0.35 < np.mean(rates < 0.01) < 0.65  # the geometric mean of the ends; 9% of a linear draw lie below it


def test_a_rounded_value_stays_within_ends_of_more_digits():
    narrow = Dimension("rate", 0, "rate", Range(0.0123456, 0.0123467), False, 0.0123456)
    assert 0.0123456 <= propose([narrow], [], 0)["rate"] <= 0.0123467


def test_a_countable_space_is_tried_whole_and_nothing_twice():
    trials = search([DEPTH, FLAG], 30, lambda values: values["depth"] / 10)
    assert len({tuple(trial.values.items()) for trial in trials}) == len(trials) == 10


def test_it_depends_on_seed_and_earlier_trials_alone():
    trials = search([RATE, DEPTH], 14, lambda values: values["rate"])
    again = search([RATE, DEPTH], 14, lambda values: values["rate"])
    assert trials == again
    assert propose([RATE, DEPTH], trials[:7], 0) == trials[7].values
    assert search([RATE, DEPTH], 14, lambda values: values["rate"], seed=1) != trials


def test_it_learns_where_it_is_good():
    def quality(values):
        return 1 - abs(np.log10(values["rate"]) + 1.5)  # best at 0.0316

    means = [
        [np.mean([trial.dev for trial in part]) for part in (trials[:10], trials[-10:])]
        for trials in (search([RATE], 30, quality, seed) for seed in range(3))
    ]
    assert all(late > early + 0.2 for early, late in means)


def test_failures_and_values_outside_the_space_do_not_stop_it():
    outside = Trial("", {"rate": 0.5}, 0.9, 0.0)
    failed = [Trial("", {"rate": rate}, None, 0.0, "out of memory") for rate in (0.05, 0.06, 0.07, 0.08, 0.09, 0.1)]
    good = [Trial("", {"rate": rate}, 0.4, 0.0) for rate in (0.002, 0.003, 0.004, 0.005, 0.006, 0.007)]
    rates = [propose([RATE], [outside, *failed, *good], seed)["rate"] for seed in range(20)]
    assert np.mean(np.array(rates) < 0.03) > 0.8  # it leaves the corner where trials fail


def test_without_optuna_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DataError, match=r"--tune needs optuna, .*'retrieverbench\[tune\]'"):
        propose([RATE], [], 0)
