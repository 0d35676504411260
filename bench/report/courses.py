"""Courses of training in words and as a table: when a system was at its best, and how fast it learned."""

from collections.abc import Sequence
from statistics import fmean, median

from bench.report import units
from bench.report.epochs import MEASURE, Training
from bench.report.markdown import code, escape, paragraphs, table
from bench.report.summary import Summary

NEAR = 0.01
"""Of RR@10: what is within it of the best epoch is nearly as good."""


def readings(found: Sequence[Training]) -> list[str]:
    """A line for each training: when it was at its best, when nearly, and whether it ended there."""
    return [f"{_name(training)}: {_reading(training)}" for training in found]


def _reading(training: Training) -> str:
    courses = training.courses
    several = len(courses) > 1
    kept = sorted({course.kept for course in courses})
    epochs = f"epoch {kept[0]}" if len(kept) == 1 else f"epochs {kept[0]} to {kept[-1]}"
    most = max(len(course.dev) for course in courses)
    best, spent = units.measure(training.best), units.duration(training.spent)
    seeds = f" (mean of {len(courses)} seeds; median seconds)" if several else ""
    among = f" among {escape(training.pool)}" if training.pool else ""
    text = f"best on dev, RR@10 {best}{among}, after {spent}, in {epochs} of {most}{seeds}"
    if any(course.reached(NEAR) < course.spent for course in courses):
        near = units.duration(median(course.reached(NEAR) for course in courses))
        text += f"; within {units.measure(NEAR)} of that after {near}"
    last = sum(course.kept == len(course.dev) for course in courses)
    if last:
        which = f" with {last} of the seeds" if last < len(courses) else ""
        text += f"; the last epoch was the best{which}, so that what more of them would do was not seen"
    return f"{text}."


def training_table(summary: Summary, found: Sequence[Training]) -> str:
    """Epoch by epoch the means over seeds; then what one training took, and pairs per second where they are known."""
    rows = []
    for training in found:
        seconds, dev = training.mean
        for at, (spent, value) in enumerate(zip(seconds, dev, strict=True)):
            losses = [loss for course in training.courses if (loss := course.loss[at]) is not None]
            kept = [str(course.seed) for course in training.courses if course.kept == at + 1]
            mean_loss = units.number(fmean(losses)) if len(losses) == len(training.courses) else units.ABSENT
            several = len(summary.record.seeds) > 1
            mark = "" if not kept else f"seed {', '.join(kept)}" if several else "kept"
            rows.append([_name(training), str(at + 1), units.seconds(spent), units.measure(value), mean_loss, mark])
    told = [
        [
            _name(training),
            units.count(len(training.courses)),
            units.seconds(median(course.seconds[-1] for course in training.courses)),
            units.seconds(training.spent),
            units.number(median(rates)) if (rates := [c.rate for c in training.courses if c.rate]) else units.ABSENT,
        ]
        for training in found
    ]
    return paragraphs(
        table(["training", "epoch", "seconds", MEASURE, "loss", "kept by"], rows, right=1),
        table(["training", "seeds", "seconds in all", "to the kept epoch", "pairs/s"], told),
        "pairs/s: pairs times epochs over the seconds, evaluation on dev included. Epochs that not every seed reached are "
        "left out of the means.",
    )


def _name(training: Training) -> str:
    part = f": {escape(training.part)}" if training.part else ""
    return f"{code(training.system.label)}{part}"
