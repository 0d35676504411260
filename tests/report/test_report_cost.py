"""Costs: seconds, sizes and prices with their units; cached fits keep their price."""

import re

import pytest

from bench.outcome import Sizes
from bench.report.cost import cost

SIZES = Sizes(
    3_100_000, 2_500_000, 1_500_000, peaks={"open": 90_000_000, "fit": 1_200_000_000, "index": 360_000_000, "search": 350_000_000},
    cuda_peaks={"fit": 80_000_000, "search": 7_000_000},
)  # fmt: skip


def test_the_table_holds_what_a_decision_needs(a):
    outcome = a.outcome("gru", a.ranks(1.5, 1), fit=45.0, sizes=SIZES)
    assert a.table(cost(a.summary([outcome])), "## Cost")["gru"] == {
        "system": "`gru`", "fit (s)": "45.0", "index (s)": "0.500", "index (MB)": "2.50", "serving peak (MB)": "360"
    }  # fmt: skip


def test_every_phase_and_size_stands_in_the_fold(a):
    outcome = a.outcome("gru", a.ranks(1.5, 1), fit=40.0, fit_pairs=10_000, device="cuda", sizes=SIZES)
    assert a.table(cost(a.summary([outcome], devices=("cuda",))), "<summary>Every phase")["gru"] == {
        "system": "`gru`", "pairs/s": "250", "documents/s": "1,000", "index on disk (MB)": "1.50",
        "parameters": "3,100,000", "open peak (MB)": "90.0", "fit peak (MB)": "1,200", "index peak (MB)": "360",
        "search peak (MB)": "350", "fit GPU peak (MB)": "80.0", "search GPU peak (MB)": "7.00",
    }  # fmt: skip


def test_a_million_questions_have_a_price_where_an_hour_has_one(a):
    """2,000 questions/s are 500 s for a million; at 5 ms each they are 5,000 s; an hour costs 3.60."""
    outcome = a.outcome("gru", a.ranks(1.5, 1), ms=5.0, batch_seconds=(0.2, 0.2))
    text = cost(a.summary([outcome], prices={"cpu": 3.6}))
    row = a.table(text, "<summary>Price of a million questions")["gru"]
    assert row["offline (your currency)"] == "0.50"
    assert row["one at a time (your currency)"] == "5.0"
    assert "never idle, at the given price of an hour (3.6 on cpu)." in text
    assert "currency" not in text[: text.index("<details>")]


def test_the_price_of_one_at_a_time_counts_slow_searches(a):
    """Nine of ten take 1 ms, the tenth 91 ms: 10 ms on average, although the median is 1 ms; half a round weighs as a whole."""
    rounds = (*((0.001,) * 18 + (0.091,) * 2 for _ in range(9)), (0.001,) * 9 + (0.091,))
    outcome = a.outcome("gru", a.ranks(1.5, 1), single_seconds=rounds)
    row = a.table(cost(a.summary([outcome], prices={"cpu": 3.6})), "<summary>Price")["gru"]
    assert row["one at a time (your currency)"] == "10"


def test_a_device_without_a_price_has_none(a):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1), device=device) for device in ("cpu", "cuda")]
    text = cost(a.summary(outcomes, devices=("cpu", "cuda"), prices={"cuda": 3.6}))
    table = text[text.index("<summary>Price") :]
    assert re.search(r"^\| `gru` +\| cpu +\| +- \| +- \|$", table, re.MULTILINE)
    assert re.search(r"^\| `gru` +\| cuda +\| +0\.53 \| +1\.0 \|$", table, re.MULTILINE)
    assert "(3.6 on cuda)" in text
    assert "price" not in cost(a.summary(outcomes, devices=("cpu", "cuda"))).lower()


@pytest.mark.parametrize(("cached", "cell"), [(False, "45.0 (on cpu)"), (True, "45.0 (cached, on cpu)")])
def test_a_fit_learned_on_another_device_says_so(a, cached, cell):
    ranks = a.ranks(1.5, 1)
    jobs = [
        a.outcome("gru", ranks, fit=45.0, fit_device="cpu", device=device, fit_cached=cached and device == "cuda")
        for device in ("cpu", "cuda")
    ]
    text = cost(a.summary(jobs, devices=("cpu", "cuda")))
    rows = re.findall(r"^\| `gru` +\| (\w+) +\| +([^|]+?) \|", text[: text.index("<details>")], re.MULTILINE)
    assert rows == [("cpu", "45.0"), ("cuda", cell)]
    assert "learned there, not on the device of the row" in text


def test_a_cached_fit_keeps_its_seconds(a):
    text = cost(a.summary([a.outcome("gru", a.ranks(1.5, 1), fit=45.0, fit_cached=True)]))
    assert a.table(text, "## Cost")["gru"]["fit (s)"] == "45.0 (cached)"
    assert "a stored fit was taken over" in text


def test_a_system_of_parts_says_that_parts_were_cached(a):
    outcomes = [a.outcome(spec, a.ranks(1.5, 1), fit=45.0, fit_cached=True) for spec in ("gru", "bm25+gru")]
    text = cost(a.summary(outcomes))
    rows = a.table(text, "## Cost")
    assert [rows[spec]["fit (s)"] for spec in ("gru", "bm25+gru")] == ["45.0 (cached)", "45.0 (parts cached)"]
    assert "- parts cached: the seconds are those of all parts' training, of which this run took some over." in text
    assert "parts cached" not in cost(a.summary(outcomes[:1]))


@pytest.mark.parametrize("seconds", [0.0, 2.6e-5])
def test_what_learns_nothing_has_no_seconds_of_it(a, seconds):
    outcomes = [
        a.outcome("bm25", a.ranks(1.5, 1), fit=seconds, fit_cached=True),
        a.outcome("gru", a.ranks(1.5, 1), fit=9),
    ]
    assert a.table(cost(a.summary(outcomes)), "## Cost")["bm25"]["fit (s)"] == "-"
    assert "fit (s)" not in cost(a.summary(outcomes[:1]))


def test_columns_that_nobody_measured_are_left_out(a):
    text = cost(a.summary([a.outcome("bm25", a.ranks(1.5, 1))]))
    for absent in ("parameters", "GPU peak (MB)", "disk", "pairs/s ", "open peak", "price"):
        assert absent not in text


def test_results_from_a_file_cost_nothing_that_is_known(a):
    outcomes = [a.outcome(spec, a.ranks(1.5, 1), live=spec == "gru") for spec in ("gru", "results")]
    assert "`results`" not in cost(a.summary(outcomes))
    assert cost(a.summary(outcomes[1:])) == ""


@pytest.mark.parametrize(
    ("spec", "family", "composed", "parted"),
    [
        ("gru", "neural", False, False),
        ("sentence-transformer:model=a/b", "neural", False, False),
        ("gru:vectors=./x.vec", "neural", False, False),
        ("gru:members=3", "neural", False, True),
        ("bm25+gru", "", True, True),
        ("bm25/cnn:members=2", "", True, True),
    ],
)
def test_a_slash_in_a_value_makes_no_composition_and_members_are_fits_of_their_own(a, spec, family, composed, parted):
    [system] = a.summary([a.outcome(spec, a.ranks(0.2, 1), family="neural", fit=3.0, fit_cached=True)]).results
    assert (system.family, system.composed, system.parted) == (family, composed, parted)
    assert ("parts cached" in cost(a.summary(list(system.outcomes)))) is parted
