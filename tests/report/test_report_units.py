"""Numbers as the field writes them."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import units


@pytest.mark.parametrize(
    ("value", "text"), [(0.887, ".887"), (1.0, "1.000"), (0.0, ".000"), (0.9996, "1.000"), (nan, "-")]
)
def test_measures_have_three_places_and_no_leading_zero(value, text):
    assert units.measure(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.012, "+.012"), (-0.012, "-.012"), (-0.0001, ".000"), (0.0, ".000"), (-1.0, "-1.000")]
)
def test_differences_have_a_sign_unless_they_vanish(value, text):
    assert units.difference(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, "p < .001"), (0.001, "p = .001"), (0.0432, "p = .043"), (0.43, "p = .43"), (1.0, "p = 1.00")],
)
def test_p_values(value, text):
    assert units.p_value(value) == text


def test_p_at_the_least_that_a_test_can_give_is_a_bound():
    assert units.p_value(0.0013, most=True) == "p <= .001"
    assert units.p_value(0.0004, most=True) == "p < .001"


@pytest.mark.parametrize(("value", "text"), [(0.0, ".000"), (0.0004, "<.001"), (0.0006, ".001"), (0.02, ".020")])
def test_chance_is_nothing_only_where_it_is(value, text):
    assert units.chance(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(365, 1337, "27%"), (3, 400, "0.8%"), (0, 9, "0%"), (9, 9, "100%")]
)
def test_shares(part, whole, text):
    assert units.share(part, whole) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.012345, "0.0123"), (9.996, "10.0"), (12.345, "12.3"), (1234.5, "1,234"), (None, "-")],
)
def test_three_significant_digits(value, text):
    assert units.number(value) == text


@given(st.floats(1e-9, 1e9))
def test_a_printed_number_is_within_half_a_percent(value):
    assert float(units.number(value).replace(",", "")) == pytest.approx(value, rel=5e-3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00021, "0.210 ms"), (45.2, "45.2 s"), (99.97, "1 min 40 s"), (170, "2 min 50 s"), (4320, "1 h 12 min")],
)
def test_durations_carry_their_unit(seconds, text):
    assert units.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.0009, "<0.001"), (0.001, "0.00100"), (45, "45.0")])
def test_seconds_of_a_phase(value, text):
    assert units.seconds(value) == text


def test_megabytes_are_decimal():
    assert units.megabytes(12_345_678) == "12.3"


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (112, "<0.01"), (10_000, "0.0100"), (None, "-")])
def test_room_for_less_than_a_hundredth_of_a_megabyte_is_not_counted(size, text):
    assert units.megabytes(size) == text
