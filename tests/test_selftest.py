"""The harness keeps its promises here: known times are recovered, its own overhead is small, and it says what it broke."""

import numpy as np
import pytest

from bench import selftest
from bench.cli import main
from bench.measure.simulation import Promise, Rate


def test_known_times_have_the_percentiles_of_their_distribution():
    times = selftest.known_times(1000)
    assert np.percentile(times, 50) == pytest.approx(0.005, rel=0.001)
    assert np.percentile(times, 99) == pytest.approx(0.005 * np.exp(0.6 * 2.326), rel=0.02)
    assert times != sorted(times)


@pytest.mark.slow
def test_known_times_are_recovered_and_the_overhead_is_small():
    """Within 2% at p50 and p99, and below 20 us; on a machine that others use, the best of four for each."""
    broken = None
    for _ in range(4):
        lost = {check.line.partition(":")[0] for check in selftest.clock_checks() if not check.kept}
        broken = lost if broken is None else broken & lost
        if not broken:
            break
    assert not broken


def test_the_command_fails_when_a_promise_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(selftest, "clock_checks", lambda: iter([selftest.Check("kept   clock", True)]))
    rates = [Rate("covers", 0.9, 0.01, Promise("93% at least", 0.93, 1))]
    monkeypatch.setattr(selftest, "simulations", lambda: iter(rates))
    assert main(["selftest"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "kept   clock",
        "BROKEN covers: 90.0% (± 1.0%), promised 93% at least",
    ]
