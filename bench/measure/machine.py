"""Facts about the machine and the versions that a latency depends on."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from math import ceil
from pathlib import Path
from time import perf_counter_ns

import psutil

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_GPU_FIELDS = ("name", "memory.total", "driver_version", "clocks.sm", "clocks.max.sm", "power.limit")


def machine_facts() -> dict[str, str]:
    """Processor, cores, memory, system, load, timer; GPU, driver and commit where there are. Printed in this order."""
    memory = psutil.virtual_memory()
    facts = {
        "processor": processor(),
        "cores usable": f"{usable_cores()}",
        "cores physical": f"{psutil.cpu_count(logical=False) or ''}",
        "frequency governor": _first_line(_GOVERNOR),
        "frequency at start": _frequency(),
        "memory": _gibibytes(memory.total),
        "memory available at start": _gibibytes(memory.available),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load average at start (1 / 5 / 15 min)": " / ".join(f"{value:.2f}" for value in psutil.getloadavg()),
        "timer resolution": f"{timer_resolution() * 1e9:,.0f} ns",
        **_gpu(),
        "cuda of torch": _torch_cuda(),
        "commit": revision(Path(__file__)),
    }
    return {name: fact for name, fact in facts.items() if fact}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of the packages that are installed, by name."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def usable_cores() -> int:
    """Cores that this process may run on; a container's quota of CPU time counts, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _first_line(_QUOTA).partition(" ")
    return min(cores, max(1, ceil(int(quota) / int(period)))) if quota.isdecimal() and period.isdecimal() else cores


def processor() -> str:
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def timer_resolution(clock: Callable[[], int] = perf_counter_ns) -> float:
    """Smallest step in seconds between readings of a clock that counts nanoseconds; 0 if it stands still.

    What one reading costs is part of it: a shorter time cannot be measured.
    """
    readings = [clock() for _ in range(10_000)]
    steps = [later - earlier for earlier, later in pairwise(readings)]
    return min((step for step in steps if step > 0), default=0) / 1e9


def revision(file: Path) -> str:
    """Commit of the git repository that tracks ``file``, and whether code was changed since; empty where none tracks it.

    A file that merely lies inside a repository, as an installed package in a virtual environment does, is not its.
    """
    folder, name = file.resolve().parent, file.resolve().name
    if not _told("git", "-C", str(folder), "ls-files", "--error-unmatch", "--", f":(literal){name}"):
        return ""
    commit = _told("git", "-C", str(folder), "rev-parse", "HEAD")
    # New reports and notes do not change what runs; new or changed code and cards do.
    watched = [":(top)*.py", ":(top)*.toml"]
    status = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=all", "--", *watched]
    changed = _told("git", "-C", str(folder), *status)
    return f"{commit}, with uncommitted changes" if commit and changed else commit


def _gpu() -> dict[str, str]:
    """Name, memory and driver of the GPUs, and what they are set to, as the driver's own tool tells; nothing without one."""
    told = _told("nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader")
    rows = [[field.strip() for field in line.split(",")] for line in told.splitlines()]
    rows = [row for row in rows if len(row) == len(_GPU_FIELDS)]
    return {
        "gpu": "; ".join(", ".join(row[:3]) for row in rows),
        "gpu clock at start / at most, power limit": "; ".join(
            f"{now} / {most}, {power}" for _, _, _, now, most, power in rows
        ),
    }


def _torch_cuda() -> str:
    """CUDA version that torch was built for, if torch is loaded already: loading it takes a second."""
    torch = sys.modules.get("torch")
    return (torch.version.cuda or "") if torch else ""


def _frequency() -> str:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return ""
    return f"{frequency.current:,.0f} MHz" if frequency and frequency.current else ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _told(*command: str) -> str:
    """What a command printed; empty if it is not there, fails, or does not answer."""
    # Inside a hook, git's variables name the repository of the hook.
    env: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, env=env)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
