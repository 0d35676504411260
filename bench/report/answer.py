"""The answer in one paragraph: which system to ship, how sure that is and what it costs."""

from math import isnan

from bench.report import units
from bench.report.choice import cheaper, recommended, rules_out_loss, training_seconds
from bench.report.frontier import alternatives
from bench.report.markdown import code, escape, listing
from bench.report.reservations import reservations
from bench.report.speed import common_medians, speed
from bench.report.status import told, why
from bench.report.summary import Summary
from bench.report.system import System

NO_TRAINING = 0.01
"""Seconds; a shorter fit is an empty one."""
NAMED = 3
"""So many tied systems are named in the paragraph."""


def answer(summary: Summary) -> str:
    """One paragraph for the person who must decide."""
    return " ".join([_verdict(summary), *_left_out(summary), *reservations(summary)])


def pool(summary: Summary) -> str:
    """``500 documents``, and whether ``--limit`` cut them; plain text."""
    documents = f"{units.count(summary.record.counts['pool'])} documents"
    return f"{documents} (cut by --limit)" if summary.limited else documents


def _verdict(summary: Summary) -> str:
    best = summary.best
    if best is None or _cut_short(summary):
        return _unanswered(summary)
    if summary.failed_canaries:
        return "**No answer: the run is void**, and none of the numbers below may be used."
    provisional = _provisional(summary)
    has = f"It has {_quality(summary, best)}."
    if recommended(summary) is None:
        top = f"The highest is {code(best.label)} with {_quality(summary, best)}."
        return f"**{provisional or 'Nothing to ship: '}no system is shown to beat chance.** {top}"
    if len(summary.ranked) == 1:
        alone = f"{code(best.label)} is the only system with a result, so there is nothing to compare it with"
        return f"**{provisional}{alone}.** {has} {_cost(summary, best)}"
    if provisional:
        headline = f"**{provisional}{code(best.label)} scores highest.**"
        return f"{headline} {has} {_standing(summary, best, best)} {_cost(summary, best)}"
    return _shipped(summary, best)


def _shipped(summary: Summary, best: System) -> str:
    pick = recommended(summary) or best
    sentences = [f"**Ship {code(pick.label)}.**", _reason(summary, best, pick), _standing(summary, best, pick)]
    if pick is best:
        sentences.append(_undecided(summary, best))
    sentences += [_cost(summary, pick), _cheaper(summary, pick)]
    return " ".join(sentence for sentence in sentences if sentence)


def _cut_short(summary: Summary) -> bool:
    """Whether the run was interrupted before anything but the random order had a result."""
    return summary.interrupted and all(system.baseline for system in summary.ranked)


def _unanswered(summary: Summary) -> str:
    lost = _lost(summary)
    cause = "the run was interrupted before any contender finished" if summary.interrupted else "no system finished"
    return f"**No answer: {cause}.**" + (f" {lost}." if lost else "")


def _lost(summary: Summary) -> str:
    """Systems without a result by the reason, ``a (interrupted) and b, c (not run)``."""
    reasons: dict[str, list[str]] = {}
    for system in summary.systems:
        if not system.measured:
            reasons.setdefault(why(system), []).append(code(system.label))
    return listing([f"{', '.join(names)} ({escape(reason)})" for reason, names in reasons.items()])


def _provisional(summary: Summary) -> str:
    """What a run that is no result begins with, to be followed by what it saw; empty for a whole one."""
    if summary.limited:
        trained = f"{units.count(summary.record.counts['train'])} training questions"
        cut = "; interrupted" if summary.interrupted else ""
        return f"Quick look only ({code('--limit')}, {trained}{cut}): "
    return "Interrupted run, of what finished: " if summary.interrupted else ""


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
        named = [
            f"{code(system.label)} ({_behind(summary, system)}{_missed(summary, system)})" for system in tied[:NAMED]
        ]
        parts.append(f"tied with {listing([*named, f'{len(tied) - NAMED} more'] if tied[NAMED:] else named)}")
    if worse:
        alone = len(summary.ranked) == 1 + len(worse)
        nearest = f"{code(worse[0].label)} ({_behind(summary, worse[0])})"
        whom = "all others" if alone else f"{len(worse)} others"
        parts.append(f"better than {f'{whom}, the nearest being {nearest}' if worse[1:] else nearest}")
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
        f"{units.chance(summary.chance[main])}"
    )


def _behind(summary: Summary, system: System) -> str:
    found = summary.comparisons[system.label]
    low, high = units.difference(found.test.low), units.difference(found.test.high)
    return f"{units.difference(found.test.difference)} [{low}, {high}], {units.p_value(found.p)}"


def _missed(summary: Summary, system: System) -> str:
    """How large a difference may be that a tie does not exclude."""
    detectable = summary.comparisons[system.label].test.detectable
    return "" if isnan(detectable) else f"; a difference under {units.measure(detectable)} would often be missed"


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
    trains = seconds >= NO_TRAINING
    parts += [f"training takes {units.duration(seconds)}"] if trains else []
    sentences = [f"With {code(system.label)} {listing(parts)}."] if parts else []
    return " ".join([*sentences, *([] if trains else ["There is no training."]), *_memory(system, trains=trains)])


def _memory(system: System, *, trains: bool) -> list[str]:
    trained, served = system.peak("open", "fit"), system.peak("index", "search")
    if trains and trained and served:
        return [
            f"Memory: at most {units.megabytes(trained)} MB in training, {units.megabytes(served)} MB in serving (whole process)."
        ]
    return [f"Serving takes at most {units.megabytes(served)} MB (whole process)."] if served else []


def _cheaper(summary: Summary, pick: System) -> str:
    """Systems that lose little and save much, where one is."""
    sentences = []
    for one in alternatives(summary, pick):
        lost = one.difference
        where = f" on {escape(one.device)}" if len(summary.devices) > 1 else ""
        sentences.append(
            f"{code(one.system.label)} loses {units.measure(-lost.difference)} {units.interval(-lost.high, -lost.low)} and "
            f"takes {units.duration(one.seconds)} a search{where}, 1/{one.times:.0f} of the time"
        )
    return f"Cheaper: {'; '.join(sentences)}." if sentences else ""


def _left_out(summary: Summary) -> list[str]:
    """A sentence for each reason why the verdict does not compare all that was asked for."""
    sentences = []
    strangers = [code(system.label) for system in summary.results if not system.comparable]
    if strangers:
        sentences.append(f"Not compared, since the quality fingerprint differs: {listing(strangers)}.")
    if summary.best and not _cut_short(summary) and (lost := _lost(summary)):
        sentences.append(f"Without a result: {lost}.")
    return [*sentences, *_untimed(summary)]


def _untimed(summary: Summary) -> list[str]:
    """Systems without (all) latencies, those with one reason together; and whether their price would have decided."""
    reasons: dict[str, list[System]] = {}
    for system in summary.results:
        if failure := system.latency_failure():
            reasons.setdefault(escape(told("failed", failure)), []).append(system)
    if not reasons:
        return []
    named = [f"{listing([code(one.label) for one in systems])} ({why})" for why, systems in reasons.items()]
    sentences = [f"Without a full measurement of latency: {'; '.join(named)}."]
    best = summary.best
    top = [] if best is None or not summary.tied() else [best, *summary.tied()]
    if missed := [code(system.label) for system in top if system.latency_failure()]:
        sentences.append(f"Between the tied systems the search time of {listing(missed)} could not decide.")
    return sentences
