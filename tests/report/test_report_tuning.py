"""What the report says of a search: what was found on dev, and what it gains on held-out questions."""

import numpy as np
import pytest

from bench.measure.statistics import paired_difference
from bench.outcome import Trial, Tuning
from bench.report import units
from bench.report.tuning import tuning

TRIALS = (
    Trial("bm25", {"k1": 1.2, "stop": "english", "split": True}, 0.40, 2.0),
    Trial("bm25:k1=2.0", {"k1": 2.0, "stop": "english", "split": True}, 0.45, 1.0),
    Trial("bm25:k1=9.0", {"k1": 9.0, "stop": "none", "split": True}, None, 1.0, "out of *memory*"),
    Trial("bm25:k1=0.5", {"k1": 0.5, "stop": "none", "split": False}, 0.44, 2.5),
    *(Trial(f"bm25:k1=3.{n}", {"k1": 3 + n / 10, "stop": "none", "split": True}, 0.1 + n / 100, 0.5) for n in range(4)),
)


def study(spec="bm25", found="bm25:k1=2.0", trials=TRIALS, **given):
    values = {"budget": "8", "seed": 3, "device": "cpu", "questions": 300, "documents": 400, "train_pairs": None}
    space = {"k1": "0.3 to 4", "stop": "english or none", "split": "true or false"}
    return Tuning(spec, found, space=space, trials=trials, **{**values, **given})


@pytest.fixture
def summary_of(a):
    def make(*studies, strengths=(0.2, 0.6), more=()):
        specs = ("bm25", "bm25:k1=2.0", "gru", "gru:epochs=2")
        ranks = [a.ranks(strength, seed) for seed, strength in enumerate([*strengths, *more], start=1)]
        return a.summary([a.outcome(spec, one) for spec, one in zip(specs, ranks, strict=False)], tunings=studies)

    return make


def test_without_a_search_there_is_no_section(summary_of):
    assert tuning(summary_of()) == ""


def test_the_table_has_both_dev_values_the_trials_and_the_time(summary_of):
    text = tuning(summary_of(study()))
    [row] = [line for line in text.splitlines() if line.startswith("| `bm25`")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["`bm25`", "8 (1 failed)", "8.50", ".400", ".450", "`bm25:k1=2.0`"]


def test_the_best_five_trials_stand_in_their_order(summary_of):
    text = tuning(summary_of(study()))
    fold = text[text.index("<summary>Trials of bm25: the best 5 of 8") :]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in fold.splitlines() if line.startswith("| ")
    ]
    assert [row[:2] for row in rows[1:]] == [
        ["2", ".450"],
        ["4", ".440"],
        ["as given", ".400"],
        ["8", ".130"],
        ["7", ".120"],
    ]
    assert rows[2][3:] == ["0.5", "none", "false"]
    assert "`k1`: 0.3 to 4" in fold


def test_the_gain_is_that_of_held_out_questions_with_its_test(summary_of):
    summary = summary_of(study())
    given, found = (next(s for s in summary.systems if s.spec == spec) for spec in ("bm25", "bm25:k1=2.0"))
    expected = paired_difference(found.scores(summary.main), given.scores(summary.main), summary.groups)
    assert expected.p < 0.001
    line = next(line for line in tuning(summary).splitlines() if "held-out Success@10" in line)
    assert expected.difference == pytest.approx(
        np.mean(found.scores("Success@10")) - np.mean(given.scores("Success@10"))
    )
    low, high = units.difference(expected.low), units.difference(expected.high)
    assert f"tuned, a difference of {units.difference(expected.difference)} [{low}, {high}]" in line
    assert line.endswith("p < .001.")


def test_gains_of_several_systems_are_corrected_for_their_number(summary_of):
    other = study("gru", "gru:epochs=2", (Trial("gru", {"k1": 1, "stop": "none", "split": True}, 0.3, 1.0),))

    def p(*studies):
        lines = tuning(summary_of(*studies, strengths=(0.2, 0.29), more=(0.4, 0.44))).splitlines()
        told = [line.rpartition("= ")[2].rstrip(".") for line in lines if "a difference of" in line]
        return [float(value) for value in told]

    [first], [second] = p(study()), p(other)
    assert second < first / 2
    assert p(study(), other) == pytest.approx([first, 2 * second], abs=0.001)


def test_luck_is_told_and_another_pool_too(summary_of):
    assert "winner's curse" in tuning(summary_of(study()))
    assert "what is best among so many" not in tuning(summary_of(study()))
    assert "The run searches 500 documents; what is best among so many" in tuning(summary_of(study(documents=100)))


def test_where_nothing_better_was_found_no_gain_is_told(summary_of):
    text = tuning(summary_of(study(found="bm25")))
    assert "nothing better" in text
    assert "a difference of" not in text


def test_a_tuned_system_that_failed_under_test_has_no_gain(summary_of):
    text = tuning(summary_of(study(found="bm25:k1=7.0")))
    assert "a difference of" not in text


def test_failures_and_an_early_end_are_told_as_plain_text(summary_of):
    text = tuning(summary_of(study(ending="every setting has been tried")))
    assert r"trials failed: out of \*memory\*." in text
    assert "ended early: every setting has been tried." in text


def test_a_search_in_which_all_failed_has_no_table_of_trials(summary_of):
    text = tuning(summary_of(study(found="bm25", trials=TRIALS[2:3])))
    assert "<details>" not in text
    assert "1 (1 failed)" in text


def test_where_every_trial_failed_nothing_is_called_better_or_worse(summary_of):
    failed = tuple(Trial("bm25", {"k1": 1, "stop": "none", "split": True}, None, 1.0, "crashed") for _ in range(5))
    text = tuning(summary_of(study(found="bm25", trials=failed)))
    assert "every trial failed" in text
    assert "nothing better" not in text
    assert "nothing better" in tuning(summary_of(study(found="bm25")))
