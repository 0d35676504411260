"""Figures: what is drawn is what was measured, names do not cover each other, colours stay with their system."""

from xml.dom.minidom import parseString

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bench.measure.percentiles import percentile_interval
from bench.report.curve import draw_curve
from bench.report.figures import pictures
from bench.report.style import LONGEST, axes_of, looks, spread
from bench.report.summary import summarise
from bench.report.tradeoff import draw_tradeoff, timed

LONG = "bm25:k1=2:b=0.9+gru:dim={}:layers=2:epochs=6"


@pytest.fixture
def summary(full_run):
    return summarise(*full_run)


@pytest.fixture
def crowd(a):
    """Eight equal systems of equal speed: every mark and every name wants the same place."""
    specs = [f"system-{letter}" for letter in "abcdefgh"]
    outcomes = [a.outcome(spec, a.ranks(1.5, 1), ms=1 + at / 50) for at, spec in enumerate(specs)]
    return summarise(a.record(specs), outcomes)


def curves(axes, summary):
    """Chance, then each system, as k -> value; the lines after them lead to names."""
    return [dict(zip(*line.get_data(), strict=True)) for line in axes.lines[: 1 + len(summary.results)]]


def overlaps(axes):
    """Pairs of names in a figure that cover each other."""
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    boxes = [Text.get_window_extent(text, canvas.get_renderer()) for text in axes.texts]  # without leader lines
    return [
        (i, j)
        for i, one in enumerate(boxes)
        for j, other in enumerate(boxes[:i])
        if one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1
    ]


def test_the_curve_passes_through_success_at_every_cutoff(summary):
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    chance, *systems = curves(axes, summary)
    for system, line in zip(summary.results, systems, strict=True):
        for cutoff in summary.record.cutoffs:
            assert line[cutoff] == pytest.approx(system.mean(f"Success@{cutoff}"))
    assert chance[10] == pytest.approx(10 / 500)
    assert list(chance) == list(range(1, 11))


def test_curves_never_fall(summary):
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    assert all((np.diff(list(line.values())) >= 0).all() for line in curves(axes, summary))


def test_names_never_overlap(summary, crowd):
    for run in (summary, crowd):
        _, axes = axes_of(7.2, 4.2)
        draw_curve(axes, run)
        assert overlaps(axes) == []
        _, axes = axes_of(7.2, 4.2)
        draw_tradeoff(axes, run, "cpu", timed(run, "cpu"))
        assert len(axes.texts) == len(timed(run, "cpu"))
        assert overlaps(axes) == []


def test_names_stay_inside_the_picture(crowd):
    for draw in (draw_curve, lambda axes, run: draw_tradeoff(axes, run, "cpu", timed(run, "cpu"))):
        figure, axes = axes_of(7.2, 4.2)
        draw(axes, crowd)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        for text in axes.texts:
            box = Text.get_window_extent(text, canvas.get_renderer())
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height


def test_only_systems_above_chance_are_compared_by_latency(summary):
    assert {system.spec for system in timed(summary, "cpu")} == {"bm25", "tfidf", "gru", "bm25+gru", "cnn"}
    assert {system.spec for system in timed(summary, "cuda")} == {"gru", "bm25+gru"}


def test_every_picture_is_an_svg_with_a_text_for_those_who_cannot_see_it(summary):
    drawn = pictures(summary)
    assert [picture.name for picture in drawn] == [
        "figures/top-k.svg", "figures/quality-latency-cpu.svg", "figures/quality-latency-cuda.svg"
    ]  # fmt: skip
    for picture in drawn:
        assert parseString(picture.content).documentElement.tagName == "svg"  # noqa: S318 - drawn here
        assert b"<dc:date>" not in picture.content
        assert "bm25+gru .89" in picture.alt


def test_a_personal_matplotlibrc_changes_nothing(summary):
    from matplotlib import rc_context

    usual = [picture.content for picture in pictures(summary)]
    with rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "none"}):
        assert [picture.content for picture in pictures(summary)] == usual


def test_nothing_finished_draws_nothing(a):
    assert pictures(summarise(a.record(["gru"]), [])) == []


def test_looks_are_distinct_and_keep_to_the_order_asked_for(a):
    specs = ["random", *(f"system{at}" for at in range(16))]
    outcomes = [a.outcome(spec, a.ranks(1.5, at)) for at, spec in enumerate(specs)]
    found = looks(summarise(a.record(specs), outcomes))
    assert len({(look.colour, look.line, look.marker) for look in found.values()}) == len(specs)
    fewer = looks(summarise(a.record(specs[:5]), outcomes[:5]))
    assert all(found[label] == look for label, look in fewer.items())


def test_long_names_are_cut_where_they_still_differ(a):
    specs = [LONG.format(256), LONG.format(512), "bm25"]
    found = looks(summarise(a.record(specs), []))
    names = [found[spec].name for spec in specs]
    assert "dim=256" in names[0]
    assert "dim=512" in names[1]
    assert names[2] == "bm25"
    assert max(map(len, names)) <= LONGEST


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_spread_keeps_order_distance_and_range(values):
    moved = spread(values, 0.05, 0, 1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= 0.05 - 1e-9).all()
    assert min(moved) >= 0
    assert max(moved) <= 1 + 1e-9


def test_spread_moves_nothing_that_is_apart_and_neighbours_evenly():
    assert spread([0.1, 0.9, 0.5], 0.2, 0, 1) == pytest.approx([0.1, 0.9, 0.5])
    assert spread([0.5, 0.5], 0.2, 0, 1) == pytest.approx([0.4, 0.6])


def test_latency_has_its_interval_in_the_figure(a):
    """Two lines from the mark to either side: up and down to the interval of the measure, left and right to that of p50."""
    rounds = a.rounds(5.0, 1)
    summary = a.summary([a.outcome("gru", a.ranks(1.5, 1), single_seconds=rounds)])
    _, axes = axes_of(7, 4)
    draw_tradeoff(axes, summary, "cpu", timed(summary, "cpu"))
    segments = [segment for lines in axes.containers[0].lines[2] for segment in lines.get_segments()]
    across = next(segment for segment in segments if segment[0][1] == segment[1][1])
    interval = percentile_interval([seconds for one in rounds for seconds in one], 50)
    assert across[:, 0] == pytest.approx(np.array(interval) * 1e3)
