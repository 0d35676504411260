"""Latency and cost: percentiles need samples, ratios a contender, cached fits keep their price."""

import re

import pytest

from bench.outcome import Outcome, Sizes
from bench.report.cost import cost
from bench.report.latency import latency
from bench.report.summary import summarise


def table(text, start):
    """Cells of the table that begins after ``start``, by first column."""
    lines = text[text.index("\n|", text.index(start)) + 1 :].splitlines()
    body = lines[2 : lines.index("") if "" in lines else None]
    return {line.split("|")[1].strip(" `"): [cell.strip() for cell in line.strip("|").split("|")][1:] for line in body}


@pytest.fixture
def run(a):
    def of(outcomes, **fields):
        return summarise(a.record(tuple(dict.fromkeys(outcome.spec for outcome in outcomes)), **fields), outcomes)

    return of


def test_percentiles_in_milliseconds_and_ratio_to_the_fastest(a, run):
    """Samples lie evenly between 0.9 and 1.1 of the median, so p95 is 1.09 and p99 1.098 of it."""
    good = a.ranks(1.5, 1)
    summary = run([a.outcome("gru", good, ms=5.0), a.outcome("bm25", good, ms=2.0)])
    found = table(latency(summary), "**One question")
    assert found["gru"] == ["5.00", "5.45", "5.49", "2.5"]
    assert found["bm25"] == ["2.00", "2.18", "2.20", "1.0"]


def test_random_is_not_what_others_are_compared_with(a, run):
    summary = run([a.outcome("gru", a.ranks(1.5, 1), ms=5.0), a.outcome("random", a.random_ranks(1), ms=0.01)])
    found = table(latency(summary), "**One question")
    assert found["gru"][-1] == "1.0"
    assert found["random"][-1] == "-"


@pytest.mark.parametrize(
    ("samples", "cells"), [(9, ["-", "-", "-"]), (99, ["5.00", "-", "-"]), (499, ["5.00", "5.45", "-"])]
)
def test_a_percentile_without_enough_samples_is_withheld(a, run, samples, cells):
    text = latency(run([a.outcome("gru", a.ranks(1.5, 1), ms=5.0, samples=samples)]))
    assert table(text, "**One question")["gru"][:3] == cells
    assert f"too few samples for that percentile (the smallest number is {samples})" in text


def test_throughput_is_the_median_of_the_calls_with_their_range(a, run):
    """400 questions in 0.2, 0.25 and 0.21 s."""
    text = latency(run([a.outcome("gru", a.ranks(1.5, 1))]))
    assert table(text, "**All questions")["gru"] == ["1,905 (1,600 to 2,000)"]


def test_calls_of_fewer_than_all_questions_are_marked(a, run):
    """100 of the 400 questions in 0.2, 0.25 and 0.21 s."""
    slow = a.outcome("cnn", a.ranks(1.5, 1), batch_queries=100)
    text = latency(run([a.outcome("gru", a.ranks(1.5, 1)), slow]))
    found = table(text, "**All questions")
    assert found["cnn"] == ["476 (400 to 500)‡"]
    assert found["gru"] == ["1,905 (1,600 to 2,000)"]
    assert "‡ calls of fewer than all 400 questions, to end in time: `cnn` 100 on cpu." in text


def test_a_failure_under_the_clock_stands_in_its_row(a, run):
    good = a.ranks(1.5, 1)
    lost = a.outcome("cnn", good, samples=0, latency_failure="killed by SIGSEGV")
    text = latency(run([a.outcome("gru", good), lost]))
    assert table(text, "**One question")["cnn"] == ["failed: killed by SIGSEGV", "-", "-", "-"]
    assert table(text, "**All questions")["cnn"] == ["failed"]
    assert table(text, "**One question")["gru"][-1] == "1.0"


def test_a_failure_after_some_samples_is_told_beside_them(a, run):
    text = latency(run([a.outcome("cnn", a.ranks(1.5, 1), ms=5.0, latency_failure="timed out | after 9 s")]))
    assert table(text, "**One question")["cnn"][0] == "5.00"
    assert "`cnn` on cpu failed: timed out | after 9 s; its latencies are of the searches before." in text


def test_a_run_that_failed_under_the_clock_only_still_tells_why(a, run):
    text = latency(run([a.outcome("cnn", a.ranks(1.5, 1), samples=0, latency_failure="out of memory")]))
    assert table(text, "**One question")["cnn"][0] == "failed: out of memory"


def test_a_device_that_a_system_cannot_use_is_not_a_gap(a, run):
    good = a.ranks(1.5, 1)
    outcomes = [a.outcome("bm25", good), a.outcome("gru", good), a.outcome("gru", good, device="cuda", ms=0.5)]
    failed = [a.outcome("cnn", good), Outcome("cnn", 0, "cuda", "failed", failure="out of memory")]
    found = table(latency(run(outcomes + failed, devices=("cpu", "cuda"))), "**One question")
    assert found["bm25"][4] == "cpu only"
    assert found["gru"][4] == "0.500"
    assert found["cnn"][4] == "failed"


def test_threads_and_hits_are_printed(a, run):
    assert "10 hits asked for, 1 thread." in latency(run([a.outcome("gru", a.ranks(1.5, 1))]))


def test_another_latency_fingerprint_is_marked(a, run):
    good = a.ranks(1.5, 1)
    other = a.outcome("old", good, ms=5.0, fingerprints={"quality": "q1", "latency": "elsewhere"})
    text = latency(run([a.outcome("gru", good), a.outcome("bm25", good), other]))
    assert table(text, "**One question")["old"][0] == "5.00†"
    assert "† `old`: another latency fingerprint" in text


def test_stages_are_shares_of_the_timed_searches(a, run):
    """1.2 s over 600 searches."""
    stages = {"bm25": 0.3, "gru": 0.9}
    text = latency(run([a.outcome("bm25+gru", a.ranks(1.5, 1), stages=stages)]))
    assert table(text, "Where the time")["bm25+gru"] == ["cpu", "2.00", "bm25 25%, gru 75%"]


def test_nothing_timed_gives_no_section(a, run):
    assert latency(run([a.outcome("gru", a.ranks(1.5, 1), samples=0)])) == ""


def test_costs_with_their_units(a, run):
    sizes = Sizes(3_100_000, 2_500_000, 1_200_000_000, 350_000_000, 80_000_000, 7_000_000)
    outcome = a.outcome("gru", a.ranks(1.5, 1), fit=45.0, fit_device="cuda", device="cuda", sizes=sizes)
    text = cost(run([outcome], devices=("cuda",)))
    assert table(text, "## Cost")["gru"] == [
        "cuda", "45.0", "0.500", "1,000", "2.50", "3,100,000", "1,200", "350", "80.0", "7.00"
    ]  # fmt: skip
    assert re.search(
        r"fit peak \(MB\) +\| +serving peak \(MB\) +\| +fit GPU peak \(MB\) +\| +serving GPU peak \(MB\)", text
    )
    assert "until its fit ended, and while it indexed and searched" in text
    assert "learned there" not in text


@pytest.mark.parametrize(("cached", "cell"), [(False, "45.0 (on cpu)"), (True, "45.0 (cached, on cpu)")])
def test_a_fit_learned_on_another_device_says_so(a, run, cached, cell):
    ranks = a.ranks(1.5, 1)
    jobs = [
        a.outcome("gru", ranks, fit=45.0, fit_device="cpu", device=device, fit_cached=cached and device == "cuda")
        for device in ("cpu", "cuda")
    ]
    text = cost(run(jobs, devices=("cpu", "cuda")))
    assert re.findall(r"^\| `gru` +\| (\w+) +\| +([^|]+?) \|", text, re.MULTILINE) == [("cpu", "45.0"), ("cuda", cell)]
    assert "learned there, not on the device of the row" in text


def test_a_cached_fit_keeps_its_seconds(a, run):
    text = cost(run([a.outcome("gru", a.ranks(1.5, 1), fit=45.0, fit_cached=True)]))
    assert table(text, "## Cost")["gru"][1] == "45.0 (cached)"
    assert "a stored fit was taken over" in text


def test_columns_that_nobody_measured_are_left_out(a, run):
    assert "parameters" not in cost(run([a.outcome("bm25", a.ranks(1.5, 1))]))
