"""How quality on dev rose while systems were learning: the records of epochs that a fit leaves in ``learned``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, median
from typing import Any, TypeGuard

from bench.outcome import Outcome
from bench.report.summary import Summary
from bench.report.system import System

MEASURE, POOL = "dev RR@10", "dev pool"
"""Keys beside the epochs that tell what their ``dev`` is, and among which documents."""


@dataclass(frozen=True)
class Course:
    """One training of one seed.

    seconds, dev, loss: by epoch the seconds since training began, RR@10 on dev after it, and its mean loss (None where it
    was not told). kept: number of the epoch that was kept, from 1. pairs: pairs learned from in an epoch, None if unknown.
    pool: the documents ranked, empty if unknown.
    """

    seed: int
    seconds: tuple[float, ...]
    dev: tuple[float, ...]
    loss: tuple[float | None, ...]
    kept: int
    pairs: int | None
    pool: str

    @property
    def best(self) -> float:
        """RR@10 on dev of the kept epoch."""
        return self.dev[self.kept - 1]

    @property
    def spent(self) -> float:
        """Seconds until the kept epoch was done."""
        return self.seconds[self.kept - 1]

    def reached(self, tolerance: float) -> float:
        """Seconds until an epoch first came within ``tolerance`` of the kept one."""
        return next(s for s, value in zip(self.seconds, self.dev, strict=True) if value >= self.best - tolerance)

    @property
    def rate(self) -> float | None:
        """Pairs a second, every epoch counted, evaluation on dev included."""
        return None if self.pairs is None else self.pairs * len(self.seconds) / self.seconds[-1]


@dataclass(frozen=True)
class Training:
    """A system's training, or that of a part of it (``part`` names it, else it is empty), for each seed."""

    system: System
    part: str
    courses: tuple[Course, ...]

    @property
    def pool(self) -> str:
        """The dev documents ranked, empty if unknown: trainings with the same one can be compared."""
        return self.courses[0].pool

    @property
    def mean(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Seconds and dev by epoch, the means over seeds, as far as all of them came."""
        length = min(len(course.dev) for course in self.courses)
        seconds = tuple(fmean(course.seconds[at] for course in self.courses) for at in range(length))
        return seconds, tuple(fmean(course.dev[at] for course in self.courses) for at in range(length))

    @property
    def best(self) -> float:
        """RR@10 on dev of the kept epoch, the mean over seeds."""
        return fmean(course.best for course in self.courses)

    @property
    def spent(self) -> float:
        """Seconds until the kept epoch was done, the median over seeds."""
        return median(course.spent for course in self.courses)

    @property
    def longest(self) -> float:
        """Seconds of the longest course."""
        return max(course.seconds[-1] for course in self.courses)


def trainings(summary: Summary) -> list[Training]:
    """All trainings whose epochs tell seconds and dev, single systems first; what a system shares with an earlier one once."""
    found: list[Training] = []
    seen: set[tuple[Course, ...]] = set()
    for system in sorted(summary.results, key=lambda system: system.composed):
        courses: dict[str, list[Course]] = {}
        for job in system.measured:
            for path, record in _records(job.learned):
                if course := _course(job, record):
                    name = " ".join(path[1:] if path[:1] == (system.spec,) else path)
                    courses.setdefault(name, []).append(course)
        for part, own in courses.items():
            if tuple(own) not in seen:
                seen.add(tuple(own))
                found.append(Training(system, part, tuple(own)))
    return found


def _records(
    learned: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every mapping with records of epochs, however deep, and the names on the way to it."""
    if MEASURE in learned and isinstance(learned.get("epochs"), Sequence):
        yield path, learned
    for name, value in learned.items():
        if isinstance(value, Mapping):
            yield from _records(value, (*path, name))
        elif isinstance(value, Sequence) and not isinstance(value, str) and name != "epochs":
            for number, one in enumerate(value, start=1):
                if isinstance(one, Mapping):
                    yield from _records(one, (*path, f"{name} {number}"))


def _course(job: Outcome, record: Mapping[str, Any]) -> Course | None:
    """None where an epoch lacks its seconds or its dev, as in what earlier versions stored."""
    rows = [row for row in record["epochs"] if isinstance(row, Mapping)]
    if not rows or len(rows) != len(record["epochs"]):
        return None
    seconds, dev = (tuple(filter(_number, (row.get(name) for row in rows))) for name in ("seconds", "dev"))
    if len(seconds) != len(rows) or len(dev) != len(rows) or min(seconds) <= 0:
        return None
    kept = record.get("best_epoch")
    if not isinstance(kept, int) or not 1 <= kept <= len(rows):
        kept = 1 + dev.index(max(dev))
    loss = tuple(value if _number(value) else None for value in (row.get("loss") for row in rows))
    pairs = record.get("pairs")
    pairs = pairs if isinstance(pairs, int) and pairs > 0 else None
    return Course(job.seed, seconds, dev, loss, kept, pairs, str(record.get(POOL, "")))


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
