"""The top-k curve: Success@k for every k up to the largest cutoff."""

from math import log10

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report.style import FONT, GREY, looks, spread
from bench.report.summary import Summary

_CHARACTER = 0.62
"""Width of a wide character of the font in its size."""


def draw_curve(axes: Axes, summary: Summary) -> None:
    """One line a system, its name at the right end; chance is dashed."""
    largest = max(summary.record.cutoffs)
    ks = range(1, largest + 1)
    style = looks(summary)
    chance = [summary.expected(f"Success@{k}") for k in ks]
    axes.plot(ks, chance, color=GREY, linestyle=(0, (4, 3)), linewidth=1.2)
    ends = [("chance", GREY, chance[-1])]
    for system in summary.results:
        look = style[system.label]
        values = [system.success(k) for k in ks]
        marks = [k - 1 for k in sorted(set(summary.record.cutoffs))]
        axes.plot(
            ks, values, color=look.colour, linestyle=look.line, marker=look.marker, markevery=marks, markersize=4.5,
            linewidth=1.6, clip_on=False,
        )  # fmt: skip
        ends.append((look.name, look.ink, values[-1]))
    _scales(axes, largest)
    _name_ends(axes, ends)


def _scales(axes: Axes, largest: int) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1, max(largest, 2))
    axes.set_ylim(bottom=0)
    ticks = [k * 10**e for e in range(int(log10(largest)) + 1) for k in (1, 2, 3, 5) if k * 10**e <= largest]
    axes.xaxis.set_major_locator(FixedLocator(sorted({*ticks, largest})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}".replace("0.", ".")))
    axes.set_xlabel("k (log scale)", fontsize=FONT)
    axes.set_ylabel("Success@k", fontsize=FONT)


def _name_ends(axes: Axes, ends: list[tuple[str, str, float]]) -> None:
    """Names beside the ends of their lines, moved apart where lines end close together."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    width, height = figure.get_size_inches() * 72
    margin = max(len(name) for name, _, _ in ends) * FONT * _CHARACTER + 30
    figure.subplots_adjust(left=0.09, right=1 - margin / width, bottom=0.12, top=0.97)
    low, high = axes.get_ylim()
    gap = (high - low) * 1.35 * FONT / (0.85 * height)
    places = spread([value for _, _, value in ends], gap, low, high)
    beside = axes.get_yaxis_transform()
    start, end, text = (1 + points / (width - margin) for points in (4, 16, 19))
    for (name, colour, value), place in zip(ends, places, strict=True):
        axes.add_artist(
            Line2D([start, end], [value, place], transform=beside, clip_on=False, color=colour, linewidth=0.6)
        )
        axes.text(text, place, name, transform=beside, fontsize=FONT, color=colour, va="center", parse_math=False)
