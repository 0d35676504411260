"""What the statistics promise, counted: coverage of intervals, size of tests, power at the detectable difference."""

import numpy as np
import pytest

from bench.measure import simulation
from bench.measure.simulation import (
    NOTHING,
    Promise,
    Rate,
    coverage,
    false_alarms,
    family_false_alarms,
    power,
    reciprocal_rank,
    success,
    success_coverage,
    tier_false_alarms,
)


class TestPopulation:
    def test_success_has_its_rate(self):
        assert success(0.3).mean(grouped=False) == success(0.3).mean(grouped=True) == pytest.approx(0.3)

    def test_small_groups_that_find_nothing_lower_the_mean_by_their_share_of_the_questions(self):
        population = reciprocal_rank()
        # Groups of 1 to 4 hold 10 of the 36 questions of groups of 1 to 8.
        assert population.mean(grouped=True) / population.mean(grouped=False) == pytest.approx(1 - 0.3 * 10 / 36)

    @pytest.mark.parametrize("grouped", [False, True])
    @pytest.mark.parametrize("population", [success(0.9), reciprocal_rank()], ids=lambda population: population.name)
    def test_many_questions_have_the_true_mean(self, population, grouped):
        draws = simulation._Draws(200_000, grouped)
        groups = draws.groups()
        one, other = draws.systems(population, groups, 2)
        assert [one.mean(), other.mean()] == pytest.approx([population.mean(grouped)] * 2, abs=0.006)
        assert len(one) == pytest.approx(200_000, rel=0.01)

    def test_questions_of_a_group_are_alike(self):
        draws = simulation._Draws(50_000, grouped=True)
        groups = draws.groups()
        values = draws.values(success(0.5), groups)
        together = groups.index[1:] == groups.index[:-1]
        assert np.corrcoef(values[1:][together], values[:-1][together])[0, 1] == pytest.approx(0.64, abs=0.02)
        assert np.corrcoef(values[1:][~together], values[:-1][~together])[0, 1] == pytest.approx(0, abs=0.03)


def test_a_rate_is_told_in_one_line():
    promise = Promise("93% at least", 0.93, 1)
    assert str(Rate("covers", 0.9512, 0.0049, promise)) == "covers: 95.1% (± 0.5%), promised 93% at least"
    assert str(Rate("covers", 0.9512, 0, promise)) == "covers: 95.1% (exact), promised 93% at least"
    assert Rate("covers", 0.9512, 0, promise).kept
    assert not Rate("covers", 0.92, 0, promise).kept


def test_every_simulation_is_told(monkeypatch):
    for name in ("coverage", "success_coverage", "false_alarms", "family_false_alarms", "power"):
        monkeypatch.setattr(simulation, name, lambda *_, name=name, **__: Rate(name, 0, 0, NOTHING))
    monkeypatch.setattr(
        simulation, "tier_false_alarms", lambda *_, **__: (Rate("tier_false_alarms", 0, 0, NOTHING),) * 2
    )
    told = [rate.what for rate in simulation.simulations()]
    assert {name: told.count(name) for name in told} == {
        "success_coverage": 12, "coverage": 18, "false_alarms": 4, "family_false_alarms": 1, "tier_false_alarms": 2,
        "power": 2,
    }  # fmt: skip


class TestCoverage:
    @pytest.mark.parametrize(
        ("p", "n"), [(0.5, 50), (0.05, 300), (0.5, 300), (0.9, 300), (0.97, 300), (0.05, 1337), (0.97, 1337)]
    )
    def test_success_is_covered_as_often_as_promised_with_five_of_each_kind(self, p, n):
        assert min(p, 1 - p) * n > 5
        assert 0.93 < success_coverage(p, n).rate < 0.97

    @pytest.mark.parametrize("n", [10, 50, 300])
    def test_success_is_never_covered_less(self, n):
        assert min(success_coverage(p, n).rate for p in np.linspace(0.001, 0.999, 15)) > 0.945

    @pytest.mark.parametrize(("p", "n"), [(0.05, 50), (0.97, 50), (0.01, 300)])
    def test_few_of_a_kind_are_covered_more(self, p, n):
        assert 0.97 < success_coverage(p, n).rate < 0.995

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("population", "n", "grouped"),
        [
            (reciprocal_rank(), 50, False),
            (reciprocal_rank(), 300, False),
            (reciprocal_rank(), 300, True),
            (success(0.5), 300, True),
            (success(0.9), 300, True),
        ],
        ids=lambda value: getattr(value, "name", str(value)),
    )
    def test_means_are_covered_as_often_as_promised(self, population, n, grouped):
        assert 0.93 < coverage(population, n, grouped=grouped, replications=1000).rate < 0.975

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "population",
        [success(0.05), success(0.5), success(0.9), reciprocal_rank()],
        ids=lambda population: population.name,
    )
    def test_a_dozen_groups_are_covered_more(self, population):
        assert 0.96 < coverage(population, 50, grouped=True, replications=1000).rate < 0.995


@pytest.mark.slow
class TestComparisons:
    @pytest.mark.parametrize("grouped", [False, True])
    @pytest.mark.parametrize("population", [success(0.5), reciprocal_rank()], ids=lambda population: population.name)
    def test_equal_systems_are_told_apart_as_rarely_as_the_level_says(self, population, grouped):
        assert 0.02 < false_alarms(population, 100, grouped=grouped, replications=1000).rate < 0.065

    def test_holm_keeps_the_level_over_a_family(self):
        assert 0.02 < family_false_alarms(reciprocal_rank(), replications=500).rate < 0.065

    def test_a_best_system_stays_in_the_first_tier_though_not_all_equal_ones_do(self):
        given, every = tier_false_alarms(reciprocal_rank(), replications=1000)
        assert given.rate < 0.05 < every.rate < 0.14

    @pytest.mark.parametrize("grouped", [False, True])
    def test_a_detectable_difference_is_found_four_times_of_five(self, grouped):
        assert 0.74 < power(reciprocal_rank(), 300, grouped=grouped, replications=1000).rate < 0.84
