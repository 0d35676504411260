"""Published figures stand beside what was measured, and one that was missed is told."""

from bench.outcome import Published
from bench.report.references import references
from bench.report.summary import summarise


def figure(value, spec="bm25", measure="RR@10", tolerance=0.01):
    return Published("BM25 of a paper", measure, value, "the paper", spec, tolerance)


def told(a, *figures, **fields):
    outcome = a.outcome("bm25", a.ranks(1, 2))
    record = a.record(("bm25",), references=figures, **fields)
    return references(summarise(record, [outcome])), sum(outcome.scores["RR@10"]) / 400


def test_a_figure_within_its_tolerance_is_folded_away(a):
    _, mean = told(a, figure(0.5))
    text, _ = told(a, figure(mean + 0.009))
    assert text.startswith("<details>")
    assert "✓" in text
    assert "the paper" in text


def test_a_figure_that_was_missed_is_told_above(a):
    _, mean = told(a, figure(0.5))
    text, _ = told(a, figure(mean + 0.011), figure(mean))
    assert text.startswith("**A published figure was not reproduced:**")
    assert text.count("✗") == text.count("✓") == 1


def test_what_was_not_measured_stands_alone(a):
    for one in (figure(0.9, spec=""), figure(0.9, spec="gru"), figure(0.9, measure="AP")):
        text, _ = told(a, one)
        assert "✗" not in text
        assert "not reproduced" not in text
    text, _ = told(a, figure(0.9), facts={"limit": "first 20 held-out questions"})
    assert "not reproduced" not in text


def test_a_card_without_figures_says_nothing(a):
    assert told(a)[0] == ""
