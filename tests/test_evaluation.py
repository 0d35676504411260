"""Runs that are files already are measured as those of the harness are."""

import subprocess
import sys

import numpy as np
import pytest

from bench.errors import DataError, OptionError
from bench.evaluation import evaluation
from bench.measure.statistics import bootstrap_interval
from bench.report import units


@pytest.fixture
def qrels(tmp_path):
    path = tmp_path / "qrels"
    path.write_text("".join(f"q{query} 0 right 1\nq{query} 0 wrong 0\n" for query in range(4)), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path):
    def write(name, **rows):
        lines = [f"{q} Q0 {doc} 1 {score} tag\n" for q, row in rows.items() for doc, score in row.items()]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
        return tmp_path / name

    return write


def cell(values):
    return f"{units.measure(np.mean(values))} {units.interval(*bootstrap_interval(values))}"


def test_means_are_over_all_judged_queries_with_their_intervals(qrels, run):
    first = {"right": 2, "wrong": 1}
    path = run("a.run", q0=first, q1=first, q3={"wrong": 2, "right": 1})
    other = run("b.run", **{f"q{number}": first for number in range(4)})
    head, rule, one, two, blank, judged = evaluation(qrels, [path, other], ["RR", "P@1"]).splitlines()
    assert head.split() == ["run", "RR", "P@1", "unanswered"]
    assert set(rule) == {"-", " "}
    assert one.split("  ")[0] == str(path)
    assert cell([1, 1, 0, 0.5]) in one
    assert cell([1, 1, 0, 0]) in one
    assert one.split()[-1] == "1"
    assert cell([1, 1, 1, 1]) in two
    assert two.split()[-1] == "0"
    assert blank == ""
    assert judged == f"{qrels}: 4 queries judged; means over all of them, with 95% intervals"


def test_bounds_are_told_where_ties_decide(qrels, run):
    tied = {"right": 1, "wrong": 1}
    told = evaluation(qrels, [run("t.run", q0=tied, q1=tied)], ["RR", "R@2"]).splitlines()
    assert told[5:] == [f"{qrels.parent / 't.run'}: equal scores decide RR: from .250 to .500 by their order"]


def test_queries_without_judgements_are_ignored_and_counted(qrels, run):
    right = {"right": 1}
    rows = {f"q{number}": right for number in range(4)}
    with_others, without = run("o.run", **rows, z1=right, z2={"wrong": 1}), run("w.run", **rows)
    told = evaluation(qrels, [with_others, without], ["RR"]).splitlines()
    assert told[2].split()[1:] == told[3].split()[1:]
    assert told[6:] == [f"{with_others}: 2 queries without judgements ignored"]


def test_beir_judgements_and_the_text_of_a_measure_are_read_leniently(tmp_path, run):
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tright\t2\n", encoding="utf-8")
    told = evaluation(
        tmp_path / "test.tsv", [run("a.run", q0={"right": 1})], ["nDCG(dcg=exp-log2)@10", "P( rel=2 )@1", "P(rel=2)@1"]
    )
    assert told.splitlines()[0].split() == ["run", "nDCG(dcg='exp-log2')@10", "P(rel=2)@1", "unanswered"]
    assert "1 query judged" in told
    assert "1.000 [-, -]" in told


def test_bad_input_is_named(qrels, run, tmp_path):
    path = run("a.run", q0={"right": 1})
    with pytest.raises(OptionError, match="'MRR' does not exist; did you mean RR"):
        evaluation(qrels, [path], ["MRR"])
    with pytest.raises(DataError, match="none: No such file"):
        evaluation(tmp_path / "none", [path], ["RR"])
    with pytest.raises(DataError, match="qrels:1: not a line of 'query Q0"):
        evaluation(qrels, [qrels], ["RR"])
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataError, match="empty: no judgements"):
        evaluation(tmp_path / "empty", [path], ["RR"])


def test_nothing_heavy_is_imported():
    code = "import sys, bench.evaluation; print([n for n in ('torch', 'pandas', 'sklearn', 'matplotlib') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
