"""Facts about the machine and the versions that a latency depends on."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil


def machine_facts() -> dict[str, str]:
    """Processor, cores, memory, system, load; GPU and driver where there is one. Printed in this order."""
    load = " / ".join(f"{value:.2f}" for value in os.getloadavg())
    facts = {
        "processor": processor(),
        "cores usable": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load average at start (1 / 5 / 15 min)": load,
    }
    gpu = _gpu()
    return {**facts, "gpu": gpu} if gpu else facts


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of the packages that are installed, by name."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    """Name, memory and driver of the GPUs, as the driver's own tool tells; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(told.stdout.split("\n")).strip("; ")
