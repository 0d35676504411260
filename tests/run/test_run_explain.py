"""``bench explain`` from the command line to the page."""

import re
from pathlib import Path

import pytest
from plugin_examples import OVERLAP, SCORER

from bench.cli import main


@pytest.fixture
def explain(tmp_path, collection, monkeypatch):
    """Run the command on the small collection; returns its exit status."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return main(
            ["explain", f"--dataset=beir:{collection}", "--cache", str(tmp_path / "cache"), "--threads=1", *arguments]
        )

    return run


def page(name):
    return Path(name, "explain.md").read_text(encoding="utf-8")


def test_the_best_hit_of_a_held_out_question(explain, capsys):
    assert explain("bm25", "--question=q41", "--out=first") == 0
    told = capsys.readouterr().out
    assert "rank 1, a right answer: d41" in told
    assert told.endswith("explanation: first/explain.md\n")
    text = page("first")
    assert text.count("\n## ") == 1
    [score] = re.findall(r"Score: ([\d.]+)\.", text)
    parts = re.findall(r"\| `\w+` +\| +([\d.]+) \|", text)
    assert sum(map(float, parts)) == pytest.approx(float(score), abs=0.02)
    assert Path("first/figures/1-1.svg").read_bytes().startswith(b"<?xml")


def test_a_right_answer_is_shown_beside_a_wrong_best_hit(explain, capsys):
    assert explain("bm25", "--question=2", "--rank=2") == 0
    told = capsys.readouterr().out
    assert "rank 2, not a right answer" in told
    assert "rank 1, a right answer: d41" in told
    assert page("reports/explain-tiny-bm25").count("\n## ") == 2


def test_a_typed_question_has_no_right_answer_unless_it_is_a_held_out_one(explain, capsys):
    assert explain("bm25", "--query=alpha41 loader") == 0
    assert "\nrank 1: d41: " in capsys.readouterr().out
    assert explain("bm25", "--question=q41") == 0
    asked = re.search(r"`(why alpha41[^`]*)`", page("reports/explain-tiny-bm25-2"))[1]
    assert explain("bm25", f"--query={asked}") == 0
    assert "rank 1, a right answer: d41" in capsys.readouterr().out


def test_a_document_that_is_no_hit_is_explained_too(explain, capsys):
    assert explain("bm25", "--query=41 please", "--doc=d42") == 0
    assert "not found: d42" in capsys.readouterr().out


def test_a_composition_and_parts_that_do_not_explain_themselves(explain, plugin, capsys):
    mine, other = plugin("mine", OVERLAP), plugin("other", SCORER)
    assert (
        explain("bm25+mine/other:blend=0.5", "--question=q41", f"--plugin={mine}", f"--plugin={other}", "--out=x") == 0
    )
    text = page("x")
    assert "found by leaving it out" in text
    assert "the sum is the score" in text
    assert "rank 1, a right answer: d41" in capsys.readouterr().out


def test_nothing_is_overwritten(explain, capsys):
    assert explain("bm25", "--question=q41", "--out=first") == 0
    before = page("first")
    assert explain("tfidf", "--question=q42", "--out=first") == 2
    assert "already holds an explanation" in capsys.readouterr().err
    assert page("first") == before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["bm25", "--question=q411"], r"no held-out question of this id \(did you mean 'q4\d'\?\).*from 1 to 20"),
        (["bm25", "--question=0"], "numbers go from 1 to 20"),
        (["bm25", "--question=21"], "numbers go from 1 to 20"),
        (["bm25", "--question=q05"], "no held-out question of this id"),
        (["bm25", "--query=alpha41", "--doc=d4"], "no document of this id"),
        (
            ["bm25", "--query=alpha41", "--doc=d05", "--pool=heldout"],
            "not in the pool 'heldout'; search all documents with --pool all",
        ),
        (["bm25", "--query=xyzzy"], "finds no document for this question"),
        (["bm25", "--query=41 please", "--rank=2"], "finds 1 documents only"),
        (["bm25", "--query=alpha41", "--rank=0"], "--rank must be 1 or more"),
        (["bm25", "--query= "], "--query is empty"),
        (["bm26", "--query=alpha41"], "bm25"),
        (["bm25", "--query=alpha41", "--pool=some"], "--pool some"),
    ],
)
def test_what_cannot_be_explained_is_one_clear_line(explain, capsys, arguments, why):
    assert explain(*arguments) == 2
    told = capsys.readouterr().err
    assert re.search(why, told)
    assert len(told.splitlines()) == 1
    assert not Path("reports").exists()


def test_a_wrong_explanation_of_a_plug_in_is_named(explain, plugin, capsys):
    lines = [
        "",
        "    def explain(self, query, doc, position):",
        "        from bench.explanation import Explanation, Terms",
        "        return Explanation(1.0, (Terms('mine', ('a',), ()),))",
    ]
    mine = plugin("mine", OVERLAP.rstrip("\n") + "\n".join(lines) + "\n")
    assert explain("mine", "--question=q41", f"--plugin={mine}") == 2
    assert "one finite weight for each token" in capsys.readouterr().err


LEARNER = """
import random

from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_info

from bench.api import Hits, Retriever


@dataclass
class Mine(Retriever):
    \"\"\"Learns what the generators of the process draw, and how many threads it has.\"\"\"

    seeded = True

    def fit(self, train, dev, env):
        threads = max(pool["num_threads"] for pool in threadpool_info())
        self.drawn = [random.random(), np.random.rand(), torch.rand(1).item(), threads, torch.get_num_threads()]

    def save(self, folder):
        (folder / "drawn.txt").write_text(str(self.drawn))

    def load(self, folder):
        self.drawn = []

    def index(self, corpus, env):
        self.size = len(corpus)

    def search(self, queries, k):
        return Hits.top(np.ones((len(queries), self.size)), k)
"""


def test_what_is_learned_here_is_what_a_run_would_learn(explain, bench, plugin):
    mine = plugin("mine", LEARNER)

    def learned():
        [found] = Path("cache", "fits").glob("mine-*/drawn.txt")
        return found.read_text(encoding="utf-8")

    assert explain("mine", "--question=q41", f"--plugin={mine}", "--seed=5", "--out=a") == 0
    here = learned()
    assert bench("--retrievers=mine", f"--plugin={mine}", "--seeds=5", "--refit", "--out=b") == 0
    assert learned() == here
    assert here.endswith(", 1, 1]")


@pytest.mark.parametrize("method", ["fit", "index", "search", "explain"])
def test_a_plug_in_that_fails_is_one_line(explain, plugin, capsys, method):
    fails = f"\n    def {method}(self, *_):\n        raise RuntimeError('no more\\nof this')\n"
    mine = plugin("mine", OVERLAP.rstrip("\n") + "\n" + fails)
    assert explain("mine", "--question=q41", f"--plugin={mine}") == 2
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith(f"bench: mine: {method}() failed: RuntimeError: no more of this (mine.py:")
    assert "Traceback" not in told
