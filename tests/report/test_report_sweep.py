"""What the report says of a sweep: a row for each value, what is missed, and the curve of recall or quality against time."""

import re

import numpy as np
import pytest

from bench.outcome import Outcome, Sweep
from bench.report import units
from bench.report.sweep import RECALL, sweeps

VALUES = ("4", "16", "64")
SPECS = tuple(f"gru:ann=hnsw:search_width={value}" for value in VALUES)
SWEEP = Sweep("gru:ann=hnsw", "search_width", VALUES, SPECS)


@pytest.fixture
def swept(a):
    """Recall .7, .8, .9 in 1, 2 and 4 ms, .02 lower on the second device; ``lost`` values failed."""

    def make(*, recall=True, lost=(), devices=("cpu",), sweep=SWEEP, **given):
        outcomes = [a.outcome("bm25", a.ranks(1.0, 9), ms=0.3)]
        for at, spec in enumerate(sweep.systems):
            for number, device in enumerate(devices):
                if at in lost:
                    outcomes.append(Outcome(spec, 0, device, "failed", failure="ValueError: x"))
                    continue
                learned = {"learned": {RECALL: 0.7 + at / 10 - number / 50}} if recall else {}
                ms = 2.0**at * (1 + number)
                one = a.outcome(spec, a.ranks(0.5 + at / 2, at), device=device, samples=0, **learned)
                rounds = {"single_seconds": a.rounds(ms, at)} | given
                outcomes.append(a.outcome(spec, one.first_ranks, device=device, **learned, **rounds))
        return a.summary(outcomes, devices=devices, sweeps=(sweep,))

    return make


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines if "---" not in line]


def test_without_a_sweep_there_is_no_section(a):
    section = sweeps(a.summary([a.outcome("bm25", a.ranks(1.0, 1))]))
    assert (section.text, section.pictures) == ("", ())


def test_each_value_has_its_recall_its_quality_and_its_time(swept):
    summary = swept()
    header, *body = rows(sweeps(summary).text)
    assert header == ["swept", "value", RECALL, "Success@10", "p50 (ms)", "offline (questions/s)"]
    assert [row[:3] for row in body] == [
        ["`gru:ann=hnsw.search_width`", value, recall]
        for value, recall in zip(VALUES, (".700", ".800", ".900"), strict=True)
    ]
    systems = {system.spec: system for system in summary.ranked}
    for row, spec, ms in zip(body, SPECS, (1, 2, 4), strict=True):
        assert row[3].split()[0] == units.measure(np.mean(systems[spec].scores("Success@10")))
        p50, low, high = (float(number) for number in re.findall(r"[\d.]+", row[4]))
        assert low < p50 < high
        assert p50 == pytest.approx(ms, rel=0.3)


def test_the_figure_shows_recall_where_every_point_has_one_and_else_the_main_measure(swept):
    [picture] = sweeps(swept()).pictures
    assert picture.name == "figures/sweep-cpu.svg"
    assert re.search(r"search_width=4 \.700 at [\d.]+ ms.*search_width=64 \.900 at", picture.alt)
    assert picture.content == sweeps(swept()).pictures[0].content
    section = sweeps(swept(recall=False))
    assert section.pictures[0].alt.startswith("Success@10 against")
    assert RECALL not in section.text


def test_there_is_a_curve_for_each_device_and_a_column_that_tells_it(swept):
    section = sweeps(swept(devices=("cpu", "cuda")))
    assert [picture.name for picture in section.pictures] == ["figures/sweep-cpu.svg", "figures/sweep-cuda.svg"]
    assert [row[1] for row in rows(section.text)[1:]] == ["cpu"] * 3 + ["cuda"] * 3


def test_each_device_has_the_recall_of_its_own_index(swept):
    section = sweeps(swept(devices=("cpu", "cuda")))
    assert [row[3] for row in rows(section.text)[1:]] == [".700", ".800", ".900", ".680", ".780", ".880"]
    told = [re.findall(r"search_width=\d+ (\.\d+) at", picture.alt) for picture in section.pictures]
    assert told == [[".700", ".800", ".900"], [".680", ".780", ".880"]]


def test_where_every_value_failed_there_is_no_table(swept):
    section = sweeps(swept(lost=(0, 1, 2)))
    assert rows(section.text) == []
    assert "no result for `4`, `16` and `64`" in section.text


def test_a_value_without_a_result_is_named_and_the_others_are_drawn(swept):
    section = sweeps(swept(lost=(1,)))
    assert "`gru:ann=hnsw.search_width`: no result for `16`." in section.text
    assert [row[1] for row in rows(section.text)[1:]] == ["4", "64"]
    assert "search_width=16" not in section.pictures[0].alt


def test_what_was_not_timed_has_a_table_and_no_curve(swept):
    section = sweeps(swept(single_seconds=(), batch_seconds=()))
    assert section.pictures == ()
    assert [row[-2:] for row in rows(section.text)[1:]] == [["-", "-"]] * 3


def test_nothing_foreign_gets_out_of_its_cell(swept):
    names = ("a|b<i>`", "c\n$x_y$")
    sweep = Sweep("s", "p", names, SPECS[:2])
    section = sweeps(swept(sweep=sweep))
    assert len(rows(section.text)) == 3
    assert re.search(r"\| *a\\\|b\\<i>\\` \|", section.text)
