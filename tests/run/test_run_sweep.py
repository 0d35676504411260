"""A sweep: several values of what search alone reads, on one fit and one index, as rows of their own and as a curve."""

import re
from itertools import permutations
from pathlib import Path

import pytest
from sweep_examples import WINDOW

from bench import run_options
from bench.errors import OptionError
from bench.plugins import find
from bench.run import rounds
from bench.run.process import WorkerProcess
from bench.run.store import Store
from bench.run.sweep_request import read_sweep
from bench.run.sweeps import sweeps_of
from bench.spec import parse_list


@pytest.fixture
def window(plugin):
    return plugin("window", WINDOW)


def log(kind):
    return [
        line.split()[1:] for line in Path("log.txt").read_text(encoding="utf-8").splitlines() if line.startswith(kind)
    ]


def lines(name):
    return [line.split() for line in Path(name).read_text(encoding="utf-8").splitlines()]


def test_all_values_share_one_fit_and_one_index_and_each_row_is_timed_with_its_own(
    bench, window, outcomes, monkeypatch
):
    usual, timed = rounds._time, []

    def watched(one, asked):
        before = len(lines("asked.txt"))
        usual(one, asked)
        timed.append((one.job.spec, {depth for depth, *_ in lines("asked.txt")[before:]}))

    monkeypatch.setattr(rounds, "_time", watched)
    options = ("--retrievers=bm25,window", f"--plugin={window}", "--sweep=window.depth=0,1,2", "--out=swept")
    assert bench(*options) == 0
    assert log("fit") == [["0", "30"]]
    [[_, home]] = log("index")
    assert {pid for _, pid, _ in lines("asked.txt")} == {home}
    record, stored = Store(Path("swept")).load()
    [sweep] = record.sweeps
    assert (sweep.spec, sweep.parameter, sweep.values) == ("window", "depth", ("0", "1", "2", "3"))
    assert sweep.systems == ("window:depth=0", "window:depth=1", "window:depth=2", "window")
    assert record.systems == ("bm25", "window", "window:depth=0", "window:depth=1", "window:depth=2")
    assert {outcome.status for outcome in stored} == {"ok"}
    found = outcomes("swept")
    scores = [sum(found[spec].scores["Success@1"]) for spec in sweep.systems]
    assert scores[0] < scores[1] == scores[2]
    assert [found[spec].parameters["depth"] for spec in sweep.systems] == [0, 1, 2, 3]
    assert found["window"].timings.cold_seconds is not None
    assert found["window:depth=1"].timings.cold_seconds is None
    values = dict(zip(sweep.systems, sweep.values, strict=True))
    assert [depths for spec, depths in timed if spec in values] == [
        {values[spec]} for spec, _ in timed if spec in values
    ]
    assert {len(one) for one in record.rounds} == {5}
    assert len({tuple(spec for spec, _ in timed[at : at + 5]) for at in range(0, 50, 5)}) > 1  # the order is drawn anew
    text = Path("swept/report.md").read_text(encoding="utf-8")
    assert "## Sweeps" in text
    assert "figures/sweep-cpu.svg" in text
    assert Path("swept/figures/sweep-cpu.svg").is_file()


def test_what_is_typed_is_what_a_reproduced_run_sweeps():
    typed = ["--sweep", "gru:ann=hnsw.search_width=16,32", "--sweep=bm25:path=./a.b.k1=0.5,1.5"]
    request = run_options.request_of(run_options.run_parser().parse_args(typed))
    assert [(str(one.spec), one.parameter, one.values) for one in request.sweep] == [
        ("gru:ann=hnsw", "search_width", ("16", "32")),
        ("bm25:path=./a.b", "k1", ("0.5", "1.5")),
    ]


def test_each_seed_and_each_number_of_pairs_has_an_index_of_its_own(bench, window):
    options = ("--retrievers=bm25", f"--plugin={window}", "--sweep=window.depth=1,2", "--seeds=0,1", "--out=swept")
    assert bench(*options, "--train-pairs=5,all") == 0
    assert sorted(log("fit")) == [["0", "30"], ["0", "5"], ["1", "30"], ["1", "5"]]
    assert sorted(seed for seed, _ in log("index")) == ["0", "0", "1", "1"]
    _, stored = Store(Path("swept")).load()
    swept = [outcome for outcome in stored if outcome.spec.startswith("window")]
    assert len(swept) == 2 * 2 * 2
    assert [outcome.seed for outcome in swept if outcome.timings.singles] == [0, 0]


def test_a_value_that_fails_costs_the_others_an_index_and_nothing_else(bench, window, outcomes):
    options = ("--retrievers=window", f"--plugin={window}", "--sweep=window.depth=2,13,14", "--out=swept")
    assert bench(*options) == 1
    found = outcomes("swept")
    assert re.fullmatch(r"ValueError: thirteen \(window.py:\d+\)", found.pop("window:depth=13").failure)
    assert set(found) == {"window", "window:depth=2", "window:depth=14"}
    assert {(one.status, one.latency_failure, len(one.timings.single_seconds)) for one in found.values()} == {
        ("ok", "", 10)
    }
    assert log("fit") == [["0", "30"]]
    assert len(log("index")) == 2
    assert "ValueError: thirteen" in Path("swept/logs/window.seed0.cpu.log").read_text(encoding="utf-8")
    assert "`window.depth`: no result for `13`" in Path("swept/report.md").read_text(encoding="utf-8")


def test_a_value_that_fails_under_the_clock_costs_the_others_no_time(bench, window, outcomes):
    options = ("--retrievers=window", f"--plugin={window}", "--sweep=window.depth=2,15", "--out=swept")
    assert bench(*options) == 1
    found = outcomes("swept")
    assert found["window:depth=15"].status == "ok"
    assert re.fullmatch(r"ValueError: thirteen \(window.py:\d+\)", found["window:depth=15"].latency_failure)
    for spec in ("window", "window:depth=2"):
        assert (found[spec].latency_failure, len(found[spec].timings.single_seconds)) == ("", 10)
    assert log("fit") == [["0", "30"]]
    assert len(log("index")) == 2
    assert len(list(Path("swept/runs").glob("window*"))) == 3  # the rankings of the first searches


def test_a_value_that_hangs_is_told_and_the_others_go_on(bench, window, outcomes, monkeypatch):
    usual = WorkerProcess.join

    def impatient(process, job, on_event):
        patience = process._timeout
        process._timeout = 1 if job.spec == "window:depth=16" else patience
        try:
            return usual(process, job, on_event)
        finally:
            process._timeout = patience

    monkeypatch.setattr(WorkerProcess, "join", impatient)
    options = ("--retrievers=window", f"--plugin={window}", "--sweep=window.depth=2,16", "--out=swept")
    assert bench(*options) == 1
    found = outcomes("swept")
    assert found["window:depth=16"].failure == "hung: retune did not end within 1 s (--timeout)"
    assert found["window"].timings.singles
    assert found["window:depth=2"].timings.singles


def test_what_fails_before_the_first_search_is_tried_once_and_told_for_all(bench, window, outcomes):
    options = (f"--plugin={window}", "--sweep=window:width=13.depth=2,4,5", "--retrievers=bm25", "--out=swept")
    assert bench(*options) == 1
    found = outcomes("swept")
    assert found.pop("bm25").timings.singles
    host, *guests = (found[f"window:depth={value}:width=13"].failure for value in (2, 4, 5))
    assert host.startswith("ZeroDivisionError")
    assert set(guests) == {f"{host} (in the process of window:depth=2:width=13, which several systems share)"}
    assert len(log("index")) == 1
    assert "no result for `2`, `4` and `5`" in Path("swept/report.md").read_text(encoding="utf-8")


def test_the_short_name_means_the_system_of_the_run_that_takes_the_parameter(bench, outcomes):
    plain = "embedding-average:dimensions=16:epochs=1"
    options = (f"--retrievers={plain},{plain}:ann=ivf", "--sweep=embedding-average.probes=1,64", "--out=swept")
    assert bench(*options) == 0
    record, _ = Store(Path("swept")).load()
    [sweep] = record.sweeps
    assert (sweep.spec, sweep.values) == ("embedding-average:ann=ivf:dimensions=16:epochs=1", ("0", "1", "64"))
    found = outcomes("swept")
    assert {found[spec].timings.fit_seconds for spec in record.systems} == {found[plain].timings.fit_seconds}
    recalls = [found[spec].learned["ann recall@10"] for spec in sweep.systems]
    assert recalls[1] < recalls[0] <= recalls[2] == 1
    assert found[sweep.systems[2]].scores == found[plain].scores  # all lists: nothing is missed


@pytest.mark.parametrize(
    ("sweep", "problem"),
    [
        ("window", "write SYSTEM.PARAMETER=VALUE,VALUE,..., as in gru:ann=hnsw.search_width=16,32,64"),
        ("window.depth=", "write SYSTEM.PARAMETER=VALUE,VALUE"),
        ("window.depth=1,,2", "write SYSTEM.PARAMETER=VALUE,VALUE"),
        ("wi,ndow.depth=1,2", "expected ',', '+', '/' or ':'"),
        ("windows.depth=1,2", "no retriever 'windows'; did you mean 'window'?"),
        ("window.dept=1,2", "no parameter 'dept'; did you mean 'depth'? There are: depth, width"),
        (
            "window.width=1,2",
            "width is read by index, and a sweep has one fit and one index; read by search alone: depth",
        ),
        ("gru.hidden=64,128", "hidden is read by fit, and a sweep has one fit and one index"),
        ("bm25.k1=1,2", "bm25 has no parameter that is read by search alone"),
        ("window.depth=1,x", "depth=x is not a whole number"),
        ("gru:ann=hnsw.search_width=0,4", "search_width must be at least 1"),
        ("gru.probes=4,8", "probes is a parameter of ann=ivf and ann=pq, not of ann=exact"),
        ("window.depth=2,02", "one value is no sweep; give two or more"),
        ("bm25+gru.search_width=4,8", "bm25+gru is made of systems; sweep a retriever that is run by itself"),
        ("gru:members=2.search_width=4,8", "gru:members=2 is made of systems"),
        ("cnn.depth=4,8", "cnn is a scorer, and only retrievers can be swept"),
    ],
)
def test_what_cannot_be_swept_is_one_line(bench, window, capsys, sweep, problem):
    assert bench("--retrievers=bm25", f"--plugin={window}", f"--sweep={sweep}") == 2
    told = capsys.readouterr().err
    assert f"--sweep {sweep}: " in told
    assert problem in told
    assert told.count("\n") == 1
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("named", "parameter", "values", "meant"),
    [
        ("gru,gru:ann=ivf", "probes", "0,16", "gru:ann=ivf"),
        ("gru:ann=hnsw,gru:ann=ivf", "search_width", "128,64", "gru:ann=hnsw"),
        ("gru,gru:ann=hnsw,gru:ann=ivf", "search_width", "64,128,32", "gru:ann=hnsw"),
    ],
)
def test_a_default_which_any_system_takes_does_not_tell_which_is_meant(named, parameter, values, meant):
    orders = permutations(values.split(","))
    requests = [read_sweep(f"gru.{parameter}={','.join(order)}") for order in orders]
    specs = tuple(map(str, parse_list(named)))
    assert {sweeps_of([request], specs, find(()))[0].spec for request in requests} == {meant}


@pytest.mark.parametrize(
    ("retrievers", "sweep", "problem"),
    [
        ("gru:ann=ivf,gru:ann=pq", "gru.probes=4,8", "gru may be gru:ann=ivf or gru:ann=pq; say which"),
        ("bm25", "gru.probes=4,8", "probes is a parameter of"),
        ("gru:ann=hnsw", "gru.search_width=0,16", "search_width must be at least 1"),
        ("gru,gru:ann=hnsw", "gru.search_width=128,0", "search_width must be at least 1"),
    ],
)
def test_a_short_name_that_does_not_say_which_is_refused(retrievers, sweep, problem):
    with pytest.raises(OptionError, match=problem):
        sweeps_of([read_sweep(sweep)], tuple(map(str, parse_list(retrievers))), find(()))


@pytest.mark.parametrize("again", ["window.depth=4,5", "window:depth=8.depth=1,2"])
def test_the_same_sweep_twice_is_refused_however_it_is_spelled(bench, window, capsys, again):
    twice = ("--sweep=window.depth=1,2", f"--sweep={again}")
    assert bench("--retrievers=window", f"--plugin={window}", *twice) == 2
    assert "depth of window is swept twice" in capsys.readouterr().err
