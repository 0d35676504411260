"""The answer in one paragraph: which system to ship, how sure that is and what it costs."""

from math import sqrt

from bench.report import units
from bench.report.audit import seen_before
from bench.report.choice import cheaper, recommended, rules_out_loss, training_seconds
from bench.report.disturbance import disturbance
from bench.report.markdown import clean, code, escape, listing
from bench.report.speed import common_medians, speed
from bench.report.summary import Summary
from bench.report.system import System

NO_TRAINING = 0.01
"""Seconds; a shorter fit is an empty one."""
NAMED = 3
"""So many tied systems are named in the paragraph."""
FEW = 100
"""With fewer questions the paragraph says how little they can tell."""


def answer(summary: Summary) -> str:
    """One paragraph for the person who must decide."""
    return " ".join([_verdict(summary), *_left_out(summary), *_reservations(summary)])


def pool(summary: Summary) -> str:
    """``500 documents``, and whether ``--limit`` cut them; plain text."""
    documents = f"{units.count(summary.record.counts['pool'])} documents"
    return f"{documents} (cut by --limit)" if summary.limited else documents


def why(system: System) -> str:
    """Why a system has no result, as plain text."""
    if not system.outcomes:
        return "not run"
    outcome = system.failures[0]
    return told(outcome.status, outcome.failure)


def told(status: str, failure: str) -> str:
    """Status and reason of a job, without saying the status twice."""
    line = clean(failure)
    return line if line.startswith(status) else f"{status}: {line}" if line else status


def _verdict(summary: Summary) -> str:
    best = summary.best
    if best is None:
        lost = [f"{code(system.label)} ({escape(why(system))})" for system in summary.systems]
        return "**No answer: no system finished.**" + (f" {listing(lost)}." if lost else "")
    if summary.failed_canaries:
        return "**No answer: the run is void**, and none of the numbers below may be used."
    pick = recommended(summary)
    if pick is None:
        top = f"The highest is {code(best.label)} with {_quality(summary, best)}."
        return f"**Nothing to ship: no system is shown to beat chance.** {top}"
    if len(summary.ranked) == 1:
        alone = f"**{code(best.label)} is the only system with a result, so there is nothing to compare it with.**"
        return f"{alone} It has {_quality(summary, best)}. {_cost(summary, best)}"
    sentences = [f"**Ship {code(pick.label)}.**", _reason(summary, best, pick), _standing(summary, best, pick)]
    if pick is best:
        sentences.append(_undecided(summary, best))
    return " ".join(sentence for sentence in [*sentences, _cost(summary, pick)] if sentence)


def _reason(summary: Summary, best: System, pick: System) -> str:
    if pick is best:
        return f"It scores highest: {_quality(summary, best)}."
    return (
        f"{code(best.label)} scores highest: {_quality(summary, best)}; but {code(pick.label)} is tied with it "
        f"({_behind(summary, pick)}) and much cheaper: {_saving(summary, best, pick)}."
    )


def _standing(summary: Summary, best: System, pick: System) -> str:
    """How the best stands against the systems that are not recommended, and how that was tested."""
    subject = "It" if pick is best else code(best.label)
    tied = [system for system in summary.tied() if system is not pick]
    worse = [system for system in summary.ranked[1:] if not summary.comparisons[system.label].tied]
    parts = []
    if tied:
        named = [f"{code(system.label)} ({_behind(summary, system)})" for system in tied[:NAMED]]
        parts.append(f"tied with {listing([*named, f'{len(tied) - NAMED} more'] if tied[NAMED:] else named)}")
    if worse:
        alone = len(summary.ranked) == 1 + len(worse)
        whom = "all others" if alone and len(worse) > 1 else f"{len(worse)} other{'s' if len(worse) > 1 else ''}"
        parts.append(f"better than {whom}, the nearest being {code(worse[0].label)} ({_behind(summary, worse[0])})")
    comparisons = len(summary.ranked) - 1
    corrected = f"tests, Holm-corrected over {comparisons} comparisons" if comparisons > 1 else "test"
    tested = f"p: paired randomisation {corrected}."
    return f"{subject} is {', and '.join(parts)}. {tested}" if parts else tested


def _undecided(summary: Summary, best: System) -> str:
    """Names a tied and much cheaper system whose possible loss is too large to recommend it."""
    risky = [system for system in cheaper(summary, best) if not rules_out_loss(summary, system)]
    if not risky:
        return ""
    lost = units.measure(-summary.comparisons[risky[0].label].test.low)
    questions = units.count(len(summary.record.query_ids))
    return (
        f"{code(risky[0].label)} is much cheaper ({_saving(summary, best, risky[0])}), but {questions} questions do not "
        f"rule out that it loses up to {lost}; more held-out questions would tell."
    )


def _quality(summary: Summary, system: System) -> str:
    record, main = summary.record, summary.main
    spread = system.spread(main)
    seeds = "" if spread is None else f" (mean of {len(system.measured)} seeds, sd {units.measure(spread)})"
    return (
        f"{main} {units.measure(system.mean(main))} {units.interval(*summary.intervals[system.label])}{seeds} over "
        f"{units.count(len(record.query_ids))} questions, with a pool of {pool(summary)} in which chance scores "
        f"{units.measure(summary.chance[main])}"
    )


def _behind(summary: Summary, system: System) -> str:
    found = summary.comparisons[system.label]
    low, high = units.difference(found.test.low), units.difference(found.test.high)
    return f"{units.difference(found.test.difference)} [{low}, {high}], {units.p_value(found.p)}"


def _saving(summary: Summary, best: System, other: System) -> str:
    parts = []
    if found := common_medians(summary, best, other):
        device, slow, fast = found
        parts.append(f"{units.duration(fast)} against {units.duration(slow)} a search on {escape(device)}")
    spent = training_seconds(other), training_seconds(best)
    if max(spent) >= NO_TRAINING:
        mine, theirs = (units.duration(seconds) if seconds >= NO_TRAINING else "none" for seconds in spent)
        parts.append(f"training {mine} against {theirs}")
    return listing(parts)


def _cost(summary: Summary, system: System) -> str:
    if not system.live:
        return f"The results of {code(system.label)} were read from a file, so nothing is known of its cost."
    medians = {device: found.p50 for device in summary.devices if (found := speed(system, device))}
    times = [f"{units.duration(p50)} on {escape(device)}" for device, p50 in medians.items() if p50 is not None]
    parts = [f"a search takes {listing(times)} (one question at a time, p50)"] if times else []
    seconds = training_seconds(system)
    parts.append(f"training takes {units.duration(seconds)}" if seconds >= NO_TRAINING else "there is no training")
    trained, served = system.peak("open", "fit"), system.peak("index", "search")
    peaks = [f"{units.megabytes(trained)} MB until it is trained"] if trained and seconds >= NO_TRAINING else []
    peaks += [f"{units.megabytes(served)} MB while it indexes and searches"] if served else []
    if peaks:
        parts.append(f"its process, collection and libraries included, holds at most {' and '.join(peaks)}")
    return f"With {code(system.label)} {listing(parts)}."


def _left_out(summary: Summary) -> list[str]:
    """A sentence for each reason why the verdict does not compare all that was asked for."""
    sentences = []
    statuses = {job.status for system in summary.systems for job in system.outcomes}
    if summary.results and ("interrupted" in statuses or not all(system.outcomes for system in summary.systems)):
        sentences.append("**The run was interrupted** and is not complete.")
    strangers = [code(system.label) for system in summary.results if not system.comparable]
    if strangers:
        sentences.append(f"Not compared, since the quality fingerprint differs: {listing(strangers)}.")
    lost = [f"{code(system.label)} ({escape(why(system))})" for system in summary.systems if not system.measured]
    if lost and summary.results:
        sentences.append(f"Without a result: {listing(lost)}.")
    slow = [(system, system.latency_failure()) for system in summary.results]
    untimed = [f"{code(system.label)} ({escape(told('failed', failure))})" for system, failure in slow if failure]
    if untimed:
        sentences.append(f"Without a full measurement of latency: {listing(untimed)}.")
    return sentences


def _reservations(summary: Summary) -> list[str]:
    """What makes the numbers less sure: known questions, a busy machine, few questions, a limited run."""
    asked = len(summary.record.query_ids)
    sentences = [known] if (known := seen_before(summary)) else []
    if busy := disturbance(summary):
        sentences.append(
            f"The machine was busy: other processes used about {units.number(busy, 2)} cores while latencies were measured."
        )
    if asked < FEW:
        half = min(0.5, 0.98 / sqrt(asked))  # 1.96 standard errors of a share of one half
        questions = f"{asked} question{'' if asked == 1 else 's'}"
        sentences.append(
            f"With only {questions} a 95% interval around .500 reaches {units.measure(half)} to either side, so that only "
            "large differences show."
        )
    if summary.limited:
        sentences.append(f"**A run with {code('--limit')} is a quick look, not a result.**")
    return sentences
