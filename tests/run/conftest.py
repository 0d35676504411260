"""The command line on a small collection, with little time for the clock."""

from pathlib import Path

import pytest

from bench.cli import main
from bench.run.store import Store


@pytest.fixture
def bench(tmp_path, collection, monkeypatch):
    """Run the command line on the small collection; returns its exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.run.rounds.SINGLE_BUDGET", 0.5)
    monkeypatch.setattr("bench.run.rounds.BATCH_BUDGET", 0.5)
    monkeypatch.setattr("bench.run.rounds.WARM_UP", 0.05)

    def run(*arguments):
        return main([f"--dataset=beir:{collection}", "--cache", str(tmp_path / "cache"), "--threads=1", *arguments])

    return run


@pytest.fixture
def outcomes():
    """Read the outcomes stored in a folder, by the text of their system."""

    def read(folder):
        return {outcome.spec: outcome for outcome in Store(Path(folder)).load()[1]}

    return read
