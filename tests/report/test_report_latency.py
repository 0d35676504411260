"""Latency: percentiles need samples, ratios a contender and rounds, and a busy machine is no secret."""

import re

import pytest

from bench.measure.percentiles import percentile_interval
from bench.measure.ratios import paired_ratio
from bench.outcome import Outcome
from bench.report.latency import latency

FEW = "too few samples for it (the smallest number is {})"


@pytest.fixture
def good(a):
    return a.ranks(1.5, 1)


@pytest.fixture
def shown(a):
    def show(outcomes, **given):
        return latency(a.summary(outcomes, **given))

    return show


def test_percentiles_in_milliseconds_and_ratio_to_the_fastest(a, shown, good):
    """Samples lie evenly between 0.9 and 1.1 of the median, so p95 is 1.09 and p99 1.098 of it."""
    found = a.table(shown([a.outcome("gru", good, ms=5.0), a.outcome("bm25", good, ms=2.0)]), "p50 to p99")
    assert list(found["gru"].values())[1:5] == ["5.00", "5.45", "5.49", "2.5 [2.5, 2.5]"]
    assert list(found["bm25"].values())[1:5] == ["2.00", "2.18", "2.20", "1.0"]


def test_a_ratio_comes_with_the_interval_of_its_rounds(a, shown, good):
    slow, fast = a.rounds(5.0, 1), a.rounds(2.0, 2)
    ratio, low, high = paired_ratio(slow, fast)
    outcomes = [a.outcome("gru", good, single_seconds=slow), a.outcome("bm25", good, single_seconds=fast)]
    text = shown(outcomes)
    assert a.table(text, "p50 to p99")["gru"]["p50 / fastest"] == f"{ratio:.1f} [{low:.1f}, {high:.1f}]"
    assert low < 2.5 < high
    assert "All systems took turns in 10 rounds." in text


@pytest.mark.parametrize("apart", [{"rounds": 9}, {"latency": "elsewhere"}])
def test_systems_that_took_no_turns_have_no_interval(a, shown, good, apart):
    slow = a.outcome(
        "gru",
        good,
        single_seconds=a.rounds(5.0, 1, rounds=apart.get("rounds", 10)),
        fingerprints={"quality": "q1", "latency": apart.get("latency", "l-cpu")},
    )
    found = a.table(shown([slow, a.outcome("bm25", good, single_seconds=a.rounds(2.0, 2))]), "p50 to p99")
    assert re.fullmatch(r"2\.[45]", found["gru"]["p50 / fastest"])


def test_of_several_seeds_the_first_is_timed(a, shown, good):
    fast = a.rounds(2.0, 2)
    twice = tuple(tuple(2 * seconds for seconds in one) for one in fast)
    untimed = a.outcome("gru", good, seed=1, seeded=True, samples=0)
    outcomes = [a.outcome("gru", good, seeded=True, single_seconds=twice), untimed]
    text = shown([*outcomes, a.outcome("bm25", good, single_seconds=fast)], seeds=(0, 1))
    assert a.table(text, "p50 to p99")["gru"]["p50 / fastest"] == "2.0 [2.0, 2.0]"
    assert "1 thread, latency: seed 0." in text
    assert "seed" not in shown(outcomes[:1])


def test_random_is_not_what_others_are_compared_with(a, shown, good):
    found = a.table(
        shown([a.outcome("gru", good, ms=5.0), a.outcome("random", a.random_ranks(1), ms=0.01)]), "p50 to p99"
    )
    assert found["gru"]["p50 / fastest"] == "1.0"
    assert found["random"]["p50 / fastest"] == "-"


@pytest.mark.parametrize(
    ("samples", "cells"), [(9, ["-", "-", "-"]), (99, ["5.00", "-", "-"]), (499, ["5.00", "5.45", "-"])]
)
def test_a_percentile_without_enough_samples_is_withheld(a, shown, good, samples, cells):
    text = shown([a.outcome("gru", good, ms=5.0, samples=samples)])
    assert list(a.table(text, "p50 to p99")["gru"].values())[1:4] == cells
    assert FEW.format(samples) in text


def test_every_percentile_has_its_interval_and_n_in_the_fold(a, shown, good):
    rounds = a.rounds(5.0, 1)
    samples = [seconds for one in rounds for seconds in one]
    row = a.table(shown([a.outcome("gru", good, single_seconds=rounds, cold_seconds=0.123)]), "Every percentile")["gru"]
    low, high = percentile_interval(samples, 95)
    assert row["n"] == "600"
    assert row["p95 (ms)"].endswith(f"[{low * 1e3:.2f}, {high * 1e3:.2f}]")
    assert row["first search (ms)"] == "123"
    assert "first search" not in shown([a.outcome("gru", good)])


def test_throughput_is_the_median_of_the_calls_with_their_range_in_the_fold(a, shown, good):
    """400 questions in 0.2, 0.25 and 0.21 s."""
    text = shown([a.outcome("gru", good)])
    assert a.table(text, "p50 to p99")["gru"]["offline (questions/s)"] == "1,905"
    assert a.table(text, "Every percentile")["gru"]["offline calls"] == "1,600 to 2,000"


def test_calls_of_fewer_than_all_questions_are_marked(a, shown, good):
    """100 of the 400 questions in 0.2, 0.25 and 0.21 s."""
    text = shown([a.outcome("gru", good), a.outcome("cnn", good, batch_queries=100)])
    found = a.table(text, "p50 to p99")
    assert found["cnn"]["offline (questions/s)"] == "476‡"
    assert found["gru"]["offline (questions/s)"] == "1,905"
    assert "‡ calls of fewer than all 400 questions, to end in time: `cnn` 100 on cpu." in text


def test_a_failure_under_the_clock_stands_in_its_row(a, shown, good):
    lost = a.outcome("cnn", good, samples=0, latency_failure="killed by SIGSEGV")
    found = a.table(shown([a.outcome("gru", good), lost]), "p50 to p99")
    assert list(found["cnn"].values())[1:] == ["failed: killed by SIGSEGV", "-", "-", "-", "-"]
    assert found["gru"]["p50 / fastest"] == "1.0"


def test_a_failure_after_some_samples_is_told_beside_them(a, shown, good):
    text = shown([a.outcome("cnn", good, ms=5.0, latency_failure="timed out | after 9 s")])
    assert a.table(text, "p50 to p99")["cnn"]["p50 (ms)"] == "5.00"
    assert "`cnn` on cpu failed: timed out | after 9 s; its latencies are of the searches before." in text


def test_a_run_that_failed_under_the_clock_only_still_tells_why(a, shown, good):
    text = shown([a.outcome("cnn", good, samples=0, latency_failure="out of memory")])
    assert a.table(text, "p50 to p99")["cnn"]["p50 (ms)"] == "failed: out of memory"


def test_a_system_has_a_row_for_each_device_it_was_asked_to_run_on(a, shown, good):
    outcomes = [a.outcome("bm25", good), a.outcome("gru", good), a.outcome("gru", good, device="cuda", ms=0.5)]
    failed = [a.outcome("cnn", good), Outcome("cnn", 0, "cuda", "failed", failure="out of memory")]
    text = shown(outcomes + failed, devices=("cpu", "cuda"))
    rows = re.findall(r"^\| `(\w+)` +\| (\w+) +\| +(\S+) \|", text[: text.index("<details>")], re.MULTILINE)
    assert rows == [
        ("bm25", "cpu", "1.00"), ("gru", "cpu", "1.00"), ("cnn", "cpu", "1.00"),
        ("gru", "cuda", "0.500"), ("cnn", "cuda", "failed"),
    ]  # fmt: skip


def test_what_was_timed_and_how_is_said(a, shown, good):
    outcomes = [
        a.outcome(spec, good, overhead_seconds=seconds) for spec, seconds in (("gru", 1.24e-6), ("bm25", 0.7e-6))
    ]
    text = shown(outcomes, rounds=(("gru",), ("bm25",)))
    assert "Warm searches on cpu, text in to ids out, 10 hits asked for, 1 thread." in text
    assert "All systems took turns in 5 rounds, in random order (run.json)." in text
    assert "The harness itself takes 1.2 µs of each (a search that does nothing, timed in the same way)." in text


def test_a_record_of_an_earlier_version_shows_no_trace_of_what_it_lacks(a, shown, good):
    text = shown([a.outcome("gru", good, single_seconds=a.rounds(2.0, 2, rounds=1, samples=600))])
    for absent in ("rounds", "harness", "busy", "server", "first search", "warm-up", "file"):
        assert absent not in text.lower()


def test_another_latency_fingerprint_is_marked(a, shown, good):
    other = a.outcome("old", good, ms=5.0, fingerprints={"quality": "q1", "latency": "elsewhere"})
    text = shown([a.outcome("gru", good), a.outcome("bm25", good), other])
    assert a.table(text, "p50 to p99")["old"]["p50 (ms)"] == "5.00†"
    assert "† `old`: another latency fingerprint" in text


def test_a_warm_up_that_never_settled_is_told(a, shown, good):
    text = shown([a.outcome("cnn", good, stable=False, warm_up=1500), a.outcome("gru", good)])
    found = a.table(text, "p50 to p99")
    assert [found[name]["p50 (ms)"] for name in ("cnn", "gru")] == ["1.00§", "1.00"]
    assert "§ still getting faster or slower when the clock started, after 1,500 warm-up searches." in text


def test_results_from_a_file_have_no_latency(a, shown, good):
    read = a.outcome("results", good, ms=0.001, live=False)
    text = shown([a.outcome("gru", good), read])
    assert list(a.table(text, "p50 to p99")) == ["gru"]
    assert text.count("`results`") == 1
    assert "From a file, without latency and cost: `results`." in text
    assert a.table(text, "p50 to p99")["gru"]["p50 / fastest"] == "1.0"
    assert shown([read]) == ""


@pytest.mark.parametrize(("others", "busy"), [((0.02, 0.1, 5.0), False), ((0.02, 0.6, 0.4), True), ((), False)])
def test_a_busy_machine_stands_above_the_latencies(a, shown, good, others, busy):
    """What counts is the median over the rounds."""
    text = shown([a.outcome("gru", good)], others=others)
    above = text[: text.index("| system")]
    assert ("**The machine was busy:** other processes used 0.40 cores" in above) is busy
    assert ("busy" in text) is busy


def test_single_disturbed_rounds_and_trials_stand_above_the_latencies(a, shown, good):
    """Five rounds, then four server trials."""
    text = shown([a.outcome("gru", good)], others=(0.0, 0.92, 0.0, 0.0, 0.6, 0.0, 1.4, 0.0, 0.5))
    warning = "other processes used more than 0.5 cores in 2 of 5 rounds and 1 of 4 server trials, at most 1.4."
    assert f"**The machine was disturbed:** {warning}" in text[: text.index("| system")]
    assert "disturbed" not in shown([a.outcome("gru", good)], others=(0.0, 0.5))
    assert "more than 0.5 in 1 of 3 rounds)" in shown([a.outcome("gru", good)], others=(0.4, 0.6, 0.2))


def test_stages_are_shares_of_the_timed_searches(a, shown, good):
    """1.2 s over 600 searches; a share of 0% and a single one of 100% tell nothing."""
    text = shown([
        a.outcome("bm25+gru", good, stages={"bm25": 0.3, "fuse": 0.001, "gru": 0.899}),
        a.outcome("gru/cnn", good, stages={"CNN": 1.2, "GRU": 0.001}),
    ])  # fmt: skip
    found = a.table(text, "Where the time")
    assert list(found["bm25+gru"].values())[1:] == ["2.00", "bm25 25%, gru 75%"]
    assert "gru/cnn" not in found


def test_nothing_timed_gives_no_section(a, shown, good):
    assert shown([a.outcome("gru", good, samples=0)]) == ""
