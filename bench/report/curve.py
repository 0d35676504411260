"""The top-k curve: Success@k for every k up to the largest cutoff."""

from collections.abc import Sequence
from math import floor, isnan, log10, nan
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report.style import FONT, GREY, looks, spread
from bench.report.summary import Summary

_TICKS = 20
_CHARACTER = 0.62
"""Width of a wide character of the font in its size."""


def draw_curve(axes: Axes, summary: Summary) -> None:
    """One line a system, its mark and name at the right end; chance is dashed. What lies below the axis is left out."""
    largest = max(summary.record.cutoffs)
    ks = range(1, largest + 1)
    style = looks(summary)
    bottom = floor_of(summary)
    chance = _above(bottom, [summary.expected(f"Success@{k}") for k in ks])
    axes.plot(ks, chance, color=GREY, linestyle=(0, (4, 3)), linewidth=1.2)
    ends = [End("chance", GREY, "", chance[-1])]
    for system in summary.results:
        look = style[system.label]
        values = _above(bottom, [system.success(k) for k in ks])
        marks = [k - 1 for k in sorted(set(summary.record.cutoffs))]
        axes.plot(
            ks, values, color=look.colour, linestyle=look.line, marker=look.marker, markevery=marks, markersize=4.5,
            linewidth=1.6, clip_on=False,
        )  # fmt: skip
        ends.append(End(look.name, look.ink, look.marker, values[-1]))
    _scales(axes, largest, bottom)
    name_ends(axes, [end for end in ends if not isnan(end.value)])


def floor_of(summary: Summary) -> float:
    """Where the axis of Success@k begins: at a twentieth just below the lowest system that beats chance, 0 without one."""
    lowest = [system.success(1) for system in summary.ranked if not system.baseline and summary.beats_chance(system)]
    return floor(min(lowest, default=0.0) * _TICKS) / _TICKS


class End(NamedTuple):
    """Right end of a line: name, colour of the text, mark (empty for none) and value."""

    name: str
    colour: str
    marker: str
    value: float


def _above(bottom: float, values: Sequence[float]) -> list[float]:
    """Values, nan for those below the axis."""
    return [value if value >= bottom else nan for value in values]


def _scales(axes: Axes, largest: int, bottom: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1, max(largest, 2))
    axes.set_ylim(bottom=bottom)
    ticks = [k * 10**e for e in range(int(log10(largest)) + 1) for k in (1, 2, 3, 5) if k * 10**e <= largest]
    axes.xaxis.set_major_locator(FixedLocator(sorted({*ticks, largest})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2f}".removeprefix("0")))
    axes.set_xlabel("k (log scale)", fontsize=FONT)
    axes.set_ylabel("Success@k", fontsize=FONT)


def name_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Marks and names beside the ends of their lines, moved apart where lines end close together."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    width, height = figure.get_size_inches() * 72
    margin = max(len(end.name) for end in ends) * FONT * _CHARACTER + 38
    figure.subplots_adjust(left=0.09, right=1 - margin / width, bottom=0.12, top=0.97)
    low, high = axes.get_ylim()
    gap = (high - low) * 1.35 * FONT / (0.85 * height)
    places = spread([end.value for end in ends], gap, low, high)
    beside = axes.get_yaxis_transform()
    start, stop, mark, text = (1 + points / (width - margin) for points in (4, 16, 21, 27))
    for end, place in zip(ends, places, strict=True):
        leader = Line2D([start, stop], [end.value, place], color=end.colour, linewidth=0.6)
        marked = Line2D([mark], [place], color=end.colour, marker=end.marker, markersize=4.5, linestyle="")
        for line in (leader, marked):
            line.set(transform=beside, clip_on=False)
            axes.add_artist(line)
        axes.text(
            text, place, end.name, transform=beside, fontsize=FONT, color=end.colour, va="center", parse_math=False
        )
