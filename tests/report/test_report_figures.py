"""Figures: what is drawn is what was measured, names do not cover each other, colours stay with their system."""

from xml.dom.minidom import parseString

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from bench.measure.percentiles import percentile_interval
from bench.report.curve import draw_curve
from bench.report.figures import pictures
from bench.report.frontier import frontier
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
    for system, line in zip(summary.results, curves(axes, summary)[1:], strict=True):
        for cutoff in summary.record.cutoffs if not system.baseline else ():
            assert line[cutoff] == pytest.approx(system.mean(f"Success@{cutoff}"))


def test_the_axis_begins_just_below_the_lowest_contender(a):
    """It has 0.31 at 1, so the axis begins at .30; chance and what stands below are named in the caption or left out."""
    outcomes = [a.outcome("gru", (1,) * 124 + (9,) * 100 + (0,) * 176), a.outcome("random", a.random_ranks(1))]
    summary = a.summary([*outcomes, a.outcome("bm25", (1,) * 300 + (0,) * 100)])
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    assert axes.get_ylim()[0] == pytest.approx(0.3)
    assert sorted(text.get_text() for text in axes.texts) == ["bm25", "gru"]
    assert "chance (.002 at 1, .020 at 10) lies below the axis, which begins at .300." in pictures(summary)[0].caption


def test_without_a_system_above_chance_the_axis_begins_at_nothing(a):
    summary = a.summary([a.outcome("random", a.random_ranks(1))])
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    chance = curves(axes, summary)[0]
    assert axes.get_ylim()[0] == 0
    assert chance[10] == pytest.approx(10 / 500)
    assert list(chance) == list(range(1, 11))
    assert "begins" not in pictures(summary)[0].caption


def test_curves_never_fall(summary):
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    for line in curves(axes, summary):
        drawn = [value for value in line.values() if not np.isnan(value)]
        assert (np.diff(drawn) >= 0).all()


def test_the_name_at_the_end_of_a_curve_carries_its_mark(summary):
    _, axes = axes_of(7, 4)
    draw_curve(axes, summary)
    style = looks(summary)
    drawn = {line.get_marker() for line in axes.lines[1 + len(summary.results) :]}
    assert {style[s.label].marker for s in summary.results if not s.baseline} <= drawn


def test_the_frontier_joins_what_none_beats_in_both(a):
    """c is slower than b and no better."""
    found = [("a", 300, 9.0), ("b", 280, 2.0), ("c", 270, 3.0), ("d", 200, 0.5)]
    outcomes = [a.outcome(spec, (1,) * n + (0,) * (400 - n), ms=ms) for spec, n, ms in found]
    summary = a.summary(outcomes)
    assert [system.spec for system in frontier(summary, "cpu")] == ["a", "b", "d"]
    _, axes = axes_of(7, 4)
    draw_tradeoff(axes, summary, "cpu", timed(summary, "cpu"))
    line = axes.lines[0]
    assert line.get_xdata() == pytest.approx([9.0, 2.0, 0.5])
    assert line.get_ydata() == pytest.approx([0.75, 0.7, 0.5])


def test_twelve_systems_have_twelve_colours(a):
    """Apart by at least 0.2 in sRGB, and dark enough to be seen on white."""
    specs = [f"system{at}" for at in range(12)]
    colours = np.array([to_rgb(look.colour) for look in looks(summarise(a.record(specs), [])).values()])
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=2)[~np.eye(12, dtype=bool)]
    assert distances.min() > 0.2
    assert colours.min(axis=1).max() < 0.75


def test_a_long_name_first_loses_what_goes_without_saying(a):
    specs = ["bm25:tune=true+gru:weights=dev", "bm25:tune=true"]
    names = looks(summarise(a.record(specs), []))
    assert [names[spec].name for spec in specs] == ["bm25:tune + gru:weights=dev", "bm25:tune=true"]


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("bm25:k1=0.9:b=0.4+gru:weights=dev", "bm25:k1=0.9… + gru…"),
        ("{bm25:tune=true+gru}/cnn:depth=50:dim=128", "{bm25:tune + gru} / cnn…"),
        ("a-very-long-name-of-a-single-system", "a-very-long-n…single-system"),
        ("gru:pretrain=sequence-to-sequence", "gru:pretrain=…e-to-sequence"),
        ("learning-to-rank+gru:weights=dev", "learning-to-rank + gru…"),
        ("learning-to-rank+gru+maxsim:weights=dev", "learning-to… + gru + maxsim…"),
        ("{abcdefgh+abcdefgh+abcdefgh}/abcdefgh/abcdefgh", "{abcdefgh+abc…efgh/abcdefgh"),
    ],
)
def test_a_long_name_keeps_the_names_of_its_parts(a, spec, name):
    assert looks(summarise(a.record([spec]), []))[spec].name == name


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
    interval = percentile_interval([np.median(one) for one in rounds], 50)
    assert across[:, 0] == pytest.approx(np.array(interval) * 1e3)
