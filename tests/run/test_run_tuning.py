"""--tune: trials on train and dev alone, kept and gone on with, and both systems in the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.data.load import open_dataset
from bench.errors import DataError, OptionError
from bench.plugins import find
from bench.run import tuning
from bench.run.plan import Request, make_plan
from bench.run.process import JobFailedError
from bench.run.store import Store
from bench.run.studies import studies_of
from bench.run.tuning import tuned
from bench.run.tuning_request import read_tuning_requests

KNOB = '''
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.api import Hits, Range, Retriever


def saw(*texts):
    with Path("seen.txt").open("a") as file:
        file.write("".join(f"{text}\\n" for text in texts))


@dataclass
class Knob(Retriever):
    """Ranks the better the nearer its knob is to 0.7, and dies below 0.2."""

    turn: float = 0.3
    space: ClassVar = {"turn": Range(0, 1)}

    def fit(self, train, dev, env):
        for pairs in (train, dev):
            saw(*(doc.content for doc in pairs.corpus), *(query.text for query in pairs.queries))
        with Path("fits.txt").open("a") as file:
            file.write("x")
        if self.turn < 0.2:
            os._exit(3)

    def index(self, corpus, env):
        saw(*(doc.content for doc in corpus))
        self._words = [set(doc.content.split()) for doc in corpus]

    def search(self, queries, k):
        saw(*(query.text for query in queries))
        scores = np.array([[len(words & set(query.text.split())) for words in self._words] for query in queries])
        order = np.argsort(-scores, axis=1, kind="stable")
        order = np.roll(order, round(10 * abs(self.turn - 0.7)), axis=1)[:, :k]
        return Hits(order, -np.arange(order.shape[1], dtype=np.float32) - np.zeros((len(order), 1), np.float32))
'''


class Quiet:
    """An observer that only keeps what failed."""

    def __init__(self):
        self.failures = []

    def trial(self, number, fraction, label):
        pass

    def phase(self, name):
        pass

    def progress(self, fraction, note):
        pass

    def ended(self, label, failure):
        self.failures += [failure] if failure else []


@pytest.fixture
def planned(collection, plugin, tmp_path, monkeypatch):
    """Make the plan of a run over the small collection."""
    monkeypatch.chdir(tmp_path)

    def plan(tune, *, cache="cache", retrievers="knob", **given):
        request = Request(
            retrievers,
            f"beir:{collection}",
            plugins=(plugin("knob", KNOB),),
            cache=tmp_path / cache,
            tune=read_tuning_requests(tune),
            threads=1,
            **given,
        )
        return make_plan(request, lambda *_: None)

    return plan


class Pretended:
    """In place of a worker: RR@10 is a formula of the spec, so that a search takes no time."""

    started = trials = 0
    stop_at = 0
    farthest = 0.8

    def __init__(self, job, log, **_limits):
        type(self).started += 1
        assert job.tuning

    def prepare(self, _on_event):
        return {}

    def trial(self, spec, _on_event):
        type(self).trials += 1
        if self.trials == self.stop_at:
            raise KeyboardInterrupt
        turn = float(spec.partition("=")[2] or 0.3)
        if turn > self.farthest:
            raise JobFailedError("too far")
        return {"dev": 1 - abs(turn - 0.7), "seconds": 2.0}

    def close(self):
        pass


@pytest.fixture
def pretended(monkeypatch):
    class Fresh(Pretended):
        pass

    monkeypatch.setattr(tuning, "WorkerProcess", Fresh)
    return Fresh


def test_no_trial_is_given_a_text_of_the_test_split(planned, collection):
    plan = tuned(planned("knob=4:turn=0.1~0.5~0.7"), Quiet())
    dataset = open_dataset(f"beir:{collection}")
    seen = set(Path("seen.txt").read_text(encoding="utf-8").splitlines())
    texts = {doc.id: doc.content for doc in dataset.corpus}
    learned_from = dataset.train.judged() | dataset.dev.judged()
    assert not seen & {query.text for query in dataset.test.queries}
    assert not seen & {texts[doc_id] for doc_id in dataset.test.judged() - learned_from}
    allowed = {query.text for split in (dataset.train, dataset.dev) for query in split.queries}
    assert seen == allowed | {texts[doc_id] for doc_id in learned_from}
    [found] = plan.tunings
    values = {trial.values["turn"]: trial.dev for trial in found.trials}
    assert values == {
        0.3: pytest.approx(1 / 5),
        0.5: pytest.approx(1 / 3),
        0.7: 1.0,
        0.1: None,
    }  # rolled by so many places
    [crashed] = (trial.failure for trial in found.trials if trial.dev is None)
    assert crashed == "crashed: the process ended with exit code 3"
    assert not list(Path("cache").glob("fits/*"))


def test_both_systems_are_measured_and_the_report_tells_of_the_search(bench, plugin, outcomes):
    path = plugin("knob", KNOB)
    assert bench("--retrievers=knob", f"--plugin={path}", "--tune=knob=3:turn=0.65~0.4", "--out=run") == 0
    found = outcomes("run")
    assert list(found) == ["knob", "knob:turn=0.65"]
    assert found["knob:turn=0.65"].parameters == {"turn": 0.65}
    assert found["knob:turn=0.65"].scores["RR@10"] > found["knob"].scores["RR@10"]
    record, _ = Store(Path("run")).load()
    assert {trial.spec for trial in record.tunings[0].trials} == {"knob", "knob:turn=0.65", "knob:turn=0.4"}
    assert "## Tuning" in Path("run/report.md").read_text(encoding="utf-8")


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(planned, pretended):
    [whole] = tuned(planned("knob=12", cache="a"), Quiet()).tunings
    pretended.trials, pretended.stop_at = 0, 6
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        tuned(planned("knob=12", cache="b"), Quiet())
    pretended.trials = 3
    with pytest.raises(KeyboardInterrupt, match="the same command without --refit goes on"):
        tuned(planned("knob=12", cache="c", refit=True), Quiet())
    pretended.stop_at, pretended.trials = 0, 0
    [again] = tuned(planned("knob=12", cache="b"), Quiet()).tunings
    assert pretended.trials == 7  # five were stored
    assert [(trial.values, trial.dev) for trial in again.trials] == [
        (trial.values, trial.dev) for trial in whole.trials
    ]
    pretended.trials = 0
    [fewer] = tuned(planned("knob=5", cache="b"), Quiet()).tunings
    assert pretended.trials == 0
    assert fewer.trials == again.trials[:5]


def test_the_best_trial_becomes_a_row_beside_the_given_one(planned, pretended):
    plan = tuned(planned("knob=8", retrievers="bm25,knob,random"), Quiet())
    [found] = plan.tunings
    best = max((trial for trial in found.trials if trial.dev is not None), key=lambda trial: trial.dev)
    assert found.trials[0].spec == "knob"
    assert found.found == best.spec != "knob"
    assert [job.spec for job in plan.jobs] == ["bm25", "knob", best.spec, "random"]
    given, tuned_job = plan.jobs[1:3]
    assert vars(given) | {"spec": best.spec} == vars(tuned_job)


def test_where_nothing_is_better_there_is_one_row(planned, pretended):
    plan = tuned(planned("knob=3:turn=0~0.1~0.2"), Quiet())
    assert plan.tunings[0].found == "knob"
    assert [job.spec for job in plan.jobs] == ["knob"]


def test_failed_trials_are_told_and_leave_a_fresh_process(planned, pretended):
    observer = Quiet()
    [found] = tuned(planned("knob=3:turn=0.9~0.5"), observer).tunings
    failed = [trial for trial in found.trials if trial.dev is None]
    assert [(trial.values, trial.failure) for trial in failed] == [({"turn": 0.9}, "too far")]
    assert observer.failures == ["too far"]
    assert pretended.started == 1 + (found.trials[-1] not in failed)


def test_a_search_ends_where_all_fails_or_all_is_tried(planned, pretended):
    [hopeless] = tuned(planned("knob=30:turn=0.81..1"), Quiet()).tunings
    assert (len(hopeless.trials), hopeless.found) == (6, "knob")
    assert hopeless.ending == "5 trials in a row have failed"
    [tried] = tuned(planned("knob=30:turn=0.5~0.6"), Quiet()).tunings
    assert (len(tried.trials), tried.ending) == (3, "every setting has been tried")


def test_a_budget_of_time_counts_the_seconds_of_stored_trials(planned, pretended):
    [found] = tuned(planned("knob=5s:turn=0..0.8"), Quiet()).tunings
    assert len(found.trials) == 3  # two seconds each: one is begun after four, none after six
    pretended.trials = 0
    tuned(planned("knob=5s:turn=0..0.8"), Quiet())
    assert pretended.trials == 0


def test_another_source_seed_or_range_is_another_search(planned, pretended, plugin, monkeypatch):
    def trials(tune="knob=2", **given):
        pretended.trials = 0
        tuned(planned(tune, **given), Quiet())
        return pretended.trials

    assert [trials(), trials()] == [2, 0]
    assert trials("knob=2:turn=0..0.5") == 2
    assert trials(seeds=(1,)) == 2
    assert trials(limit=5) == 2
    assert trials(refit=True) == 2
    monkeypatch.setitem(globals(), "KNOB", KNOB + "# another source")
    assert trials() == 2


def test_failures_at_the_end_are_tried_again_and_those_before_are_not(planned, pretended):
    """Their cause, memory or a missing package, may be gone."""
    [failed] = tuned(planned("knob=3:turn=0.81~0.9"), Quiet()).tunings
    assert [trial.dev is None for trial in failed.trials] == [False, True, True]
    pretended.trials = 0
    pretended.farthest = 1
    [again] = tuned(planned("knob=3:turn=0.81~0.9"), Quiet()).tunings
    assert pretended.trials == 2
    assert [trial.values for trial in again.trials] == [trial.values for trial in failed.trials]
    assert [trial.dev is None for trial in again.trials] == [False, False, False]


def test_another_device_is_another_search(planned):
    plan = planned("knob=2")
    system, plugins = plan.studies[0].request, find(plan.request.plugins)
    paths = {
        device: studies_of([system], [replace(job, device=device) for job in plan.jobs], plugins, plan.dataset)[0].path
        for device in ("cpu", "cuda")
    }
    assert paths["cpu"] == plan.studies[0].path != paths["cuda"]


def test_what_cannot_be_tuned_is_one_line_before_any_work(planned, collection):
    with pytest.raises(OptionError, match=r"bm25 is not among --retrievers \(knob\)"):
        planned("bm25=3")
    with pytest.raises(OptionError, match="knob is named twice"):
        planned("knob=3,knob=2")
    with pytest.raises(OptionError, match="nothing to search"):
        planned("random=3", retrievers="random")
    (collection / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"--tune chooses on development questions, and .* has none"):
        planned("knob=3", cache="other")
