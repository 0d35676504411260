"""The page of an explanation: foreign text cannot break it, figures show what they should and stay legible."""

import math
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.explanation import Explanation, Matrix, Table, Terms
from bench.match import Match, Matches
from bench.report import explain_figures
from bench.report.explain import brief, page
from bench.report.explain_figures import BARS, CELLS, bars, heat_map, label, largest_terms, picture, value

HOSTILE = "<script>alert(1)</script> | `code` *bold* [a](b) $x$ \x1b[31m\u202e"
TERMS = Terms("what each term adds; the sum is the score", ("zip", "open", "the"), (2.5, -1.25, 0.0))


def matches(explanation, *, rank=1, right=None, text="def f():\n    return 1", question="open a zip file"):
    return Matches(
        "python -m bench explain bm25", "bm25", None, "cpu", "tiny", "heldout", 20, "q1", question,
        (Match("d1", "", text, rank, right, explanation),),
    )  # fmt: skip


def text_of(explanation, **given):
    return page(matches(explanation, **given))["explain.md"].decode()


def test_the_page_has_score_figure_and_numbers():
    files = page(matches(Explanation(1.25, (TERMS,)), right=True))
    text = files["explain.md"].decode()
    assert "## Rank 1, a right answer: d1" in text
    assert "Score: 1.2500." in text
    assert "![zip 2.5; the 0; open \N{MINUS SIGN}1.25](figures/1-1.svg)" in text
    assert re.search(r"\| `open` +\| +.1\.25 \|", text)
    assert files["figures/1-1.svg"].startswith(b"<?xml")


def test_parts_of_a_system_have_sections_and_figures_of_their_own():
    inner = Explanation(2.0, (TERMS, TERMS._replace(title="other")), (("Deep", Explanation(3.0, (TERMS,))),))
    files = page(matches(Explanation(1.25, (TERMS,), (("BM25", Explanation(0.5)), ("Fusion", inner)))))
    names = {"figures/1-1.svg", "figures/1.2-1.svg", "figures/1.2-2.svg", "figures/1.2.1-1.svg"}
    assert set(files) == {"explain.md", *names}
    text = files["explain.md"].decode()
    assert [line for line in text.splitlines() if line.startswith("###")] == ["### BM25", "### Fusion", "#### Deep"]


def test_what_is_no_hit_is_said_to_have_no_score():
    text = text_of(
        Explanation(math.nan, (Table("why not", ("part", "rank"), (("BM25", "-"),)),)), rank=None, right=False
    )
    assert "Score: none, the document is no hit." in text
    assert "## Not found, not a right answer" in text
    assert re.search(r"\| BM25 +\| +- \|", text)


def test_foreign_text_breaks_neither_page_nor_terminal():
    parts = (
        Terms(HOSTILE, (HOSTILE, "b"), (1.0, 2.0)),
        Matrix(HOSTILE, (HOSTILE,), (HOSTILE, "```"), np.array([[1.0, -1.0]])),
        Table(HOSTILE, (HOSTILE, "b"), ((HOSTILE, "```"),)),
    )
    given = matches(
        Explanation(1.0, parts, ((HOSTILE, Explanation(1.0)),)), text=f"```\n{HOSTILE}\n# no", question=HOSTILE
    )
    text = page(given)["explain.md"].decode()
    outside = re.sub(r"(?s)^(`{3,})\n.*?^\1$", "", text, flags=re.MULTILINE)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)[a-z/]", outside)
    assert not {"\x1b", "\u202e"} & set(text + brief(given))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 4}


def test_the_terminal_names_what_counts_most():
    told = brief(matches(Explanation(1.25, (TERMS,), (("GRU", Explanation(0.5)),)), rank=1234))
    assert told.splitlines() == [
        "question: open a zip file",
        "",
        "rank 1,234: d1: def f(): return 1",
        "  score 1.2500",
        "  what each term adds: zip 2.5, open \N{MINUS SIGN}1.25",
        "  GRU: score 0.5000",
    ]


def test_a_part_without_tokens_has_no_figure():
    files = page(matches(Explanation(0.0, (Terms("nothing", (), ()), Matrix("none", (), ("a",), np.zeros((0, 1)))))))
    assert set(files) == {"explain.md"}
    assert files["explain.md"].count(b"*Nothing to show of") == 2


def test_the_largest_weights_are_shown_and_the_rest_is_told():
    weights = [(-1) ** at * at for at in range(BARS + 5)]
    part = Terms("weights", tuple(f"t{at}" for at in range(BARS + 5)), tuple(map(float, weights)))
    shown = dict(largest_terms(part))
    assert set(shown) == {f"t{at}" for at in range(5, BARS + 5)}
    assert list(shown.values()) == sorted(shown.values(), reverse=True)
    assert f"The {BARS} largest of {BARS + 5}." in picture(part, "x.svg").caption


def test_the_cells_shown_are_those_with_the_largest_values_in_the_order_of_the_text():
    values = np.zeros((2, CELLS + 10))
    values[1, 10:] = np.linspace(-1, -0.5, CELLS)
    part = Matrix("map", ("a", "b"), tuple(f"t{at}" for at in range(CELLS + 10)), values)
    axes = heat_map(part).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [f"t{at}" for at in range(10, CELLS + 10)]
    assert "those with the largest values" in picture(part, "x.svg").caption


def overlapping(labels, renderer):
    boxes = [one.get_window_extent(renderer) for one in labels]
    return [(a, b) for at, a in enumerate(boxes) for b in boxes[at + 1 :] if a.overlaps(b)]


LONG = tuple(f"{'averylongidentifier' * 3}{at}" for at in range(CELLS))


@pytest.mark.parametrize("rows", [1, 5, 24, CELLS])
@pytest.mark.parametrize("columns", [1, 7, CELLS])
def test_no_label_of_a_heat_map_covers_another_or_is_cut_off(rows, columns):
    figure = heat_map(Matrix("map", LONG[:rows], LONG[:columns], np.random.default_rng(0).normal(size=(rows, columns))))
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert overlapping(labels, renderer) == []
    page_box = figure.bbox
    for one in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        box = one.get_window_extent(renderer)
        assert page_box.x0 <= box.x0
        assert page_box.y0 <= box.y0
        assert box.x1 <= page_box.x1


@pytest.mark.parametrize(
    "weights", [[1.0], [-2.0, -1.0], [1e-9, -3e7, 0.5], [0.0, 0.0], list(np.linspace(-1, 2, BARS))]
)
def test_the_values_at_the_bars_stay_inside_and_off_the_names(weights):
    figure = bars(Terms("weights", LONG[: len(weights)], tuple(weights)))
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    names = [text.get_window_extent(renderer) for text in axes.get_yticklabels()]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(box.overlaps(name) for box in boxes for name in names)
    assert overlapping(axes.get_yticklabels(), renderer) == []


def test_tokens_that_the_font_lacks_are_shown_by_their_codes():
    assert label("zip_file") == "zip_file"
    assert label("größe") == "größe"
    assert label("中") == "\\u4e2d"
    assert len(label("x" * 500)) <= explain_figures.LONGEST
    assert picture(Terms("x", ("中文", "$math$", "_a^b"), (1.0, 2.0, 3.0)), "x.svg")


def test_the_same_explanation_gives_the_same_bytes():
    parts = (TERMS, Matrix("map", ("a",), ("b", "c"), np.array([[0.5, -0.25]])))
    assert page(matches(Explanation(1.0, parts))) == page(matches(Explanation(1.0, parts)))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (-0.00012345, "\N{MINUS SIGN}0.000123"), (12.345, "12.3"), (1e-12, "1e\N{MINUS SIGN}12")],
)
def test_values_have_three_digits(number, text):
    assert value(number) == text
