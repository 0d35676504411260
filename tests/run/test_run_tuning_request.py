"""What --tune may say, and what it answers to what it cannot read."""

import pytest

from bench.errors import OptionError
from bench.outcome import Trial, Tuning
from bench.run.tuning_request import Budget, read_tuning_requests, repeated


def trials(*seconds):
    return [Trial("x", {}, 0.5, value) for value in seconds]


def test_systems_with_a_number_of_trials_or_a_time():
    found = read_tuning_requests("gru=30,bm25:variant=plus=10min,bm25+gru=2,bm25/cnn=0.5h,tfidf=45s")
    assert [str(one.spec) for one in found] == ["gru", "bm25:variant=plus", "bm25+gru", "bm25/cnn", "tfidf"]
    assert [(one.budget.trials, one.budget.seconds) for one in found] == [
        (30, None),
        (None, 600),
        (2, None),
        (None, 1800),
        (None, 45),
    ]


def test_ranges_stand_behind_the_budget_and_parameters_before_it():
    [one] = read_tuning_requests("gru:hidden=64=30:epochs=2..8:learning_rate=1e-3..0.02:init=random~cooccurrence")
    assert str(one.spec) == "gru:hidden=64"
    assert one.ranges == {"epochs": "2..8", "learning_rate": "1e-3..0.02", "init": "random~cooccurrence"}


def test_a_budget_of_time_is_spent_by_the_seconds_of_trials_and_one_of_trials_by_their_number():
    assert Budget("10s", seconds=10).spent(trials(3, 4)) == pytest.approx(0.7)
    assert Budget("10s", seconds=10).spent(trials(3, 8)) > 1
    assert Budget("4", trials=4).spent(trials(100, 100)) == 0.5


@pytest.mark.parametrize(
    "text", ["", "bm25", "bm25:k1=2", "bm25=0", "bm25=2.5", "bm25=3days", "bm25=3,", "=3", "bm25=3:k1", "a+=3"]
)
def test_what_is_no_budget_is_refused_with_the_form(text):
    with pytest.raises(OptionError, match=r"--tune .*SYSTEM=TRIALS"):
        read_tuning_requests(text)


def test_a_range_given_twice_is_refused():
    with pytest.raises(OptionError, match="'k1' is given twice"):
        read_tuning_requests("bm25=3:k1=1..2:k1=2..3")


def test_a_repeated_search_makes_as_many_trials_as_the_time_bought_then():
    requests = read_tuning_requests("bm25=10min:k1=0..3,gru=5")
    study = Tuning("bm25", "bm25", "10min", 0, "cpu", 1, 1, None, {}, (Trial("bm25", {}, 0.1, 400.0),) * 3)
    timed, counted = repeated(requests, [study, study])
    assert (timed.budget, timed.spec, timed.ranges) == (Budget("3", trials=3), requests[0].spec, {"k1": "0..3"})
    assert counted == requests[1]
