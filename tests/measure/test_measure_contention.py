"""Known loads: a busy child counts as somebody else's work only where it is not ours."""

import subprocess
import sys
import time

import psutil
import pytest

from bench.measure.contention import CpuReading, cores_of_others, read_cpu

BURN = (
    "import sys, time\nprint('on', flush=True)\nend = time.time() + float(sys.argv[1])\nwhile time.time() < end: pass"
)
LAUNCH = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {code!r}, '60']); time.sleep(60)"


def reading(at, busy, ours, total=None):
    return CpuReading(at, busy, 10 * at if total is None else total, ours)


def test_others_are_the_whole_without_us_per_second():
    before, after = reading(10, busy=100, ours=20), reading(14, busy=112, ours=26)
    assert cores_of_others(before, after) == pytest.approx((12 - 6) / 4)


def test_it_is_never_negative():
    assert cores_of_others(reading(1, 100, 20), reading(2, 100.99, 21)) == 0


def test_what_the_system_does_not_tell_is_unknown():
    known = reading(1, 1, 1)
    assert cores_of_others(None, known) is None
    assert cores_of_others(known, None) is None
    assert cores_of_others(known, known) is None
    assert cores_of_others(reading(1, 0, 0, total=0), reading(2, 0, 1, total=0)) is None


@pytest.mark.parametrize("error", [FileNotFoundError("/proc/stat"), PermissionError(), psutil.AccessDenied()])
def test_a_container_without_processor_times_tells_nothing(monkeypatch, error):
    def refuse():
        raise error

    monkeypatch.setattr(psutil, "cpu_times", refuse)
    assert read_cpu() is None


def test_processes_that_ended_are_passed_over():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert read_cpu([ended.pid]) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of guests and stolen time")
def test_guests_are_not_counted_twice_and_stolen_time_is(monkeypatch):
    fields = {"user": 10, "nice": 1, "system": 5, "idle": 100, "iowait": 50, "irq": 2, "softirq": 3, "steal": 4}
    told = psutil.cpu_times()._replace(**fields, guest=6, guest_nice=1)
    monkeypatch.setattr(psutil, "cpu_times", lambda: told)
    found = read_cpu()
    assert (found.busy, found.total) == (25, 175)


@pytest.fixture
def burning():
    """Start a child that burns a core, by its code and arguments; yields once it runs."""
    children = []

    def start(*arguments):
        child = subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout.readline() == b"on\n"
        return child

    yield start
    for child in children:
        for process in (*psutil.Process(child.pid).children(recursive=True), child):
            process.kill()
        child.wait()
        child.stdout.close()


def used_by_us(seconds):
    before = read_cpu()
    time.sleep(seconds)
    return read_cpu().ours - before.ours


def test_the_work_of_children_and_grandchildren_is_ours(burning):
    if read_cpu() is None:
        pytest.skip("this system tells no processor times")
    grandchild = burning(LAUNCH.format(code=BURN))
    assert grandchild.poll() is None
    assert used_by_us(1) > 0.1


def test_the_work_of_children_that_ended_is_ours():
    if read_cpu() is None:
        pytest.skip("this system tells no processor times")
    before = read_cpu()
    subprocess.run([sys.executable, "-c", BURN, "0.8"], check=True, capture_output=True)
    assert read_cpu().ours - before.ours > 0.1


def test_a_busy_process_that_is_not_ours_is_somebody_elses(burning, monkeypatch):
    before = read_cpu()
    if before is None:
        pytest.skip("this system tells no processor times")
    child = burning(BURN, "60")
    # Made a stranger by hiding it among the children; another machine's load can only add to it.
    monkeypatch.setattr(psutil.Process, "children", lambda self, recursive: [])
    strangers = read_cpu(), read_cpu([child.pid])
    time.sleep(1.5)
    later = read_cpu(), read_cpu([child.pid])
    without, including = (cores_of_others(a, b) for a, b in zip(strangers, later, strict=True))
    assert without > 0.2
    assert without - including > 0.15
