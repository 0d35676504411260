"""What the benchmarks of scoring share: contestants in turn, the machine's limits, and a table of it all."""

import os
import platform
import subprocess
from pathlib import Path
from time import process_time

import numpy as np
import torch

TURN = 0.02
"""Seconds that a contestant's turn takes at least: a search of a fraction of a millisecond is repeated."""
LONG = 1.0
"""Seconds of a search that is surely not repeated."""


def in_turn(contestants, rounds, clock=process_time):
    """Seconds of a call, contestants taking turns so that a machine's drift hits all alike.

    name -> callable; the first round warms up. Processor time unless another clock is given, because other processes may want
    the processor too; of several threads it is the sum.
    """
    seconds, repeats = {name: [] for name in contestants}, dict.fromkeys(contestants, 1)

    def turn(name):
        start = clock()
        for _ in range(repeats[name]):
            contestants[name]()
        return (clock() - start) / repeats[name]

    for name in contestants:
        if turn(name) < LONG:  # the first compiles and fills caches, so that the second tells
            repeats[name] = max(1, min(100, int(TURN / max(turn(name), 1e-6))))
    for _ in range(rounds):
        for name, found in seconds.items():
            found.append(turn(name))
    return {name: float(np.median(values)) for name, values in seconds.items()}


def limits():
    """Multiply-adds a second (float32, doubled) and bytes a second that one thread reaches here, right now.

    The best of several libraries' products of square matrices, which is what anybody reaches in practice, and a sum over
    more memory than the caches hold.
    """
    left, right = (torch.randn(1536, 1536) for _ in range(2))
    memory, packed = torch.ones(1 << 27), (left.to_mkldnn(), right.to_mkldnn())
    products = in_turn(
        {
            "torch": lambda: torch.mm(left, right),
            "numpy": lambda: np.dot(left.numpy(), right.numpy()),
            "onednn": lambda: torch.nn.functional.linear(*packed),
        },
        5,
    )
    sums = in_turn({"torch": memory.sum, "numpy": memory.numpy().max}, 3)
    return 2 * 1536**3 / min(products.values()), memory.nbytes / min(sums.values())


def machine():
    """One line on what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    libraries = f"torch {torch.__version__}, numpy {np.__version__}"
    load = f"load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    return ", ".join(filter(None, (model, torch.backends.cpu.get_cpu_capability(), libraries, load)))


def write_table(path, title, rows, note, test):
    """A markdown file with one table; rows are dictionaries of text, ``test`` is what measured them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(row.get(name, '') for name in names)} |" for row in rows]
    command = f"pytest {test} --benchmark-only --scoring reports/scoring"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"# {title}\n\n{note}\n\n" + "\n".join(lines) + f"\n\nMeasured at commit {commit()} by `{command}`.\n"
    path.write_text(text, encoding="utf-8")


def commit():
    """Short name of the commit that is measured; with a plus if files were changed since."""
    told = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(told, capture_output=True, text=True, check=True, cwd=Path(__file__).parent).stdout.strip()
