"""The clock keeps every sample, waits for the device inside each, and keeps garbage collection out."""

import gc
import time

import pytest

from bench.measure.clock import fit_to, serve, synchroniser, time_each, warm_up


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


def test_warming_up_goes_on_until_the_times_have_settled():
    naps = iter([0.02] * 3 + [0.012] * 3 + [0.004] * 100)
    found = warm_up(lambda _: time.sleep(next(naps)), range(3), 60, lambda: None)
    assert found.stable
    assert found.actions >= 15  # two blocks that were slower, three that agree
    assert found.median < 0.012


def test_warming_up_ends_with_the_budget_and_says_that_nothing_settled():
    naps = iter(0.001 * 1.3**at for at in range(100))
    found = warm_up(lambda _: time.sleep(next(naps)), range(2), 0.05, lambda: None)
    assert not found.stable
    assert found.actions < 20


def test_a_stall_counts_for_all_that_had_to_wait():
    """Sent every 5 ms, each takes next to nothing, but the third takes 50 ms: the next nine wait for it."""
    samples = serve(
        lambda at: time.sleep(0.05 if at == 3 else 0), range(20), [0.005 * at for at in range(20)], lambda: None
    )
    assert samples[3] >= 0.05
    assert samples[4] >= 0.045
    assert samples[8] >= 0.025
    assert sum(sample > 0.004 for sample in samples) >= 9
    assert len(samples) == 20


def test_an_action_does_not_begin_before_its_moment():
    begun = []
    start = time.perf_counter()
    serve(lambda _: begun.append(time.perf_counter() - start), range(3), [0.01, 0.02, 0.05], lambda: None)
    assert all(moment >= planned for moment, planned in zip(begun, [0.01, 0.02, 0.05], strict=True))


def test_serving_ends_once_the_tail_can_no_longer_keep_the_limit():
    samples = serve(lambda _: time.sleep(0.002), range(500), [0.0] * 500, lambda: None, limit=0.01)
    assert 6 <= len(samples) < 20
    assert sum(sample > 0.01 for sample in samples) == 6  # more than a hundredth of 500
    assert len(serve(lambda _: None, range(500), [0.0] * 500, lambda: None, limit=10)) == 500


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
