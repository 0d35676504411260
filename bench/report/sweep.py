"""Sweeps: what a parameter of the search trades for time, as a table and as a curve for each device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from matplotlib import rc_context, rcdefaults
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.measure.rounds import median_interval
from bench.outcome import Sweep
from bench.report import units
from bench.report.curve import End, name_ends
from bench.report.figures import Picture, svg
from bench.report.learning import Section
from bench.report.markdown import bullets, clean, code, device_table, escape, listing, paragraphs
from bench.report.quality import main_cell
from bench.report.speed import Speed, speed
from bench.report.style import FONT, HEIGHT, LONGEST, WIDTH, axes_of, looks
from bench.report.summary import Summary
from bench.report.system import System

RECALL = "ann recall@10"
"""Under this name a system that searches approximately tells what part of the ten nearest it finds."""


@dataclass(frozen=True)
class _Point:
    """One value of a sweep with its results on a device: recall is that of its indexes there, None where nobody told it."""

    sweep: Sweep
    value: str
    system: System
    device: str
    speed: Speed | None

    @property
    def recall(self) -> float | None:
        told = [job.learned[RECALL] for job in self.system.finished(self.device) if RECALL in job.learned]
        return fmean(told) if told else None


def sweeps(summary: Summary) -> Section:
    """One row for each value and device, and the curves; empty where nothing was swept."""
    if not summary.record.sweeps:
        return Section("", ())
    points = {device: list(_points(summary, device)) for device in summary.devices}
    drawn = [_picture(summary, device, found) for device, found in points.items() if any(_timed(found))]
    every = [point for found in points.values() for point in found]
    text = paragraphs(
        "## Sweeps",
        "Values of a parameter that search alone reads: all rows of a system have one fit and one index.",
        _table(summary, every) if every else "",
        bullets(_notes(summary, every)),
        *(picture.markdown() for picture in drawn),
    )
    return Section(text, tuple(drawn))


def _points(summary: Summary, device: str) -> Iterator[_Point]:
    """Results on a device, in the order of the sweeps and of their values."""
    systems = {system.spec: system for system in summary.ranked}
    for sweep in summary.record.sweeps:
        for value, spec in zip(sweep.values, sweep.systems, strict=True):
            if spec in systems and systems[spec].finished(device):
                yield _Point(sweep, value, systems[spec], device, speed(systems[spec], device))


def _table(summary: Summary, points: Sequence[_Point]) -> str:
    told = any(point.recall is not None for point in points)
    headers = [
        "swept",
        "device",
        "value",
        *([RECALL] if told else []),
        summary.main,
        "p50 (ms)",
        "offline (questions/s)",
    ]
    rows = [
        [
            code(_title(point.sweep)),
            escape(point.device),
            escape(point.value),
            *([units.ABSENT if point.recall is None else units.measure(point.recall)] if told else []),
            main_cell(summary, point.system),
            _p50(point.speed),
            units.number(point.speed.rate if point.speed else None),
        ]
        for point in points
    ]
    return device_table(headers, rows)


def _title(sweep: Sweep) -> str:
    """As the option names it."""
    return f"{sweep.spec}.{sweep.parameter}"


def _p50(found: Speed | None) -> str:
    if found is None or found.p50 is None:
        return units.ABSENT
    bounds = median_interval(found.rounds)
    interval = f" [{', '.join(map(units.milliseconds, bounds))}]" if bounds else ""
    return f"{units.milliseconds(found.p50)}{interval}"


def _notes(summary: Summary, points: Sequence[_Point]) -> list[str]:
    notes = []
    if any(point.recall is not None for point in points):
        notes.append(
            f"{RECALL}: part of the ten nearest documents, as exact search finds them, that the index finds, as the system "
            "tells it, which asks questions of its own, never the held-out ones. Exact search has 1."
        )
    shown = {point.system.spec for point in points}
    for sweep in summary.record.sweeps:
        lost = [code(value) for value, spec in zip(sweep.values, sweep.systems, strict=True) if spec not in shown]
        if lost:
            notes.append(f"{code(_title(sweep))}: no result for {listing(lost)}.")
    return notes


def _timed(points: Sequence[_Point]) -> list[_Point]:
    return [point for point in points if point.speed and point.speed.p50]


def _picture(summary: Summary, device: str, found: Sequence[_Point]) -> Picture:
    points = _timed(found)
    by_recall = all(point.recall is not None for point in points)
    name = RECALL if by_recall else summary.main
    with rc_context():
        rcdefaults()  # a personal matplotlibrc must not change the report
        figure, axes = axes_of(WIDTH, HEIGHT)
        _draw(axes, summary, points, name)
        axes.set_xlabel(f"ms a search of one question, p50, {device} (log scale)", fontsize=FONT, parse_math=False)
        content = svg(figure)
    told = [
        f"{_title(point.sweep)}={point.value} {units.measure(_height(summary, point, name))} at "
        f"{units.milliseconds(point.speed.p50 if point.speed else None)} ms"
        for point in points
    ]
    return Picture(
        f"figures/sweep-{device}.svg",
        f"{name} against the median latency of one search on {device}: {', '.join(told)}",
        f"{name} against p50 of a search on {escape(device)}, with 95% intervals of p50; at each mark its value.",
        content,
    )


def _height(summary: Summary, point: _Point, name: str) -> float:
    return point.recall if name == RECALL and point.recall is not None else point.system.mean(summary.main)


def _draw(axes: Axes, summary: Summary, points: Sequence[_Point], name: str) -> None:
    """A line for each sweep through the marks of its values."""
    style, ends, used = looks(summary), list[End](), set[str]()
    for sweep in dict.fromkeys(point.sweep.systems for point in points):
        own = [point for point in points if point.sweep.systems == sweep]
        own.sort(key=lambda point: (point.speed and point.speed.p50) or 0.0)
        found = [style[point.system.label] for point in own]
        look = next((one for one in found if one.colour not in used), found[0])  # sweeps have different colours
        used.add(look.colour)
        across = [(point.speed.p50 or 0.0) * 1e3 for point in own if point.speed]
        heights = [_height(summary, point, name) for point in own]
        bounds = [
            (point.speed and median_interval(point.speed.rounds)) or (x / 1e3, x / 1e3)
            for point, x in zip(own, across, strict=True)
        ]
        errors = [[max(0.0, x - low * 1e3) for x, (low, _) in zip(across, bounds, strict=True)]]
        errors.append([max(0.0, high * 1e3 - x) for x, (_, high) in zip(across, bounds, strict=True)])
        axes.errorbar(
            across, heights, xerr=errors, color=look.colour, marker=look.marker, linestyle=look.line, markersize=5, capsize=2,
            linewidth=1.4, elinewidth=0.8,
        )  # fmt: skip
        for point, x, y in zip(own, across, heights, strict=True):
            axes.annotate(
                clean(point.value, 12), (x, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=FONT - 1,
                color=look.ink, parse_math=False,
            )  # fmt: skip
        ends.append(End(_short(own[0].sweep), look.ink, look.marker, heights[-1]))
    _scales(axes, name)
    name_ends(axes, ends)


def _short(sweep: Sweep) -> str:
    """The end of its name, in which sweeps of one retriever differ."""
    title = clean(_title(sweep))
    return title if len(title) <= LONGEST else f"…{title[1 - LONGEST :]}"


def _scales(axes: Axes, name: str) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.08, y=0.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.measure(value)))
    axes.set_ylabel(name, fontsize=FONT)
