"""Several numbers of training pairs: what a fit sees at each, what is stored, and what the run's results are made of."""

import json
import re
from pathlib import Path

import pytest
from plugin_examples import ZEROS, broken

from bench.cli import main
from bench.run.store import Store

SEES = """
    seeded = True

    def fit(self, train, dev, env):
        import json
        with open("seen.jsonl", "a") as file:
            seen = [
                sorted(query.text for query in train.queries), sorted(doc.text for doc in train.corpus),
                len(train.qrels), len(dev.queries), len(dev.corpus), env.seed,
            ]
            file.write(json.dumps(seen) + chr(10))
        self.known = len(train.queries)

    def save(self, folder):
        (folder / "known").write_text(str(self.known))

    def load(self, folder):
        self.known = int((folder / "known").read_text())
"""
GROWS = (
    "return Hits.top(np.array([[float(int(q.text.split()[1][5:]) - 40 < self.known and q.text.split()[1] in text)"
    " for text in self._texts] for q in queries], dtype=np.float32), k)"
)
"""Answers the first so many of the held-out questions, alpha40 to alpha59, as it has seen training questions."""


@pytest.fixture(autouse=True)
def short_clock(monkeypatch):
    monkeypatch.setattr("bench.run.rounds.ROUNDS", 1)


@pytest.fixture
def learner(plugin):
    return plugin("learner", broken(GROWS, index="self._texts = [doc.text for doc in corpus]", extra=SEES))


def seen():
    return [json.loads(line) for line in Path("seen.jsonl").read_text(encoding="utf-8").splitlines()]


def number_of(text):
    """Of a question or document of the small collection: 7 of ``why alpha7 beta0 tensor``."""
    return int(re.search(r"alpha(\d+)", text)[1])


def test_every_fit_sees_its_share_of_the_pairs_and_no_more(bench, learner):
    options = ("--retrievers=learner", f"--plugin={learner}", "--seeds=0,3", "--train-pairs=all,5", "--out=sizes")
    assert bench(*options) == 0
    found = seen()
    assert [(len(questions), seed) for questions, *_, seed in found] == [
        (size, seed) for size in (30, 5) for seed in (0, 3)
    ]
    by_size = {}
    for questions, documents, judged, dev_questions, dev_documents, _ in found:
        numbers = {number_of(text) for text in questions}
        assert numbers == {number_of(text) for text in documents}
        assert len(questions) == len(documents) == judged == len(numbers)
        assert (dev_questions, dev_documents) == (10, 10)
        assert numbers <= set(range(30)), "of train alone"
        assert by_size.setdefault(len(numbers), numbers) == numbers, "every seed the same"
    assert by_size[5] < by_size[30]


def test_the_largest_size_is_the_run_and_the_others_are_quality_alone(bench, learner):
    options = ("--retrievers=learner,tfidf", f"--plugin={learner}", "--train-pairs=5,12", "--out=sizes")
    assert bench(*options) == 0
    record, stored = Store(Path("sizes")).load()
    assert (record.train_pairs, record.main_size, record.counts["train"]) == ((5, 12), 12, 12)
    found = {(outcome.spec, outcome.train_pairs): outcome for outcome in stored}
    assert set(found) == {("learner", 5), ("learner", 12), ("tfidf", 12)}
    small, large = found["learner", 5], found["learner", 12]
    assert (small.timings.fit_pairs, large.timings.fit_pairs) == (5, 12)
    assert (bool(small.timings.single_seconds), bool(large.timings.single_seconds)) == (False, True)
    # One more: where nothing scores, the last id comes first and solves the last question.
    assert [sum(one.scores["Success@1"]) for one in (small, large)] == [5 + 1, 12 + 1]
    assert found["tfidf", 12].fingerprints["quality"] == large.fingerprints["quality"]
    changed = {k for k, v in large.identity["quality"].items() if small.identity["quality"][k] != v}
    assert changed == {"training data"}
    assert {path.name for path in Path("sizes/runs").glob("learner.*")} == {
        f"learner.seed0.cpu.pairs{size}.run.gz" for size in (5, 12)
    }
    assert all("pairs5" not in name for names in record.rounds for name in names)
    assert all(contrast.first != contrast.second for contrast in record.contrasts)
    text = Path("sizes/report.md").read_text(encoding="utf-8")
    assert "## Would more training pairs help?" in text
    assert "- question/solution pairs to learn from: 12 of 30, of 12 questions drawn at random (--train-pairs)" in text
    assert "What learns had a part of the training pairs: 12 of 30" in text


def test_a_stored_fit_of_all_pairs_holds_and_each_size_has_its_own(bench, learner):
    options = ("--retrievers=learner", f"--plugin={learner}")
    assert bench(*options) == 0
    assert bench(*options, "--train-pairs=5,30") == 0  # 30 are all
    assert [len(questions) for questions, *_ in seen()] == [30, 5]
    assert bench(*options, "--train-pairs=5") == 0
    assert len(seen()) == 2
    first, second = (Store(Path("reports") / name).load()[1] for name in ("tiny", "tiny-2"))
    [whole] = [outcome for outcome in second if outcome.train_pairs is None]
    assert whole.fingerprints["quality"] == first[0].fingerprints["quality"]


def test_a_limit_cuts_first(bench, learner, capsys):
    options = ("--retrievers=learner", f"--plugin={learner}", "--limit=3")
    assert bench(*options, "--train-pairs=13") == 2
    assert capsys.readouterr().err == (
        "bench: --train-pairs 13: tiny has 12 training pairs after --limit; give fewer, or all\n"
    )
    assert bench(*options, "--train-pairs=4,all") == 0
    assert [len(questions) for questions, *_ in seen()] == [12, 4]
    assert {number_of(text) for questions, *_ in seen() for text in questions} <= set(range(12))


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ("0", "--train-pairs must be 1 or more"),
        ("5,some", "--train-pairs 5,some: not a comma-separated list of whole numbers and all"),
        ("-5", "--train-pairs -5: not a comma-separated list of whole numbers and all"),
        ("5,31", "--train-pairs 31: tiny has 30 training pairs; give fewer, or all"),
    ],
)
def test_sizes_that_cannot_be_are_one_line(bench, capsys, sizes, problem):
    assert bench("--retrievers=bm25", f"--train-pairs={sizes}") == 2
    assert capsys.readouterr().err == f"bench: {problem}\n"
    assert not Path("reports").exists()


def test_a_size_that_fails_is_told_and_costs_nothing_else(bench, plugin, capsys):
    refuses = '        assert len(train.queries) != 5, "too few"\n        self.known ='
    fails = SEES.replace("        self.known =", refuses, 1)
    path = plugin("learner", broken(GROWS, index="self._texts = [doc.text for doc in corpus]", extra=fails))
    options = ("--retrievers=learner", f"--plugin={path}", "--train-pairs=5,12,all", "--out=sizes")
    assert bench(*options) == 1
    assert "learner (seed 0, cpu, 5 pairs): failed: " in capsys.readouterr().err
    text = Path("sizes/report.md").read_text(encoding="utf-8")
    assert "- `learner` with 5 pairs: failed: AssertionError: too few" in text
    assert "figures/training-pairs.svg" in text
    quality = text[text.index("## Quality") : text.index("## Would")]
    assert "failed" not in quality


def test_what_looks_at_dev_alone_is_no_curve(bench):
    assert bench("--retrievers=bm25:tune=true", "--train-pairs=5,all", "--out=sizes") == 0
    text = Path("sizes/report.md").read_text(encoding="utf-8")
    assert "No system of this run was seen to learn from training pairs." in text
    assert "training-pairs.svg" not in text


def test_an_interrupt_keeps_the_main_results(bench, learner, monkeypatch):
    prepare = "bench.run.execute._prepare"
    from bench.run import execute

    usual = execute._prepare

    def interrupt(plan, store, record, one, observer):
        if one.job.train_pairs == 5:
            raise KeyboardInterrupt
        usual(plan, store, record, one, observer)

    monkeypatch.setattr(prepare, interrupt)
    options = ("--retrievers=learner,bm25", f"--plugin={learner}", "--train-pairs=5,12,all", "--out=sizes")
    assert bench(*options) == 130
    _, stored = Store(Path("sizes")).load()
    status = {(outcome.spec, outcome.train_pairs): outcome.status for outcome in stored}
    assert {status["learner", None], status["bm25", None], status["learner", 12]} == {"ok"}
    assert {status["learner", 5], status["bm25", 5]} == {"interrupted"}
    text = Path("sizes/report.md").read_text(encoding="utf-8")
    assert "- `learner` with 5 pairs: interrupted before it finished" in text


def test_a_run_is_reproduced_at_every_size(bench, learner, capsys):
    options = (
        "--retrievers=learner",
        f"--plugin={learner}",
        "--train-pairs=5,all",
        "--out=first",
        "--device=cpu",
    )
    assert bench(*options) == 0
    assert main(["reproduce", "first", "--out=again"]) == 0
    told = capsys.readouterr().out
    assert "with fewer training pairs: quality hash and every score agree" in told


def test_a_system_of_parts_learns_if_one_of_them_does(learner, plugin):
    from bench.build import build
    from bench.plugins import find
    from bench.run.sizes import learns
    from bench.spec import parse

    plugins = find([learner, plugin("constant", broken(ZEROS))])
    expected = {"learner": True, "constant+learner": True, "constant": False, "constant+tfidf:stop=none": False}
    assert {spec: learns(build(parse(spec), plugins)) for spec in expected} == expected
