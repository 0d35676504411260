"""Quality against latency: which systems are worth their time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from bench.measure.rounds import median_interval
from bench.report import units
from bench.report.frontier import frontier
from bench.report.speed import speed
from bench.report.style import FONT, GREY, looks
from bench.report.summary import Summary
from bench.report.system import System

Pixels = NDArray[np.float64]

_RADII = (9, 18, 30, 45, 62)
"""Distances in points at which a free place for a name is looked for."""


def timed(summary: Summary, device: str) -> dict[System, float]:
    """Systems above chance with enough samples on a device, and their median latency in ms."""
    speeds = {system: speed(system, device) for system in summary.results if summary.beats_chance(system)}
    return {system: found.p50 * 1e3 for system, found in speeds.items() if found and found.p50}


def draw_tradeoff(axes: Axes, summary: Summary, device: str, points: Mapping[System, float]) -> None:
    """One mark for each of the systems ``timed`` found: 95% intervals of the main measure and of p50, name beside it."""
    style = looks(summary)
    best = [system for system in frontier(summary, device) if system in points]
    axes.plot(
        [points[s] for s in best], [s.mean(summary.main) for s in best], color=GREY, linewidth=1, zorder=1, alpha=0.6
    )
    for system, latency in points.items():
        look = style[system.label]
        mean = system.mean(summary.main)
        axes.errorbar(
            latency, mean, yerr=_around(mean, summary.intervals[system.label]), xerr=_around(latency, _interval(system, device)),
            color=look.colour, marker=look.marker, markersize=7, capsize=3, linewidth=1.2,
        )  # fmt: skip
    _scales(axes, summary.main, device, list(points.values()))
    names = [(style[system.label].name, style[system.label].ink) for system in points]
    spots = [
        _Spot(
            latency,
            system.mean(summary.main),
            summary.intervals[system.label],
            _interval(system, device) or (latency, latency),
        )
        for system, latency in points.items()
    ]
    _name_points(axes, names, spots, [(points[system], system.mean(summary.main)) for system in best])


class _Spot(NamedTuple):
    """A system in the figure: ms and measure, and the interval of each."""

    x: float
    y: float
    high: tuple[float, float]
    wide: tuple[float, float]


def _interval(system: System, device: str) -> tuple[float, float] | None:
    """95% interval of the median latency in ms."""
    found = speed(system, device)
    interval = median_interval(found.rounds) if found else None
    return interval and (interval[0] * 1e3, interval[1] * 1e3)


def _around(value: float, interval: tuple[float, float] | None) -> list[list[float]] | None:
    """Lengths of an error bar to either side."""
    return interval and [[max(0.0, value - interval[0])], [max(0.0, interval[1] - value)]]


def _scales(axes: Axes, measure: str, device: str, latencies: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(latencies) / 2, max(latencies) * 2)
    axes.margins(y=0.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: units.measure(value)))
    axes.set_xlabel(f"ms a search of one question, p50, {device} (log scale)", fontsize=FONT, parse_math=False)
    axes.set_ylabel(measure, fontsize=FONT)


def _name_points(
    axes: Axes,
    names: Sequence[tuple[str, str]],
    spots: Sequence[_Spot],
    line: Sequence[tuple[float, float]],
) -> None:
    """Each name at the nearest place where it covers no mark, interval, line or other name and stays inside the axes."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.12, top=0.97)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    frame = axes.get_window_extent(renderer)
    point = figure.dpi / 72
    taken = [box for spot in spots for box in _marks(axes, spot, point)]
    taken += [box for ends in pairwise(line) for box in _along(axes.transData.transform(ends), point)]
    for (name, colour), (x, y, _, _) in zip(names, spots, strict=True):
        label = axes.annotate(name, (x, y), fontsize=FONT, color=colour, parse_math=False)
        size = label.get_window_extent(renderer).size
        label.remove()
        anchor = np.array(axes.transData.transform((x, y)))
        best = _freest(list(_places(anchor, np.array(size), point)), taken, frame)
        dx, dy = best.side
        leader = {
            "arrowstyle": "-",
            "color": GREY,
            "linewidth": 0.6,
            "relpos": ((1 - dx) / 2, (1 - dy) / 2),
            "shrinkA": 1,
        }
        axes.annotate(
            name, (x, y), xytext=(dx * best.radius, dy * best.radius), textcoords="offset points", fontsize=FONT,
            color=colour, ha=("right", "center", "left")[dx + 1], va=("top", "center", "bottom")[dy + 1],
            parse_math=False, arrowprops=leader if best.leader else None,
        )  # fmt: skip
        taken += [best.box, *best.leader]


class _Place(NamedTuple):
    """A place for a name: side and distance (points), the box of its text and those along its leader line (pixels)."""

    side: tuple[int, int]
    radius: int
    box: Bbox
    leader: list[Bbox]


def _marks(axes: Axes, spot: _Spot, point: float) -> list[Bbox]:
    """What a mark and its intervals cover on the canvas."""
    across, middle = axes.transData.transform((spot.x, spot.y))
    bottom, top = (axes.transData.transform((spot.x, end))[1] for end in spot.high)
    left, right = (axes.transData.transform((end, spot.y))[0] for end in spot.wide)
    half = 5 * point
    return [
        Bbox([[across - half, middle - half], [across + half, middle + half]]),
        Bbox([[across - half * 0.8, bottom - point], [across + half * 0.8, top + point]]),
        Bbox([[left - point, middle - half * 0.8], [right + point, middle + half * 0.8]]),
    ]


def _along(ends: Pixels, point: float) -> list[Bbox]:
    """Small boxes along a line between two places, ``[2, 2]``, ends left out."""
    start, end = ends
    count = int(np.hypot(*(end - start)) / (4 * point))
    return [Bbox([spot - point, spot + point]) for spot in np.linspace(start, end, count + 2)[1:-1]]


def _places(anchor: Pixels, size: Pixels, point: float) -> Iterator[_Place]:
    """Places for a name of a size, the preferred ones first: near, then to the right."""
    for radius, (dx, dy) in product(_RADII, ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))):
        side = np.array([dx, dy])
        end = anchor + side * radius * point
        corner = end + (side - 1) / 2 * size
        line = np.linspace(anchor, end, 12)[4:-1] if radius > _RADII[0] else np.empty((0, 2))
        box = Bbox([corner - 2 * point, corner + size + 2 * point])  # a little air
        yield _Place((dx, dy), radius, box, [Bbox([spot - 1, spot + 1]) for spot in line])


def _freest(places: Sequence[_Place], taken: Sequence[Bbox], frame: Bbox) -> _Place:
    """The first place that covers nothing, or the one that covers least."""
    free = (place for place in places if not _covered(place, taken, frame))
    return next(free, None) or min(places, key=lambda place: _covered(place, taken, frame))


def _covered(place: _Place, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Area of a name and its leader line over what is taken, and of the name outside the axes; in square pixels."""
    outside = place.box.width * place.box.height - _shared(place.box, frame)
    return outside + sum(_shared(box, other) for box in (place.box, *place.leader) for other in taken)


def _shared(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else float(both.width * both.height)
