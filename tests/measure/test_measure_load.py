"""Random arrivals, the queue they make, and the search for the highest rate that keeps a limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.load import Tried, arrivals, highest_kept, next_rate, predicted_rate, response_times


def test_gaps_between_arrivals_are_exponential_with_the_asked_mean():
    gaps = np.diff(arrivals(200.0, 50_000, seed=3))
    assert gaps.mean() == pytest.approx(1 / 200, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 200, rel=0.02)  # of an exponential distribution they are equal
    assert np.percentile(gaps, 99) == pytest.approx(np.log(100) / 200, rel=0.05)


def test_the_same_seed_scales_one_pattern():
    assert np.allclose(arrivals(10.0, 100, 1) * 10, arrivals(1.0, 100, 1))
    assert not np.allclose(arrivals(1.0, 100, 1), arrivals(1.0, 100, 2))


@given(st.lists(st.tuples(st.floats(0.001, 5), st.floats(0, 5)), min_size=1, max_size=40))
def test_response_times_are_those_of_a_queue_served_one_by_one(draws):
    services = [service for service, _ in draws]
    moments = np.cumsum([gap for _, gap in draws])
    free, expected = 0.0, []
    for service, moment in zip(services, moments, strict=True):
        free = max(free, moment) + service
        expected.append(free - moment)
    assert response_times(services, moments) == pytest.approx(expected)


def test_a_queue_of_exponential_services_waits_as_theory_says():
    """M/M/1: response times are exponential with mean 1 / (mu - lambda)."""
    services = np.random.default_rng(0).exponential(1.0, size=400_000)
    found = response_times(services, arrivals(0.5, len(services), 1))
    assert found.mean() == pytest.approx(1 / (1 - 0.5), rel=0.02)
    assert np.percentile(found, 99) == pytest.approx(np.log(100) * 2, rel=0.05)


def test_a_queue_of_equal_services_waits_half_as_long():
    """M/D/1: the mean wait is rho / (2 mu (1 - rho)), Pollaczek and Khinchine."""
    found = response_times(np.ones(400_000), arrivals(0.8, 400_000, 2))
    assert found.mean() - 1 == pytest.approx(0.8 / (2 * 0.2), rel=0.03)


def test_the_predicted_rate_is_the_highest_whose_tail_keeps_the_limit():
    services = np.random.default_rng(0).exponential(0.01, size=5000).tolist()
    rate = predicted_rate(services, 0.1)
    # M/M/1 with mu = 100: p99 = ln(100) / (mu - lambda) = 0.1 at lambda = 53.9
    assert rate == pytest.approx(53.9, rel=0.1)
    assert predicted_rate(services, 0.2) > rate
    assert predicted_rate([0.01] * 100, 0.005) == 0


def test_rates_are_tried_until_the_limit_lies_between_two_neighbours():
    def search(capacity, start):
        tried = []
        while (rate := next_rate(tried, start)) is not None:
            tried.append(Tried(rate, rate <= capacity))
        return tried

    for start in (5.0, 100.0, 300.0):
        tried = search(100.0, start)
        kept = highest_kept(tried)
        assert 100 / 1.15 <= kept <= 100
        assert min(one.rate for one in tried if not one.kept) == pytest.approx(kept * 1.15)


def test_a_rate_kept_above_one_that_was_not_does_not_count():
    assert highest_kept([Tried(10, True), Tried(20, False), Tried(30, True)]) == 10
    assert highest_kept([Tried(10, False)]) is None
    assert highest_kept([]) is None
