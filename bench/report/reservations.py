"""What makes the answer less sure than its intervals say."""

from bench.report import units
from bench.report.audit import seen_before
from bench.report.disturbance import disturbance
from bench.report.markdown import code, escape
from bench.report.summary import Summary


def reservations(summary: Summary) -> list[str]:
    """A sentence each: a small pool, known questions, few training pairs, a single training run, a busy machine."""
    if all(system.baseline for system in summary.ranked):
        return []
    sentences = [
        _small_pool(summary),
        seen_before(summary),
        _fewer_pairs(summary),
        _single_seed(summary),
        _busy(summary),
    ]
    return [sentence for sentence in sentences if sentence]


def _small_pool(summary: Summary) -> str:
    counts = summary.record.counts
    if counts["pool"] >= counts["documents"]:
        return ""
    whose = "kept" if summary.limited else "collection's"
    return (
        f"The pool is {units.share(counts['pool'], counts['documents'])} of the {whose} "
        f"{units.count(counts['documents'])} documents: over all of them scores are as a rule lower and the order may change "
        f"({code('--pool all')})."
    )


def _fewer_pairs(summary: Summary) -> str:
    told = summary.record.facts.get("training pairs")
    if summary.record.main_size is None or told is None:
        return ""
    return f"What learns had a part of the training pairs: {escape(told)}."


def _single_seed(summary: Summary) -> str:
    once = [s for s in summary.ranked if not s.baseline and len(s.measured) == 1 and s.measured[0].seeded]
    if not once:
        return ""
    known = "p and intervals do" if summary.ranked[1:] else "the interval does"
    return f"One training run each: {known} not cover chance in training; {code('--seeds 0,1,2')} shows it."


def _busy(summary: Summary) -> str:
    used = disturbance(summary)
    if used is None:
        return ""
    return (
        f"The machine was busy: other processes used about {units.number(used, 2)} cores while latencies were measured."
    )
