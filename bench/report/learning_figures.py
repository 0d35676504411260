"""Learning curves: quality against the number of training pairs, and quality on dev against seconds of training."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report import units
from bench.report.curve import End, name_ends
from bench.report.epochs import MEASURE, Training
from bench.report.growth import Growth, interval
from bench.report.markdown import clean
from bench.report.style import FONT, looks
from bench.report.summary import Summary
from bench.report.system import System

Line = str | tuple[int, tuple[int, int]]

_APART = 1.25
"""Two numbers on the axis of pairs stand at least this factor apart."""
_DODGE = 1.012
"""Marks of different systems are moved apart by this factor, so that their error bars can be told apart."""
_WIDE = 20
"""A range of seconds beyond this factor is drawn on a log scale."""
_DASHED: Line = (0, (4, 3))
_PARTS: tuple[Line, ...] = ("--", "-.", (0, (1, 1)))


def draw_growth(axes: Axes, summary: Summary, grown: Sequence[Growth], others: Sequence[System]) -> None:
    """The main measure with its 95% interval by number of pairs; ``others``, which do not learn from pairs, are level lines."""
    style, main = looks(summary), summary.main
    ends = []
    for number, growth in enumerate(grown):
        look = style[growth.system.label]
        moved = _DODGE ** (number - (len(grown) - 1) / 2)
        means = [point.mean(main) for point in growth.points]
        bounds = [interval(summary, point, main) for point in growth.points]
        errors = [[m - low for m, (low, _) in zip(means, bounds, strict=True)]]
        errors.append([high - m for m, (_, high) in zip(means, bounds, strict=True)])
        axes.errorbar(
            [point.pairs * moved for point in growth.points], means, yerr=errors, color=look.colour, marker=look.marker,
            linestyle=look.line, markersize=5, capsize=3, linewidth=1.6, elinewidth=1,
        )  # fmt: skip
        ends.append(End(look.name, look.ink, look.marker, means[-1]))
    for system in others:
        look, mean = style[system.label], system.mean(main)
        axes.axhline(mean, color=look.colour, linestyle=_DASHED, linewidth=1.2, zorder=1)
        ends.append(End(look.name, look.ink, "", mean))
    pairs = sorted({point.pairs for growth in grown for point in growth.points})
    _pairs_axis(axes, pairs)
    axes.set_ylabel(f"{main}, held-out questions", fontsize=FONT)
    name_ends(axes, ends)


def draw_trainings(axes: Axes, summary: Summary, found: Sequence[Training]) -> None:
    """RR@10 on dev after every epoch: seeds as thin lines, their mean thick, a mark at the epoch that each seed kept."""
    style = looks(summary)
    ends = []
    for training, line in zip(found, _lines(found), strict=True):
        look = style[training.system.label]
        several = len(training.courses) > 1
        for course in training.courses if several else ():
            axes.plot(course.seconds, course.dev, color=look.colour, linestyle=line, linewidth=0.7, alpha=0.55)
        seconds, dev = training.mean
        axes.plot(seconds, dev, color=look.colour, linestyle=line, linewidth=2.0 if several else 1.6)
        for course in training.courses:
            axes.plot([course.spent], [course.best], color=look.colour, marker=look.marker, markersize=6, linestyle="")
        ends.append(End(title(training, look.name), look.ink, look.marker, dev[-1]))
    _seconds_axis(axes, found)
    axes.set_ylabel(f"{MEASURE} after the epoch", fontsize=FONT)
    right = axes.get_xlim()[1]
    for training, end in zip(found, ends, strict=True):
        axes.plot([training.mean[0][-1], right], [end.value] * 2, color=end.colour, linestyle=":", linewidth=0.6)
    name_ends(axes, ends)


def title(training: Training, name: str) -> str:
    """``gru``; ``cnn: vectors`` for the training of a part."""
    return f"{name}: {clean(training.part)}" if training.part else name


def _lines(found: Sequence[Training]) -> list[Line]:
    """Line styles: a system's own training is drawn as everywhere, those of its parts are broken."""
    lines: list[Line] = []
    for at, training in enumerate(found):
        before = sum(other.system is training.system for other in found[:at])
        lines.append(_PARTS[(before - 1) % len(_PARTS)] if before else "-")
    return lines


def _pairs_axis(axes: Axes, pairs: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(pairs[0] / 1.1, pairs[-1] * 1.1)
    axes.margins(y=0.08)
    ticks = [pairs[-1]]
    for number in reversed(pairs):
        if number * _APART <= ticks[-1]:
            ticks.append(number)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: units.count(round(number))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.measure(value)))
    axes.set_xlabel("training pairs (log scale)", fontsize=FONT)


def _seconds_axis(axes: Axes, found: Sequence[Training]) -> None:
    first = min(course.seconds[0] for training in found for course in training.courses)
    last = max(training.longest for training in found)
    wide = last > _WIDE * first
    if wide:
        axes.set_xscale("log")
        axes.set_xlim(first / 1.15, last * 1.15)
        ticks = [k * 10.0**e for e in range(-3, 7) for k in (1, 2, 5) if first / 1.15 <= k * 10.0**e <= last * 1.15]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, last * 1.03)
    axes.margins(y=0.08)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.measure(value)))
    axes.set_xlabel(f"seconds of training{' (log scale)' if wide else ''}", fontsize=FONT)
