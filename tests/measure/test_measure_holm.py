"""Holm's adjustment of several p."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.statistics import holm


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
