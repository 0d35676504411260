"""Learning curves in the report: what more pairs and more seconds gained, and nothing of it in the main tables."""

import re
from dataclasses import replace
from pathlib import Path
from xml.dom.minidom import parseString

import numpy as np
import pytest
from learning_examples import epochs, right

from bench.outcome import Outcome
from bench.report.agreement import agreement
from bench.report.comparison import Side, compare
from bench.report.console import overview
from bench.report.crossings import Standing, standings, told
from bench.report.growth import growths, references, steps
from bench.report.learning import learning
from bench.report.learning_figures import draw_growth
from bench.report.render import render
from bench.report.style import axes_of, looks
from bench.report.summary import summarise

SIZES = (500, 2000, None)
ALL = 8000
STRENGTH = {500: 0.5, 2000: 1.0, None: 1.5}
"""Each step gains far more than chance."""


@pytest.fixture
def sized(a):
    """Make a finished job of a number of training pairs."""

    def make(spec, ranks, size, seed=0, **given):
        pairs = given.pop("fit_pairs", size or ALL)
        return a.outcome(spec, ranks, seed=seed, train_pairs=size, fit=pairs / 100, fit_pairs=pairs, **given)

    return make


@pytest.fixture
def run(a, sized):
    """gru grows over three sizes with two seeds, bm25 ran at each and is the same, tfidf and random ran once."""
    outcomes = [sized("bm25", right(200), size, samples=600 if size is None else 0) for size in SIZES]
    outcomes += [a.outcome("tfidf", right(150)), a.outcome("random", a.random_ranks(1))]
    for size, n in zip(SIZES, (100, 220, 300), strict=True):
        outcomes += [
            sized("gru", right(n + 2 * seed), size, seed, seeded=True, samples=600 if size is None else 0,
                  learned=epochs(0.3, 0.5, 0.495, each=2.0 + seed), quality=f"q{size or 1}")
            for seed in (0, 1)
        ]  # fmt: skip
    return a.record(("bm25", "gru", "tfidf", "random"), train_pairs=SIZES, seeds=(0, 1)), outcomes


def text_of(record, outcomes):
    return render(record, outcomes)["report.md"].decode()


def main_part(text):
    """The report without what this section adds."""
    return re.sub(r"## Would more training.*?(?=## Sample questions)", "", text, flags=re.DOTALL)


def test_smaller_sizes_change_nothing_outside_of_their_section(run):
    record, outcomes = run
    whole = [outcome for outcome in outcomes if outcome.train_pairs is None]
    alone = replace(record, train_pairs=(None,))
    assert main_part(text_of(record, outcomes)) == re.sub(
        r"## Would longer.*?(?=## Sample questions)", "", text_of(alone, whole), flags=re.DOTALL
    )
    assert overview(record, outcomes) == overview(alone, whole)
    assert summarise(record, outcomes).tiers == summarise(alone, whole).tiers
    assert summarise(record, outcomes).comparisons == summarise(alone, whole).comparisons


def test_the_largest_size_is_the_main_one_also_where_it_is_not_all(a, sized):
    outcomes = [sized("gru", right(100), 500), sized("gru", right(200), 2000)]
    summary = summarise(a.record(("gru",), train_pairs=(500, 2000)), outcomes)
    assert summary.best.mean("Success@10") == 0.5
    assert [job.train_pairs for job in summary.smaller] == [500]


def test_growth_is_the_mean_over_seeds_at_every_size(run):
    [bm25, gru] = sorted(growths(summarise(*run)), key=lambda growth: growth.system.spec)
    assert (bm25.flat, gru.flat) == (True, False)
    assert [point.pairs for point in gru.points] == [500, 2000, 8000]
    assert [point.mean("Success@10") for point in gru.points] == pytest.approx([101 / 400, 221 / 400, 301 / 400])
    assert gru.points[0].spread("Success@10") == pytest.approx(2 / 400 / np.sqrt(2))


def test_steps_are_paired_over_common_seeds_and_told_per_doubling(run):
    record, outcomes = run
    lost = [o for o in outcomes if (o.spec, o.train_pairs, o.seed) != ("gru", 2000, 1)]
    summary = summarise(record, lost)
    found = steps(summary, [growth for growth in growths(summary) if not growth.flat])
    assert [(step.before.pairs, step.after.pairs) for step in found] == [(500, 2000), (2000, 8000)]
    assert [step.test.difference for step in found] == pytest.approx([120 / 400, 80 / 400])  # of seed 0 alone
    assert [step.per_doubling for step in found] == pytest.approx([0.15, 0.1])


def test_a_gain_and_a_crossing_are_told_with_their_tests(run):
    text = learning(summarise(*run)).text
    gained = (
        r"- `gru`: from 2,000 to 8,000 pairs Success@10 \+\.200 \[\+\.\d+, \+\.\d+\], p < \.001: it was still gaining"
    )
    assert re.search(gained + r" where the pairs end \(\+\.100 per doubling\)\.", text)
    # 221 right answers of 400 against bm25's 200 are established, since all of bm25's are among them.
    assert "It overtakes `bm25` and `tfidf` between 500 and 2,000 pairs." in text
    assert "- `bm25`" not in text


def test_a_gain_that_may_be_chance_is_not_told_as_one(a, sized):
    """Three questions won and two lost."""
    other = (0, 0) + (1,) * 201 + (0,) * 197
    outcomes = [sized("gru", right(200), 500), sized("gru", other, None), a.outcome("tfidf", right(200))]
    text = learning(summarise(a.record(("gru", "tfidf"), train_pairs=(500, None)), outcomes)).text
    assert re.search(r"p = 1\.00: no gain is established; the interval leaves room for \+\.0\d\d\.", text)
    assert "still gaining" not in text
    assert "It is not told apart from `tfidf` at any size." in text


def test_a_step_that_loses_is_told_as_a_loss(a, sized):
    outcomes = [sized("gru", right(300), 500), sized("gru", right(200), None)]
    text = learning(summarise(a.record(("gru",), train_pairs=(500, None)), outcomes)).text
    assert "the last step lost." in text


@pytest.mark.parametrize(
    ("standing", "clause"),
    [
        (Standing((1, 2), (), ()), "is behind `bm25` at every size"),
        (Standing((), (1, 2), ()), "is ahead of `bm25` at every size"),
        (Standing((500,), (4000,), (2000,)), "overtakes `bm25` between 500 and 4,000 pairs"),
        (Standing((500,), (2000,), (4000,)),
         "is behind `bm25` at 500 pairs, ahead at 2,000 (at 4,000 no difference is established)"),
        (Standing((4000,), (500,), ()), "is behind `bm25` at 4,000 pairs, ahead at 500"),
        (Standing((), (2000, 4000), (500,)),
         "is ahead of `bm25` at 2,000 and 4,000 pairs (at 500 no difference is established)"),
    ],
)  # fmt: skip
def test_a_crossing_is_said_only_where_both_sides_are_shown(standing, clause):
    assert told({"bm25": standing}) == clause


def test_standings_are_tested_at_every_size(run):
    summary = summarise(*run)
    grown = growths(summary)
    others = references(summary, grown)
    assert [system.spec for system in others] == ["bm25", "tfidf"]
    found = standings(summary, [growth for growth in grown if not growth.flat], others)
    assert found == {"gru": {name: Standing((500,), (2000, 8000), ()) for name in ("bm25", "tfidf")}}


def test_tests_are_corrected_for_their_number(a, sized):
    """Six questions won and none lost: p = 2 / 2^6 = .031, and .063 for two such tests."""
    six_others = (1,) * 200 + (0,) * 6 + (1,) * 6 + (0,) * 188
    outcomes = [sized("gru", right(206), 500), sized("gru", six_others, None), a.outcome("tfidf", right(200))]
    summary = summarise(a.record(("gru", "tfidf"), train_pairs=(500, None)), outcomes)
    grown = growths(summary)
    found = standings(summary, grown, references(summary, grown))
    assert found == {"gru": {"tfidf": Standing((), (), (500, ALL))}}
    rising = [sized("gru", right(200 + 6 * at), size) for at, size in enumerate(SIZES)]
    summary = summarise(a.record(("gru",), train_pairs=SIZES), rising)
    assert [step.p for step in steps(summary, growths(summary))] == pytest.approx([0.0625, 0.0625])


def test_the_table_holds_what_the_figure_shows(a, run):
    summary = summarise(*run)
    text = learning(summary).text
    table = a.table(text, "The figure as a table, and every step")
    assert table["gru"]["pairs"] == "8,000"  # the last row
    assert table["gru"]["Success@10"].startswith(".752 [")
    assert table["gru"]["fit (s)"] == "80.0"
    assert table["tfidf"]["pairs"] == table["bm25"]["pairs"] == "any"
    assert [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| `gru` ")][:3] == [
        "500", "2,000", "8,000",
    ]  # fmt: skip


def test_the_figure_shows_means_intervals_and_level_lines(run):
    summary = summarise(*run)
    grown = growths(summary)
    growing = [growth for growth in grown if not growth.flat]
    _, axes = axes_of(7, 4)
    draw_growth(axes, summary, growing, references(summary, grown))
    [bars] = axes.containers
    line, _, [stems] = bars
    assert list(line.get_xdata()) == pytest.approx([500, 2000, 8000])
    assert list(line.get_ydata()) == pytest.approx([101 / 400, 221 / 400, 301 / 400])
    for point, (low, high) in zip(growing[0].points, (s[:, 1] for s in stems.get_segments()), strict=True):
        assert low < point.mean("Success@10") < high
    assert line.get_color() == looks(summary)["gru"].colour
    level = [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert level == pytest.approx([0.5, 0.375])
    assert sorted(text.get_text() for text in axes.texts) == ["bm25", "gru", "tfidf"]


def test_jobs_without_a_result_are_named_with_their_reason(run):
    record, outcomes = run
    kept = [o for o in outcomes if (o.spec, o.train_pairs) != ("gru", 500)]
    failed = [Outcome("gru", seed, "cpu", "failed", "out of memory | here", train_pairs=500) for seed in (0, 1)]
    text = text_of(record, [*kept, *failed])
    assert "- `gru` with 500 pairs, seed 0 and 500 pairs, seed 1: failed: out of memory | here" in text
    assert "from 2,000 to 8,000 pairs" in text


def test_an_interrupted_run_shows_what_there_is(run):
    record, outcomes = run
    kept = [o for o in outcomes if o.spec != "gru" or (o.train_pairs, o.seed) == (500, 0)]
    stopped = [Outcome("gru", 0, "cpu", "interrupted", "interrupted before it finished")]
    text = text_of(replace(record, interrupted=True), [*kept, *stopped])
    assert "- `gru` has a result at one size alone." in text
    assert "training-pairs.svg" not in text
    nothing = [Outcome("gru", 0, "cpu", "interrupted", train_pairs=size) for size in SIZES]
    assert "No system of this run was seen to learn" in text_of(replace(record, systems=("gru",)), nothing)


def test_figures_are_svgs_with_a_text_for_those_who_cannot_see_them(run):
    files = render(*run)
    text = files["report.md"].decode()
    for name in ("figures/training-pairs.svg", "figures/training-seconds.svg"):
        assert parseString(files[name]).documentElement.tagName == "svg"  # noqa: S318 - drawn here
        assert f"]({name})" in text
    assert (
        "![Success@10 against the number of training pairs: gru .253 with 500, .552 with 2,000, .752 with 8,000]"
        in text
    )
    assert "![dev RR@10 against seconds of training: gru .500 after 5.00 s]" in text
    record, outcomes = run
    assert render(record, outcomes[::-1]) == files


def test_a_repeated_run_must_agree_at_every_size(run):
    record, outcomes = run
    before = summarise(record, outcomes)
    scores = {"RR@10": (0.25,) * 400}
    changed = [
        replace(o, scores={**o.scores, **scores}) if (o.spec, o.train_pairs, o.seed) == ("gru", 500, 1) else o
        for o in outcomes
    ]
    fewer = [o for o in outcomes if (o.spec, o.train_pairs) != ("bm25", 2000)]
    # Other data have other scores too: that the hash differs is what must be told.
    other = [
        replace(o, fingerprints={"quality": "other"}, scores={**o.scores, **scores}) if o.train_pairs == 2000 else o
        for o in outcomes
    ]

    def lines(after):
        [one] = compare([Side("A", before), Side("B", summarise(record, after))], anyway=True)
        found = agreement(one)
        return found.same, [line for line in found.lines if "training pairs" in line]

    assert lines(outcomes) == (True, ["with fewer training pairs: quality hash and every score agree"])
    same, told_lines = lines(changed)
    assert not same
    assert told_lines[0].startswith("gru with 500 training pairs, seed 1 on cpu: quality hash agrees, scores of single")
    assert lines(fewer) == (False, ["bm25 with 2000 training pairs, seed 0 on cpu: no result this time"])
    assert [line.rpartition(": ")[2] for line in lines(other)[1]] == ["quality hash differs"] * 3


def test_a_stored_report_of_an_earlier_version_has_no_such_section():
    from bench.run.store import Store

    folder = Path(__file__).parents[2] / "reports" / "example-python-docs"
    record, outcomes = Store(folder).load()
    assert (record.main_size, {outcome.train_pairs for outcome in outcomes}) == (None, {None})
    section = learning(summarise(record, outcomes))
    assert "more training pairs" not in section.text
