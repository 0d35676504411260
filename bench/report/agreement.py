"""What a repeated run has in common with the first: the same numbers, or how far they are apart."""

from collections.abc import Iterator
from math import isnan
from typing import NamedTuple

import numpy as np

from bench.outcome import Outcome
from bench.report import units
from bench.report.changes import DRIFT
from bench.report.comparison import Change, Comparison
from bench.report.markdown import clean


class Agreement(NamedTuple):
    """Whether all scores came out the same, and one line for each thing that was looked at."""

    same: bool
    lines: tuple[str, ...]


def agreement(one: Comparison) -> Agreement:
    """Compare a stored run with its repetition, value by value; latencies agree when their ratio's interval holds 1."""
    found = [*(line for change in one.changes for line in _quality(change)), *_smaller(one)]
    lost = [f"{label}: no result this time" for label in one.missing]
    lines = [*lost, *(line for _, line in found), *(line for change in one.changes for line in _latency(change))]
    return Agreement(not lost and all(same for same, _ in found), tuple(lines))


def _quality(change: Change) -> Iterator[tuple[bool, str]]:
    """One verdict for a system whose jobs all agree, else one for each that does not."""
    if mismatches := change.mismatched("quality"):
        yield False, f"{change.label}: quality hash differs in {', '.join(map(str, mismatches))}"
        return
    again = {(job.device, job.seed): job for job in change.after.outcomes}
    jobs = [job for job in change.before.outcomes if job.status == "ok"]
    found = [(job, again.get((job.device, job.seed))) for job in jobs]
    wrong = [(job, why) for job, new in found if (why := _apart(job, new))]
    for job, why in wrong:
        yield False, f"{change.label}, seed {job.seed} on {job.device}: {why}"
    if not wrong:
        kept = any(new and new.timings.fit_cached for _, new in found)
        taken = "; its fit was taken over, not learned again (--refit)" if kept else ""
        yield True, f"{change.label}: quality hash and every score agree{taken}"


def _smaller(one: Comparison) -> Iterator[tuple[bool, str]]:
    """The same for jobs that learned from fewer training pairs, of systems that are compared."""
    again = {(job.spec, job.seed, job.device, job.train_pairs): job for job in one.after.summary.smaller}
    compared = {change.before.spec for change in one.changes}
    jobs = [job for job in one.before.summary.smaller if job.status == "ok" and job.spec in compared]
    wrong = 0
    for job in jobs:
        new = again.get((job.spec, job.seed, job.device, job.train_pairs))
        if why := _other_data(job, new) or _apart(job, new):
            wrong += 1
            yield False, f"{job.spec} with {job.train_pairs} training pairs, seed {job.seed} on {job.device}: {why}"
    if jobs and not wrong:
        yield True, "with fewer training pairs: quality hash and every score agree"


def _other_data(old: Outcome, new: Outcome | None) -> str:
    """Whether a job that has a result again was measured on other data; empty where it was not."""
    if new is None or new.status != "ok":
        return ""
    return "" if old.fingerprints.get("quality") == new.fingerprints.get("quality") else "quality hash differs"


def _apart(old: Outcome, new: Outcome | None) -> str:
    """How a repeated job differs; empty where it does not."""
    if new is None or new.status != "ok":
        return "no result this time"
    apart = [np.abs(np.subtract(new.scores[name], old.scores[name])).max() for name in old.scores if name in new.scores]
    if any(apart):
        return f"quality hash agrees, scores of single questions differ by up to {max(apart):.3g}"
    if new.latency_failure and not old.latency_failure:
        return f"scores agree, but a search failed under the clock: {clean(new.latency_failure)}"
    return ""


def _latency(change: Change) -> Iterator[str]:
    for mismatch in change.mismatched("latency"):
        yield f"{change.label}: latency not compared, it differs in {mismatch}"
    for found in change.latencies:
        ratio = found.ratio
        if isnan(ratio.low):
            told = "not compared, too few rounds"
        elif ratio.low <= 1 <= ratio.high:
            told = "agrees"
        else:
            told = "agrees within drift" if 1 / DRIFT <= ratio.ratio <= DRIFT else "differs"
        times = f"{units.duration(found.before)} then, {units.duration(found.after)} now"
        interval = f"ratio {ratio.ratio:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        yield f"{change.label} on {found.device}: latency {told}: p50 {times}, {interval}"
