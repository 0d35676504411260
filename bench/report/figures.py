"""Both figures as SVG: the same summary gives the same bytes, and a system has the same colour in each."""

import re
from dataclasses import dataclass
from io import BytesIO

from matplotlib import rc_context, rcdefaults
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bench.report import units
from bench.report.curve import draw_curve, floor_of
from bench.report.markdown import escape
from bench.report.style import HEIGHT, WIDTH, axes_of
from bench.report.summary import Summary
from bench.report.tradeoff import draw_tradeoff, timed


@dataclass(frozen=True)
class Picture:
    """A figure as the report shows it: file name, alternative text, caption, SVG."""

    name: str
    alt: str
    caption: str
    content: bytes

    def markdown(self) -> str:
        """The image and its caption."""
        return f"![{escape(self.alt)}]({self.name})\n\n{self.caption}"


def pictures(summary: Summary) -> list[Picture]:
    """The top-k curve and, for each device on which systems were timed, quality against latency."""
    if not summary.results:
        return []
    with rc_context():
        rcdefaults()  # a personal matplotlibrc must not change the report
        drawn = [_curve(summary)]
        devices = [device for device in summary.devices if timed(summary, device)]
        drawn += [_tradeoff(summary, device, again=device != devices[0]) for device in devices]
    return drawn


def _curve(summary: Summary) -> Picture:
    figure, axes = axes_of(WIDTH, max(HEIGHT, 0.2 * len(summary.results)))
    draw_curve(axes, summary)
    largest = max(summary.record.cutoffs)
    found = [f"{system.label} {units.measure(system.success(largest))}" for system in summary.results]
    return Picture(
        "figures/top-k.svg",
        f"Success@k for k from 1 to {largest}; at {largest}: {', '.join(found)}",
        f"Share of questions with a right solution among the first k, up to {largest}; {_chance(summary, largest)}.",
        svg(figure),
    )


def _chance(summary: Summary, largest: int) -> str:
    """What chance scores; the axis may begin above it."""
    least, most = (units.chance(summary.expected(f"Success@{k}")) for k in (1, largest))
    begins = floor_of(summary)
    if begins > summary.expected(f"Success@{largest}"):
        return (
            f"chance ({least} at 1, {most} at {largest}) lies below the axis, which begins at {units.measure(begins)}"
        )
    axis = f"; the axis begins at {units.measure(begins)}" if begins else ""
    return f"dashed: chance ({least} at 1, {most} at {largest}){axis}"


def _tradeoff(summary: Summary, device: str, *, again: bool) -> Picture:
    figure, axes = axes_of(WIDTH, HEIGHT)
    points = timed(summary, device)
    draw_tradeoff(axes, summary, device, points)
    found = [
        f"{system.label} {units.measure(system.mean(summary.main))} at {units.number(latency)} ms"
        for system, latency in points.items()
    ]
    caption = (
        f"{summary.main} against p50 of a search on {escape(device)}, with 95% intervals, for systems above chance. On the "
        "line: systems than which none is both better and faster."
    )
    return Picture(
        f"figures/quality-latency-{re.sub('[^A-Za-z0-9]+', '-', device)}.svg",
        f"{summary.main} against the median latency of one search on {device}: {', '.join(found)}",
        f"The same on {escape(device)}." if again else caption,
        svg(figure),
    )


def svg(figure: Figure) -> bytes:
    """The figure as SVG without date, version or random ids."""
    content = BytesIO()
    with rc_context({"svg.hashsalt": "retrieverbench", "svg.fonttype": "path"}):
        FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
            content, metadata={"Date": None, "Creator": None}
        )
    return content.getvalue()
