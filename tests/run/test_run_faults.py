"""What fails, hangs, grows, is interrupted or killed harms nothing else, and what is finished stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from plugin_examples import ZEROS, broken

from bench.run.store import Store

ROOT = Path(__file__).parents[2]


def test_systems_that_fail_become_rows_and_the_others_go_on(bench, plugin, outcomes):
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


def test_a_system_that_hangs_or_grows_is_stopped(bench, plugin, outcomes):
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


def test_a_system_that_fails_only_under_the_clock_keeps_its_quality(bench, plugin, outcomes):
    late = plugin("late", broken("self._n = getattr(self, '_n', 0) + 1; 1 / (self._n < 60); " + ZEROS))
    assert bench("--retrievers=late,bm25", "--out=late", f"--plugin={late}") == 1
    found = outcomes("late")
    assert found["late"].latency_failure.startswith("ZeroDivisionError")
    assert (found["late"].status, len(found["late"].first_ranks)) == ("ok", 20)
    assert found["bm25"].timings.single_seconds


def test_limits_hold_while_progress_streams(bench, plugin, outcomes):
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


def test_a_crash_is_seen_although_a_child_lives_on(bench, plugin, outcomes):
    forks = plugin("forks", broken("(os.fork() or time.sleep(600)) and os.kill(os.getpid(), signal.SIGSEGV)"))
    assert bench("--retrievers=forks", "--out=forks", f"--plugin={forks}") == 1
    assert outcomes("forks")["forks"].failure == "crashed: killed by SIGSEGV"


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
def test_an_interrupt_leaves_what_is_finished_and_a_report_of_it(tmp_path, collection, plugin, number, outcomes):
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
