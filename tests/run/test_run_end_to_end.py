"""The main job on a small collection: what is stored, what is printed, and what is refused in one line."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from plugin_examples import broken

from bench.cli import main
from bench.run.store import Store


def test_a_run_leaves_a_report_outcomes_and_rankings(bench, capsys):
    assert bench("--retrievers=random,bm25,rank-bm25+bm25", "--pool=heldout", "--k=1,3") == 0
    told = capsys.readouterr().out
    folder = Path("reports/tiny")
    assert f"report: {folder}/report.md" in told
    record, stored = Store(folder).load()
    assert record.counts == {"documents": 60, "pool": 20, "train": 30, "dev": 10, "test": 20}
    assert all(passed for passed, _ in record.canaries.values())
    assert {"oracle", "chance", "ids", "random (seed 0)"} <= set(record.canaries)
    assert [outcome.spec for outcome in stored] == ["random", "bm25", "rank-bm25+bm25"]
    best = stored[1]
    assert set(best.scores) == {"Success@1", "Success@3", "RR@10", "nDCG@10"}
    assert len(best.scores["RR@10"]) == len(best.timings.singles[:20]) == 20
    assert sum(best.scores["Success@1"]) == 20
    assert len({outcome.fingerprints["quality"] for outcome in stored}) == 1
    ranking = gzip.decompress((folder / "runs" / "bm25.seed0.cpu.run.gz").read_bytes()).decode().splitlines()
    assert ranking[0].split()[:4] == ["q40", "Q0", "d40", "1"]
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "bm25" in text
    assert not (folder / "logs").exists() or not list((folder / "logs").iterdir())


def test_ids_with_blanks_are_escaped_in_the_run_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"how to use alpha{n} beta{n}", "answer": f"alpha{n} gamma{n}", "id": f"Q {n}"} for n in range(40)
    ]
    Path("my.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert main(["--dataset=pairs:my.jsonl", "--retrievers=bm25", "--cache=cache", "--threads=1"]) == 0
    ranking = gzip.decompress(Path("reports/my/runs/bm25.seed0.cpu.run.gz").read_bytes()).decode()
    assert ranking.startswith("Q%20")


def test_rendering_stored_outcomes_again_gives_the_same_bytes(bench):
    bench("--retrievers=bm25", "--out=first")
    before = {path: path.read_bytes() for path in Path("first").rglob("*") if path.suffix in (".md", ".svg")}
    for path in before:
        path.unlink()
    assert main(["report", "first"]) == 0
    assert {path: path.read_bytes() for path in before} == before


def test_ids_do_not_give_answers_away(bench, plugin, tmp_path, outcomes):
    rows = [{"question": f"what is alpha{n}", "answer": f"some beta{n}"} for n in range(60)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    peeks = broken(
        "return Hits.top(np.array([[float(q.id == d) for d in self._ids] for q in queries], dtype=np.float32), k)",
        index="self._ids = [doc.id for doc in corpus]",
    )
    path = plugin("peeks", peeks)
    assert (
        bench("--retrievers=peeks", f"--dataset=pairs:{tmp_path / 'p.jsonl'}", "--out=p", f"--plugin={path}", "--k=1")
        == 0
    )
    ranks = outcomes("p")["peeks"].first_ranks
    assert sum(rank == 1 for rank in ranks) <= 1  # a constant order puts one question's document first


def test_two_runs_into_one_folder_are_refused_before_anything_is_opened(bench, capsys):
    Path("used/outcomes").mkdir(parents=True)
    assert bench("--retrievers=bm25", "--out=used", "--dataset=beir:absent") == 2
    assert "used already holds a report" in capsys.readouterr().err


def test_seeds_run_again_only_what_they_change(bench):
    assert bench("--retrievers=random,bm25", "--seeds=1,2,3", "--out=seeds") == 0
    _, stored = Store(Path("seeds")).load()
    assert [(outcome.spec, outcome.seed) for outcome in stored] == [
        ("random", 1),
        ("random", 2),
        ("random", 3),
        ("bm25", 1),
    ]
    assert [bool(outcome.timings.single_seconds) for outcome in stored] == [True, False, False, True]
    assert stored[0].scores != stored[1].scores


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--retrievers=bm52"], "no retriever 'bm52'; did you mean 'bm25'?"),
        (["--retrievers=bm25:k=1"], "no parameter 'k'"),
        (["--retrievers=bm25", "--device=tpu"], "no device 'tpu'; there are: auto, cpu, cuda"),
        (["--retrievers=bm25", "--pool=some"], "--pool some: there are: heldout, all"),
        (["--retrievers=bm25", "--k=0"], "--k must be 1 or more"),
        (["--retrievers=bm25", "--k=1,x"], "--k 1,x: not a comma-separated list"),
        (["--retrievers=bm25", "--seeds=,"], "--seeds ,: not a comma-separated list"),
        (["--retrievers=bm25", "--k=9999999999"], "--k must be 1 or more, at most 10,000"),
        (["--retrievers=bm25", "--threads=0"], "--threads must be 1 or more"),
        (["--retrievers=bm25", "--threads=999"], "--threads must be 1 or more, at most "),
        (["--retrievers=bm25", "--timeout=-5"], "--timeout must be 1 or more"),
        (["--retrievers=bm25", "--memory=nan"], "--memory must be 0.1 or more"),
        (["--retrievers=bm25", "--plugin=absent.py"], "--plugin absent.py: no such file"),
        (["--retrievers=bm25", "--dataset=python-dogs"], "python-docs"),
        (["--retrievers=bm25", "--dataset=beir:absent"], "absent"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(bench, capsys, arguments, problem):
    assert bench(*arguments) == 2
    told = capsys.readouterr()
    assert problem in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert not Path("reports").exists()


@pytest.mark.skipif(
    "torch" in sys.modules and sys.modules["torch"].cuda.is_available(), reason="there is a CUDA device"
)
def test_asking_for_cuda_where_there_is_none_is_one_line(bench, capsys):
    assert bench("--retrievers=bm25", "--device=cpu,cuda") == 2
    assert capsys.readouterr().err == "bench: --device cuda: torch finds no CUDA device here; use --device cpu\n"


def test_an_existing_report_is_never_overwritten(bench, capsys):
    assert bench("--retrievers=bm25") == 0
    assert bench("--retrievers=bm25") == 0
    assert sorted(path.name for path in Path("reports").iterdir()) == ["tiny", "tiny-2"]
    capsys.readouterr()
    assert bench("--retrievers=bm25", "--out=reports/tiny") == 2
    assert "already holds a report" in capsys.readouterr().err
