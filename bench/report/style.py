"""What the figures share: size, colours, marks, short names, and labels that keep out of each other's way."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from bench.report.markdown import clean
from bench.report.summary import Summary

WIDTH, HEIGHT = 7.2, 4.2
"""Inches; 7.2 are 691 pixels in a browser."""
FONT = 9.0
"""Points."""
GREY = "#6b6b6b"
LONGEST = 28
"""Characters of a system's name in a figure."""
_HEAD, _LEAST = 8, 5

_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#6A3D9A", "#8C510A", "#E41A6B", "#8A9A00",
    "#9AA7B5",
)  # fmt: skip
"""The first seven are told apart with any colour vision (Okabe and Ito, 2008; its yellow vanishes on white)."""
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "h", "*")
_LINES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Look:
    """How a system is drawn in every figure; ``ink`` is its colour dark enough for text on white."""

    name: str
    colour: str
    ink: str
    marker: str
    line: str


def looks(summary: Summary) -> Mapping[str, Look]:
    """By label, in the order in which the systems were asked for, so that a rerun keeps the colours."""
    asked = {spec: place for place, spec in enumerate(summary.record.systems)}
    ordered = sorted(summary.systems, key=lambda system: asked.get(system.spec, len(asked)))
    labels = [system.label for system in ordered]
    contenders = [system.label for system in ordered if not system.baseline]
    found = {}
    for label in labels:
        name = clean(_shortened(label, labels))
        if label not in contenders:
            found[label] = Look(name, GREY, GREY, "x", ":")
            continue
        turn, colour = divmod(contenders.index(label), len(_COLOURS))
        marker = _MARKERS[(colour + turn) % len(_MARKERS)]
        found[label] = Look(name, _COLOURS[colour], _darker(_COLOURS[colour]), marker, _LINES[turn % len(_LINES)])
    return found


def axes_of(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes: no frame above and to the right, a faint grid."""
    figure = Figure(figsize=(width, height))
    axes: Axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=FONT, color=GREY)
    return figure, axes


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as possible (least squares) to be ``gap`` apart and, if there is room, in a range.

    With the i-th smallest shifted down by i gaps they only have to rise: isotonic regression by pooling adjacent
    violators (Barlow et al., 1972), then clipped.
    """
    order = np.argsort(positions, kind="stable")
    pools: list[list[float]] = []
    for place, at in enumerate(order):
        pools.append([positions[at] - place * gap])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.repeat([np.mean(pool) for pool in pools], [len(pool) for pool in pools])
    moved = np.empty(len(positions))
    moved[order] = np.clip(level, low, max(low, high - gap * (len(order) - 1))) + gap * np.arange(len(order))
    return [float(value) for value in moved]


def _darker(colour: str) -> str:
    red, green, blue = (0.72 * part for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _shortened(label: str, labels: Sequence[str]) -> str:
    """Briefer if it is too long; where that makes two alike, cut, the rest beginning with the option in which they differ."""
    brief = _brief(label)
    if all(_brief(other) != brief for other in labels if other != label):
        return brief
    rivals = [other for other in labels if other != label and _cut(other) == _cut(label)]
    if not rivals:
        return _cut(label)
    differs = min(_common(label, other) for other in rivals)
    start = 1 + max(label.rfind(mark, 0, differs) for mark in ":+/{")
    room = LONGEST - _HEAD - 1
    tail = label[start : start + room] if len(label) - start <= room else f"{label[start : start + room - 1]}…"
    return f"{label[:_HEAD]}…{tail}"


def _brief(label: str) -> str:
    """The names of all parts and as many options as fit: the longest part that has any loses its last one first, then its end.

    A single system with a single option is cut, since its name alone would be that of the system without it.
    """
    if len(label) <= LONGEST:
        return label
    pieces = re.split("([+/])", label.replace("=true", ""))
    while len(" ".join(pieces)) > LONGEST:
        optional = [at for at, piece in enumerate(pieces) if ":" in piece]
        longest = max(optional or range(0, len(pieces), 2), key=lambda at: len(pieces[at]))
        name = pieces[longest].removesuffix("…")
        alone = len(pieces) == 1 and (not optional or label.count(":") == 1)
        if alone or (not optional and len(name) < _LEAST):
            return _cut(label)
        pieces[longest] = f"{name.rpartition(':')[0] if optional else name[:-1]}…"
    return " ".join(pieces)


def _common(one: str, other: str) -> int:
    """Length of the beginning that both share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cut(label: str) -> str:
    half = (LONGEST - 1) // 2
    return label if len(label) <= LONGEST else f"{label[:half]}…{label[-half:]}"
