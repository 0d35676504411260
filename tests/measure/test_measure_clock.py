"""The clock keeps every sample, waits for the device inside each, and keeps garbage collection out."""

import gc
import time

import pytest

from bench.measure.clock import fit_to, synchroniser, time_each


def test_every_call_is_a_sample_and_a_known_sleep_is_recovered():
    naps = [0.002, 0.004, 0.008]
    samples = time_each(lambda at: time.sleep(naps[at]), [0, 1, 2, 0], 10, lambda: None)
    assert len(samples) == 4
    assert all(sample >= nap for sample, nap in zip(samples, [0.002, 0.004, 0.008, 0.002], strict=True))


def test_the_budget_ends_the_round_but_never_before_one_sample():
    assert len(time_each(lambda _: time.sleep(0.01), range(100), 0.03, lambda: None)) < 10
    assert len(time_each(lambda _: time.sleep(0.01), range(100), 0, lambda: None)) == 1


def test_waiting_for_the_device_is_part_of_each_sample():
    pending = []

    def launch(_):
        pending.append(0.003)

    def wait():
        while pending:
            time.sleep(pending.pop())

    assert min(time_each(launch, range(5), 1, wait)) >= 0.003


def test_the_device_is_idle_before_the_first_sample():
    waits = []
    time_each(lambda _: waits.append("call"), [0], 1, lambda: waits.append("wait"))
    assert waits == ["wait", "call", "wait"]


def test_garbage_is_not_collected_inside_a_sample_and_afterwards_again():
    states = []
    time_each(lambda _: states.append(gc.isenabled()), [0, 1], 1, lambda: None)
    assert states == [False, False]
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        time_each(lambda at: 1 / at, [0], 1, lambda: None)
    assert gc.isenabled()


def test_how_many_actions_fit_a_budget():
    assert fit_to(2.0, 100, 0.1) == 20
    assert fit_to(2.0, 10, 0.1) == 10
    assert fit_to(2.0, 10, 60) == 1
    assert fit_to(2.0, 10, 0) == 10


def test_the_cpu_needs_no_waiting():
    assert synchroniser("cpu")() is None


@pytest.mark.cuda
def test_cuda_is_waited_for():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    a = torch.randn(8192, 8192, device="cuda")
    a @ a
    torch.cuda.synchronize()
    waited = min(time_each(lambda _: a @ a, range(5), 60, synchroniser("cuda")))
    launched = min(time_each(lambda _: a @ a, range(5), 60, lambda: None))
    assert waited > 5 * launched
