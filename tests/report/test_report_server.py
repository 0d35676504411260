"""Server load: the highest rate that kept the limit while no lower one missed it."""

import pytest

from bench.report.latency import latency


@pytest.fixture
def shown(a):
    def show(*trials, limit=0.05, **fields):
        jobs = [
            a.outcome("gru", a.ranks(1.5, 1), seed=seed, seeded=True, server=one, **fields)
            for seed, one in enumerate(trials)
        ]
        return latency(a.summary(jobs, slo=limit, seeds=tuple(range(len(trials)))))

    return show


def cell(a, text):
    return a.table(text, "p50 to p99")["gru"]["server (questions/s)"]


def test_the_highest_rate_kept_and_the_next_one_that_missed(a, shown):
    trials = (a.trial(100, 0.03, True), a.trial(132.25, 0.09, False, samples=40), a.trial(115, 0.04, True))
    text = shown(trials)
    assert cell(a, text) == "115 (missed at 132)"
    assert "with p99, waiting included, of at most 50.0 ms" in text


def test_a_rate_kept_above_one_that_missed_is_luck(a, shown):
    trials = (a.trial(100, 0.03, True), a.trial(115, 0.09, False), a.trial(132, 0.04, True))
    assert cell(a, shown(trials)) == "100 (missed at 115)"


def test_no_rate_kept_and_no_rate_missed(a, shown):
    assert cell(a, shown((a.trial(115, 0.09, False), a.trial(100, 0.09, False)))) == "< 100"
    assert cell(a, shown((a.trial(100, 0.01, True),))) == ">= 100"


def test_a_limit_without_any_trial_says_why(a, shown):
    """A note of its own: a missing percentile has another reason."""
    text = shown((), server_failure="too slow | for a trial")
    assert cell(a, text) == "-"
    assert "- Server, `gru`: too slow | for a trial." in text
    assert "too few samples" not in text


def test_why_there_are_no_more_trials_is_told(a, shown):
    text = shown((a.trial(100, 0.01, True),), server_failure="the time was up")
    assert cell(a, text) == ">= 100"
    assert "- Server, `gru`: the time was up." in text


def test_every_trial_stands_in_the_fold(a, shown):
    """Times lie evenly up to 40 ms, so p50 is 21 ms and p99 nearly 40; thirty samples have no p99."""
    text = shown((a.trial(100, 0.04, True), a.trial(115, 0.4, False, samples=30)))
    rows = [line for line in text[text.index("every rate tried") :].splitlines() if line.startswith("| `gru`")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")][1:] for row in rows]
    assert cells == [
        ["100", "600", "21.0", "39.6", "40.0", "kept"],
        ["115", "30", "210", "-", "400", "missed"],
    ]


def test_a_run_without_a_limit_says_nothing_of_a_server(a):
    text = latency(a.summary([a.outcome("gru", a.ranks(1.5, 1))]))
    assert "server" not in text.lower()
