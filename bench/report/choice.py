"""Which system to recommend: the best, or one that the test cannot tell from it and that is much cheaper."""

from bench.report.speed import common_medians
from bench.report.summary import Summary
from bench.report.system import System

MUCH = 2.0
"""Much cheaper: the best takes at least so many times the search or the training time ..."""
NO_DEARER = 1.1
"""... while the other of the two is at most so many times the best's."""
TOLERATED_LOSS = 0.05
"""A tied system is recommended only where the 95% interval rules out a larger loss of the main measure."""
TRAINING_FLOOR = 1.0
"""Seconds; training times below this are not told apart."""


def recommended(summary: Summary) -> System | None:
    """The best system or a tied, much cheaper one; None where no system beats chance or a canary failed."""
    best = summary.best
    if best is None or summary.failed_canaries or not summary.beats_chance(best):
        return None
    safe = [system for system in cheaper(summary, best) if rules_out_loss(summary, system)]
    return safe[0] if safe else best


def cheaper(summary: Summary, best: System) -> list[System]:
    """Systems above chance that are tied with the best and much cheaper, the fastest search first.

    One that failed under the clock, or whose results were read from a file, has no price.
    """
    if not best.live:
        return []
    priced = [s for s in summary.tied() if s.live and summary.beats_chance(s) and not s.latency_failure()]
    ratios = {s.label: _ratios(summary, best, s) for s in priced}
    found = [s for s in priced if _much(*ratios[s.label])]
    return sorted(found, key=lambda system: ratios[system.label], reverse=True)


def rules_out_loss(summary: Summary, system: System) -> bool:
    """Whether the interval of the difference to the best excludes a loss that nobody would tolerate."""
    return summary.comparisons[system.label].test.low >= -TOLERATED_LOSS


def training_seconds(system: System) -> float:
    """The longest fit among the measured seeds."""
    return max(outcome.timings.fit_seconds for outcome in system.measured)


def _ratios(summary: Summary, best: System, other: System) -> tuple[float, float]:
    """How many times the other's search and training time the best takes; 1 where searches were not timed."""
    found = common_medians(summary, best, other)
    search = found[1] / found[2] if found else 1.0
    return search, max(training_seconds(best), TRAINING_FLOOR) / max(training_seconds(other), TRAINING_FLOOR)


def _much(search: float, training: float) -> bool:
    return max(search, training) >= MUCH and min(search, training) >= 1 / NO_DEARER
