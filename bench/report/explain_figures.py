"""The figures of an explanation: bars for a number each token, a heat map for a number each pair of tokens."""

import numpy as np
from matplotlib import font_manager, rc_context, rcdefaults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.explanation import Matrix, Part, Terms
from bench.report.figures import Picture, svg
from bench.report.markdown import clean, escape
from bench.report.style import FONT, GREY, WIDTH, axes_of

BARS = 24
"""Bars of a figure; the others are in the table below it."""
CELLS = 64
"""Rows and columns of a heat map."""
LONGEST = 22
"""Characters of a token in a figure."""
SMALL = 6.5
"""Points, of the tokens at a heat map."""
COLUMN, ROW, LETTER = 0.12, 0.19, 0.065
"""Inches: of a heat map's column and row, so that no label covers another, and of a letter at most of the time."""
ADDS, TAKES = "#0072B2", "#D55E00"
"""Blue and vermilion, told apart with any colour vision (Okabe and Ito, 2008); so is the scale of the heat map."""
SCALE = "RdBu"


def picture(part: Part, name: str) -> Picture | None:
    """The figure of a part under a file name; None for a table, and where there is nothing to draw."""
    with rc_context():
        rcdefaults()  # a personal matplotlibrc must not change the figure
        if isinstance(part, Terms) and part.tokens:
            return Picture(name, _bars_alt(part), _bars_caption(part), svg(bars(part)))
        if isinstance(part, Matrix) and np.size(part.values):
            return Picture(name, _map_alt(part), _map_caption(part), svg(heat_map(part)))
    return None


def bars(part: Terms) -> Figure:
    """Horizontal bars, the largest weight on top, each with its value."""
    shown = largest_terms(part)
    figure, axes = axes_of(WIDTH, 0.9 + 0.21 * len(shown))
    places = np.arange(len(shown))[::-1]
    weights = np.array([weight for _, weight in shown])
    axes.barh(places, weights, height=0.72, color=[ADDS if weight >= 0 else TAKES for weight in weights])
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(places, [label(token) for token, _ in shown], parse_math=False)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16, y=0.5 / max(1, len(shown)))
    for place, weight in zip(places, weights, strict=True):
        side = -1 if weight < 0 else 1
        axes.annotate(
            value(weight), (weight, place), xytext=(4 * side, 0), textcoords="offset points", va="center_baseline",
            ha="right" if weight < 0 else "left", fontsize=FONT - 1, color=GREY,
        )  # fmt: skip
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0), max(high, 0) if high > low else 1)
    _fitted(figure)
    return figure


def heat_map(part: Matrix) -> Figure:
    """Cells blue above 0 and red below; white is 0."""
    rows, columns, values = _shown_cells(part)
    longest = [max(len(label(token)) for token in tokens) for tokens in (rows, columns)]
    width = max(WIDTH, 0.9 + LETTER * longest[0] + COLUMN * len(columns))
    figure, axes = axes_of(width, 1.0 + LETTER * longest[1] + ROW * len(rows))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    limit = float(np.abs(values).max()) or 1.0
    mesh = axes.pcolormesh(values, cmap=SCALE, vmin=-limit, vmax=limit, edgecolors="white", linewidth=0.4)
    axes.invert_yaxis()
    _ticks(axes, rows, columns)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.025, pad=0.015, aspect=14)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, color=GREY)
    _fitted(figure)
    return figure


def largest_terms(part: Terms) -> list[tuple[str, float]]:
    """Tokens with the largest weights of either sign, sorted by weight; equal ones in the order of the text."""
    pairs = list(zip(part.tokens, part.weights, strict=True))
    kept = sorted(range(len(pairs)), key=lambda at: -abs(pairs[at][1]))[:BARS]
    return sorted((pairs[at] for at in sorted(kept)), key=lambda pair: -pair[1])


def value(number: float) -> str:
    """Three significant digits, a proper minus sign."""
    text = "0" if number == 0 else f"{number:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def label(token: str) -> str:
    """A token as a figure can show it: shortened, and with codes for characters that its font does not have."""
    line = clean(token) or "(empty)"
    known = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    line = "".join(sign if ord(sign) in known else f"\\u{ord(sign):04x}" for sign in line)
    half = (LONGEST - 1) // 2
    return line if len(line) <= LONGEST else f"{line[:half]}…{line[-half:]}"


def _shown_cells(part: Matrix) -> tuple[list[str], list[str], NDArray[np.floating]]:
    """The rows and columns that hold the largest values, in their order."""
    values = np.asarray(part.values)
    across, down = np.abs(values).max(axis=1), np.abs(values).max(axis=0)
    kept = [np.sort(np.argsort(-strength, kind="stable")[:CELLS]) for strength in (across, down)]
    names = [[tokens[at] for at in places] for tokens, places in zip((part.rows, part.columns), kept, strict=True)]
    return names[0], names[1], values[np.ix_(*kept)]


def _ticks(axes: Axes, rows: list[str], columns: list[str]) -> None:
    axes.set_yticks(
        np.arange(len(rows)) + 0.5, [label(token) for token in rows], fontsize=SMALL + 0.5, parse_math=False
    )
    axes.set_xticks(
        np.arange(len(columns)) + 0.5,
        [label(token) for token in columns],
        rotation=90,
        fontsize=SMALL,
        parse_math=False,
    )
    axes.tick_params(length=0, pad=2)


def _fitted(figure: Figure) -> None:
    """Room for the labels, however long they are."""
    figure.tight_layout(pad=0.4)


def _bars_alt(part: Terms) -> str:
    return "; ".join(f"{clean(token)} {value(weight)}" for token, weight in largest_terms(part))


def _bars_caption(part: Terms) -> str:
    left = len(part.tokens) - BARS
    more = f" The {BARS} largest of {len(part.tokens)}." if left > 0 else ""
    return f"{_sentence(part.title)}{more}"


def _map_alt(part: Matrix) -> str:
    values = np.asarray(part.values)
    best = np.argsort(-np.abs(values), axis=None, kind="stable")[:8]
    places = [np.unravel_index(at, values.shape) for at in best]
    return "; ".join(
        f"{clean(part.rows[r])} and {clean(part.columns[c])} {value(float(values[r, c]))}" for r, c in places
    )


def _map_caption(part: Matrix) -> str:
    cut = max(len(part.rows), len(part.columns)) > CELLS
    more = f" At most {CELLS} rows and columns, those with the largest values." if cut else ""
    return f"{_sentence(part.title)}{more}"


def _sentence(title: str) -> str:
    return f"{escape(title[:1].upper() + title[1:])}."
