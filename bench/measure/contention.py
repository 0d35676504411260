"""Who else computes while the clock runs: CPU time of the whole machine, less that of the processes that are measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import psutil

# iowait is idle time; user and nice hold the time of guests already.
_NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")


@dataclass(frozen=True)
class CpuReading:
    """CPU seconds used up to one moment.

    at: the moment, seconds of ``perf_counter``. busy: of all processors since the system started, time stolen by other
    virtual machines included. total: likewise, with the time in which they idled. ours: of the processes that are measured.
    """

    at: float
    busy: float
    total: float
    ours: float


def read_cpu(pids: Iterable[int] = ()) -> CpuReading | None:
    """Read how much CPU time was used by all, and by this process, ``pids`` and the children of these; None where not told.

    A child that has ended counts once its parent has waited for it. The system counts in steps of about 10 ms.
    """
    try:
        times = psutil.cpu_times()._asdict()
    except (OSError, ValueError, psutil.Error, NotImplementedError):
        return None
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    busy = sum(seconds for name, seconds in times.items() if name not in _NOT_BUSY)
    return CpuReading(perf_counter(), busy, total, sum(map(_seconds, _with_children(pids))))


def cores_of_others(before: CpuReading | None, after: CpuReading | None) -> float | None:
    """Cores that other processes kept busy on average between two readings of the same ``pids``; None where not told.

    A sandbox may show a machine whose clock of CPU time stands still; that tells nothing either.
    """
    if before is None or after is None or after.at <= before.at or after.total <= before.total:
        return None
    others = (after.busy - before.busy) - (after.ours - before.ours)
    return max(0.0, others / (after.at - before.at))


def _with_children(pids: Iterable[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in (None, *pids):
        try:
            process = psutil.Process(pid)
            found |= {process, *process.children(recursive=True)}
        except psutil.Error:
            continue
    return found


def _seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
