"""The main job on a small collection: what is stored, what is printed, and that one bad system harms no other."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plugin_examples import ZEROS, broken

from bench.cli import main
from bench.run.store import Store

ROOT = Path(__file__).parents[2]


def outcomes(folder):
    return {outcome.spec: outcome for outcome in Store(Path(folder)).load()[1]}


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


def test_systems_that_fail_become_rows_and_the_others_go_on(bench, plugin):
    bad = {
        "raises": broken("raise ValueError('no good')"),
        "crashes": broken("os.kill(os.getpid(), signal.SIGSEGV)"),
        "exits": broken("os._exit(3)"),
        "repeats": broken("return Hits(np.zeros((len(queries), 2), int), np.ones((len(queries), 2), np.float32))"),
        "peeks": broken("return self._corpus[0]", index="self._corpus = corpus"),
        "prints": broken("print('{}'); " + ZEROS),
    }
    options = [f"--plugin={plugin(name, source)}" for name, source in bad.items()]
    assert bench(f"--retrievers={','.join(bad)},bm25", "--out=mixed", *options) == 1
    found = outcomes("mixed")
    assert found["bm25"].status == found["prints"].status == "ok"
    why = {name: found[name].failure for name in bad}
    assert why["raises"].startswith("ValueError: no good (raises.py:")
    assert why["crashes"] == "crashed: killed by SIGSEGV"
    assert why["exits"] == "crashed: the process ended with exit code 3"
    assert "q40" in why["repeats"]
    assert "after index() had returned" in why["peeks"]
    assert "failed: ValueError: no good" in Path("mixed/report.md").read_text(encoding="utf-8")
    assert "no good" in Path("mixed/logs/raises.seed0.cpu.log").read_text(encoding="utf-8")


def test_a_system_that_hangs_or_grows_is_stopped(bench, plugin):
    hangs = plugin("hangs", broken("time.sleep(600)"))
    grows = plugin("grows", broken("self._x = [np.ones(1 << 24) for _ in range(600) if not time.sleep(0.02)]"))
    status = bench(
        "--retrievers=hangs,grows,bm25",
        "--timeout=6",
        "--memory=0.5",
        "--out=stopped",
        f"--plugin={hangs}",
        f"--plugin={grows}",
    )
    found = outcomes("stopped")
    assert status == 1
    assert found["hangs"].failure == "hung: search did not end within 6 s (--timeout)"
    assert found["grows"].failure.startswith("out of memory: search used ")
    assert found["grows"].failure.endswith("the limit is 0.5 GiB (--memory)")
    assert found["bm25"].status == "ok"


def test_a_system_that_fails_only_under_the_clock_keeps_its_quality(bench, plugin):
    late = plugin("late", broken("self._n = getattr(self, '_n', 0) + 1; 1 / (self._n < 60); " + ZEROS))
    assert bench("--retrievers=late,bm25", "--out=late", f"--plugin={late}") == 1
    found = outcomes("late")
    assert found["late"].latency_failure.startswith("ZeroDivisionError")
    assert (found["late"].status, len(found["late"].first_ranks)) == ("ok", 20)
    assert found["bm25"].timings.single_seconds


def test_limits_hold_while_progress_streams(bench, plugin):
    chatty = """
    def fit(self, train, dev, env):
        from time import monotonic
        start = monotonic()
        while monotonic() - start < 600:
            env.progress(0.5, "still here")
"""
    path = plugin("chatty", broken(ZEROS, extra=chatty))
    assert bench("--retrievers=chatty", "--timeout=2", "--out=chatty", f"--plugin={path}") == 1
    assert outcomes("chatty")["chatty"].failure == "hung: fit did not end within 2 s (--timeout)"


def test_a_crash_is_seen_although_a_child_lives_on(bench, plugin):
    forks = plugin("forks", broken("(os.fork() or time.sleep(600)) and os.kill(os.getpid(), signal.SIGSEGV)"))
    assert bench("--retrievers=forks", "--out=forks", f"--plugin={forks}") == 1
    assert outcomes("forks")["forks"].failure == "crashed: killed by SIGSEGV"


def test_ids_do_not_give_answers_away(bench, plugin, tmp_path):
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


def test_a_damaged_fit_says_how_to_be_rid_of_it(bench, plugin, tmp_path):
    Path("fits.txt").touch()
    path = plugin("learner", broken(ZEROS, extra=FITS))
    assert bench("--retrievers=learner", f"--plugin={path}") == 0
    next((tmp_path / "cache" / "fits").glob("learner-*/x")).unlink()
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=again") == 1
    assert "run with --refit" in outcomes("again")["learner"].failure
    assert bench("--retrievers=learner", f"--plugin={path}", "--refit") == 0


def test_a_fit_that_cannot_be_kept_is_used_all_the_same(bench, plugin, tmp_path):
    path = plugin("learner", broken(ZEROS, extra=FITS))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "fits").write_text("in the way", encoding="utf-8")
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=kept") == 0
    assert "could not be kept" in Path("kept/logs/learner.seed0.cpu.log").read_text(encoding="utf-8")


def test_two_runs_into_one_folder_are_refused_before_anything_is_opened(bench, capsys):
    Path("used/outcomes").mkdir(parents=True)
    assert bench("--retrievers=bm25", "--out=used", "--dataset=beir:absent") == 2
    assert "used already holds a report" in capsys.readouterr().err


def test_a_stored_fit_is_taken_over_until_something_that_matters_changes(bench, plugin, tmp_path):
    source = broken(ZEROS, extra=FITS)
    learner = plugin("learner", source)
    fits = tmp_path / "fits.txt"
    fits.write_text("", encoding="utf-8")

    def runs(*options):
        before = len(fits.read_text(encoding="utf-8"))
        assert bench("--retrievers=learner", f"--plugin={learner}", *options) == 0
        return len(fits.read_text(encoding="utf-8")) - before

    assert runs() == 1
    assert runs() == 0
    assert runs("--k=2", "--pool=all") == 0
    assert runs("--refit") == 1
    assert runs("--seeds=4") == 0  # it says that its seed does not matter
    assert runs("--limit=5") == 1
    learner.write_text(source + "\n# another source\n", encoding="utf-8")
    assert runs() == 1


FITS = """
    def fit(self, train, dev, env):
        from pathlib import Path
        with Path("fits.txt").open("a") as file:
            file.write("x")

    def save(self, folder):
        (folder / "x").write_text("x")

    def load(self, folder):
        assert (folder / "x").read_text() == "x"
"""


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


def test_a_full_disk_is_one_line(bench, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.files.os.fsync", full)
    assert bench("--retrievers=bm25", "--out=full") == 2
    told = capsys.readouterr().err
    assert told.startswith("bench: cannot write ")
    assert told.endswith(": No space left on device\n")
    assert not list(Path().rglob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_is_finished_and_a_report_of_it(tmp_path, collection, plugin, number):
    slow = plugin("slow", broken("time.sleep(600)"))
    command = [sys.executable, "-m", "bench", f"--dataset=beir:{collection}", "--retrievers=bm25,slow,random"]
    options = [f"--plugin={slow}", f"--cache={tmp_path / 'cache'}", f"--out={tmp_path / 'out'}"]
    path = os.pathsep.join([str(ROOT), *sys.path])
    running = subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            "trap '' INT; exec \"$@\"",
            "sh",
            *command,
            *options,
        ],  # as a background job of a script starts
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    done = tmp_path / "out" / "outcomes" / "bm25.seed0.cpu.json"
    deadline = time.monotonic() + 60
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(number)
    try:
        _, err = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130, err
    found = outcomes(tmp_path / "out")
    assert {spec: outcome.status for spec, outcome in found.items()} == {
        "bm25": "ok",
        "slow": "interrupted",
        "random": "interrupted",
    }
    assert "The run was interrupted" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert json.loads(done.read_text(encoding="utf-8"))["status"] == "ok"


def test_an_interrupt_under_the_clock_keeps_every_result_and_is_told(bench, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.run.rounds._warm_up", interrupt)
    assert bench("--retrievers=bm25", "--out=clock") == 130
    record, stored = Store(Path("clock")).load()
    assert record.interrupted
    assert stored[0].status == "ok"
    assert "The run was interrupted" in Path("clock/report.md").read_text(encoding="utf-8")


def test_workers_end_when_their_parent_is_killed(tmp_path, collection, plugin):
    slow = plugin("slow", broken("open('pid', 'w').write(str(os.getpid())); time.sleep(600)"))
    command = [sys.executable, "-m", "bench", f"--dataset=beir:{collection}", "--retrievers=slow", f"--plugin={slow}"]
    path = os.pathsep.join([str(ROOT), *sys.path])
    running = subprocess.Popen(
        [*command, f"--cache={tmp_path / 'cache'}"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    )
    pid_file = tmp_path / "pid"
    deadline = time.monotonic() + 60
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    pid = int(pid_file.read_text())
    running.kill()
    running.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1]
