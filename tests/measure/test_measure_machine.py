"""Facts that the machine tells, and none that it does not."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from bench.measure import machine
from bench.measure.machine import machine_facts, processor, revision, timer_resolution, versions

SMI = """#!/bin/sh
case "$1" in
  --query-gpu=name,memory.total,driver_version,clocks.sm,clocks.max.sm,power.limit) ;;
  *) exit 2 ;;
esac
echo "Tesla X, 15360 MiB, 550.54, 300 MHz, 1590 MHz, 70.00 W"
echo "Tesla Y, 81559 MiB, 550.54, 345 MHz, 1980 MHz, [N/A]"
echo
echo "WARNING: something else"
"""


def test_the_facts_are_texts_without_gaps_in_a_fixed_order():
    facts = machine_facts()
    assert all(isinstance(value, str) and value for value in facts.values())
    order = ["processor", "cores usable", "memory", "system", "load average at start (1 / 5 / 15 min)"]
    assert [name for name in facts if name in order] == order
    assert facts["processor"] == processor()
    assert facts["memory"] == f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    assert facts["timer resolution"].endswith(" ns")


def test_a_machine_that_tells_nothing_has_no_empty_facts(monkeypatch, tmp_path):
    def unknown():
        raise NotImplementedError

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(psutil, "cpu_freq", unknown)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    monkeypatch.setattr(machine, "_GOVERNOR", tmp_path / "none")
    facts = machine_facts()
    assert not {"frequency at start", "frequency governor", "cores physical", "gpu", "commit"} & set(facts)
    assert not [name for name in facts if name.startswith("gpu")]


def test_the_governor_and_the_frequency_are_told(monkeypatch, tmp_path):
    governor = tmp_path / "scaling_governor"
    governor.write_text("powersave\n", encoding="utf-8")
    monkeypatch.setattr(machine, "_GOVERNOR", governor)
    monkeypatch.setattr(psutil, "cpu_freq", lambda: SimpleNamespace(current=2596.1))
    facts = machine_facts()
    assert (facts["frequency governor"], facts["frequency at start"]) == ("powersave", "2,596 MHz")


@pytest.mark.skipif(os.name != "posix", reason="the driver's tool is played by a shell script")
def test_gpus_are_told_apart_from_what_they_are_set_to(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(SMI, encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    facts = machine_facts()
    # The latency fingerprint reads "gpu", so that nothing may stand there that changes from run to run.
    assert facts["gpu"] == "Tesla X, 15360 MiB, 550.54; Tesla Y, 81559 MiB, 550.54"
    told = facts["gpu clock at start / at most, power limit"]
    assert told == "300 MHz / 1590 MHz, 70.00 W; 345 MHz / 1980 MHz, [N/A]"


def test_cuda_is_told_only_where_torch_is_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda="12.4")))
    assert machine_facts()["cuda of torch"] == "12.4"
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda=None)))
    assert "cuda of torch" not in machine_facts()
    monkeypatch.delitem(sys.modules, "torch")
    assert "cuda of torch" not in machine_facts()
    assert "torch" not in sys.modules


def test_versions_are_of_what_is_installed():
    found = versions(["numpy", "no-such-package-anywhere"])
    assert list(found) == ["python", "numpy"]


def test_the_resolution_is_the_smallest_step_of_the_clock():
    steps = itertools.cycle([0, 0, 300, 0, 100, 700])
    readings = itertools.accumulate(steps)
    assert timer_resolution(lambda: next(readings)) == pytest.approx(100e-9)
    assert timer_resolution(lambda: 5) == 0


def test_this_machines_clock_resolves_searches():
    assert 0 < timer_resolution() < 1e-4


def git(folder, *arguments):
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        [shutil.which("git"), *arguments], cwd=folder, check=True, capture_output=True, text=True, env=env
    ).stdout


@pytest.fixture
def repository(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "machine.py").write_text("x = 1\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_the_commit_is_that_of_the_repository_that_tracks_the_file(repository):
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert len(commit) == 40
    assert revision(repository / "bench" / "machine.py") == commit


@pytest.mark.parametrize("changed", ["bench/machine.py", "retrievers/new.py", "datasets/new.toml"])
def test_changed_and_new_code_is_told(repository, changed):
    (repository / changed).parent.mkdir(exist_ok=True)
    (repository / changed).write_text("x = 2\n", encoding="utf-8")
    assert revision(repository / "bench" / "machine.py").endswith(", with uncommitted changes")


def test_new_reports_are_no_change_of_the_code(repository):
    (repository / "reports").mkdir()
    (repository / "reports" / "report.md").write_text("x", encoding="utf-8")
    assert "," not in revision(repository / "bench" / "machine.py")


def test_an_installed_package_inside_another_repository_is_not_of_its_commit(repository):
    installed = repository / "venv" / "site-packages" / "bench" / "machine.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("x = 1\n", encoding="utf-8")
    assert revision(installed) == ""


def test_a_repository_without_commits_or_none_at_all_has_no_revision(tmp_path):
    file = tmp_path / "machine.py"
    file.write_text("x = 1\n", encoding="utf-8")
    assert revision(file) == ""
    if shutil.which("git"):
        git(tmp_path, "init", "--quiet")
        git(tmp_path, "add", ".")
        assert revision(file) == ""


def test_a_hooks_repository_is_not_taken_for_the_files(repository, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert revision(Path(repository / "bench" / "machine.py"))
