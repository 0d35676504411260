"""``prepare`` comes first, before anything is timed, wherever a system is built to learn or to search."""

from pathlib import Path

import pytest

from bench.api import Env
from bench.build import build
from bench.cli import main
from bench.conformance_subject import Subject, synthetic_material
from bench.plugins import find
from bench.spec import parse

SOURCE = '''
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.api import Hits, Range, Retriever


@dataclass
class Logged(Retriever):
    """Writes down what it is asked to do."""

    name: str = "a"
    first: float = 0.0
    """Seconds that the first process of all takes to prepare."""
    width: int = 1

    seeded: ClassVar = True
    space: ClassVar = {"width": Range(1, 4)}

    def _note(self, what):
        with Path("log").open("a") as file:
            file.write(f"{self.name}:{what} ")

    def prepare(self, env):
        if not Path("log").exists():
            time.sleep(self.first)
        self._note("prepare")

    def index(self, corpus, env):
        self._note("index")
        self._words = [set(doc.content.lower().split()) for doc in corpus]

    def search(self, queries, k):
        scores = [[len(words & set(query.text.lower().split())) for words in self._words] for query in queries]
        return Hits.top(np.array(scores, dtype=np.float32).reshape(len(queries), len(self._words)), k)
'''
LEARNING = """
    def fit(self, train, dev, env):
        self._note("fit")

    def save(self, folder):
        (folder / "learned").write_text("yes")

    def load(self, folder):
        self._note("load")
"""


@pytest.fixture
def logged(tmp_path):
    """Writes the retriever to a file, and reads what it has written down."""

    class Files:
        def plugin(self, *, learning=True):
            path = tmp_path / "logged.py"
            path.write_text(SOURCE + (LEARNING if learning else ""), encoding="utf-8")
            return f"--plugin={path}"

        def words(self):
            return (tmp_path / "log").read_text(encoding="utf-8").split()

    return Files()


def test_a_process_prepares_before_it_fits_and_the_one_that_takes_the_fit_over_does_too(bench, logged):
    assert bench(logged.plugin(), "--retrievers=logged", "--out=run") == 0
    assert logged.words() == ["a:prepare", "a:fit", "a:prepare", "a:load", "a:index"]


def test_parts_and_members_are_prepared(bench, logged):
    assert bench(logged.plugin(learning=False), "--retrievers=logged:name=x+logged:name=y", "--out=run") == 0
    assert logged.words() == [*["x:prepare", "y:prepare"] * 2, "x:index", "y:index"]  # a fusion's own fit is stored
    Path("log").unlink()
    assert bench(logged.plugin(learning=False), "--retrievers=logged:members=2", "--out=again") == 0
    assert logged.words() == [*["a:prepare"] * 4, "a:index", "a:index"]


def test_who_had_to_compile_and_learns_nothing_is_measured_in_a_process_that_did_not(bench, logged, outcomes):
    assert bench(logged.plugin(learning=False), "--retrievers=logged:first=1.5", "--out=run") == 0
    assert logged.words() == ["a:prepare", "a:prepare", "a:index"]
    assert not outcomes("run")["logged:first=1.5"].timings.fit_cached


def test_explain_prepares(tmp_path, collection, monkeypatch, logged):
    monkeypatch.chdir(tmp_path)
    given = [f"--dataset=beir:{collection}", "--cache=cache", "--threads=1", logged.plugin()]
    assert main(["explain", "logged", "--question=q41", "--out=why", *given]) == 0
    assert logged.words() == ["a:prepare", "a:fit", "a:index"]


def test_trials_prepare(bench, logged):
    assert bench(logged.plugin(), "--retrievers=logged", "--tune=logged=1:width=2~3", "--out=run") == 0
    words = logged.words()
    assert words[:3] == ["a:prepare", "a:fit", "a:index"]
    assert words.count("a:prepare") == words.count("a:fit") + words.count("a:load")


def test_the_conformance_kit_prepares_every_system(tmp_path, monkeypatch, logged):
    monkeypatch.chdir(tmp_path)
    plugins = find([Path(logged.plugin().removeprefix("--plugin="))])
    subject = Subject(build(parse("logged"), plugins), synthetic_material(), Env(cache=tmp_path))
    assert subject.ready
    subject.make()
    assert logged.words() == ["a:prepare", "a:fit", "a:index", "a:prepare"]
