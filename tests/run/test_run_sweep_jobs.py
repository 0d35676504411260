"""Jobs of systems that share something: what is learned once, where a tuned system moves in, whose memory is counted."""

import pytest
from sweep_examples import WINDOW

from bench.outcome import Tuning
from bench.run import tuning
from bench.run.plan import Request, make_plan
from bench.run.process import JobFailedError
from bench.run.session import RESTART
from bench.run.sweep_request import read_sweep
from bench.run.tenants import Tenant
from bench.run.tuning import tuned
from bench.run.tuning_request import read_tuning_requests


@pytest.fixture
def planned(collection, plugin, tmp_path):
    def plan(retrievers, sweep=(), tune="", **given):
        request = Request(
            retrievers,
            f"beir:{collection}",
            plugins=(plugin("window", WINDOW),),
            cache=tmp_path / "cache",
            sweep=tuple(map(read_sweep, sweep)),
            tune=read_tuning_requests(tune) if tune else (),
            threads=1,
            **given,
        )
        return make_plan(request, lambda *_: None)

    return plan


@pytest.mark.parametrize(
    ("retrievers", "anew"),
    [
        ("window,window:width=2,window:depth=2", [True, False, False]),
        ("gru,gru:ann=hnsw,gru:hidden=64", [True, False, True]),
        ("bm25+gru,gru", [True, False]),
        ("gru,bm25+gru,gru+bm25", [True, True, True]),  # how they are combined is learned for each
        ("gru,gru:members=2,gru:members=2:ann=ivf", [True, True, True]),
        ("cnn,bm25/cnn", [True, True]),
    ],
)
def test_what_one_job_has_learned_anew_the_later_ones_take_over(planned, retrievers, anew):
    assert [job.refit for job in planned(retrievers, refit=True).jobs] == anew
    assert not any(job.refit for job in planned(retrievers).jobs)


def test_each_seed_and_each_number_of_pairs_is_learned_anew(planned):
    plan = planned("window,window:width=2", refit=True, seeds=(0, 1), train_pairs=(5, None))
    assert [(job.spec, job.seed, job.train_pairs) for job in plan.jobs if job.refit] == [
        ("window", seed, pairs) for pairs in (None, 5) for seed in (0, 1)
    ]


def test_trials_are_made_anew_also_of_a_system_whose_fit_is_taken_over(planned):
    [study] = planned("window,window:width=2", tune="window:width=2=2:depth=1~2", refit=True).studies
    assert study.job.refit


@pytest.fixture
def finding(monkeypatch):
    """Studies that find a system at once."""

    def find(found):
        def search(_plan, study, *_):
            job = study.job
            return Tuning(job.spec, found, "2 trials", job.seed, job.device, 10, 10, job.train_pairs, {}, (), "")

        monkeypatch.setattr(tuning, "_search", search)

    return find


def test_a_tuned_system_that_can_search_the_index_of_a_sweep_becomes_a_guest(planned, finding):
    finding("window:depth=7")
    plan = planned("window,bm25", ("window.depth=1,2",), "window=2:depth=7", seeds=(0, 1))
    jobs = tuned(plan, None).jobs
    house = ["window", "window:depth=1", "window:depth=2", "window:depth=7"]
    assert [job.spec for job in jobs] == [*house, *house, "bm25"]
    assert [job.seed for job in jobs] == [0] * 4 + [1] * 4 + [0]
    assert [(job.host, job.guests) for job in jobs[4:8]] == [("", 3), *[("window", 0)] * 3]


@pytest.mark.parametrize("given", ["window", "window:depth=1"])
def test_a_tuned_system_with_an_index_of_its_own_stands_behind_all_who_share_one(planned, finding, given):
    finding("window:width=2")
    plan = planned("window,window:depth=1,bm25", ("window.depth=1,2",), f"{given}=2:depth=7", seeds=(0, 1), refit=True)
    jobs = tuned(plan, None).jobs
    house = ["window", "window:depth=1", "window:depth=2", "window:width=2"]
    assert [job.spec for job in jobs] == [*house, *house, "bm25"]
    assert [(job.host, job.guests) for job in jobs[:4]] == [("", 2), ("window", 0), ("window", 0), ("", 0)]
    assert [job.refit for job in jobs[:4]] == [True, False, False, False]


class Process:
    """In place of a worker: holds a number of bytes; fails for what it is told."""

    alive = 0

    def __init__(self, job, failing=(), *, storing=False):
        type(self).alive += 1
        self.job, self.failing, self.storing, self.closed = job, failing, storing, False

    def again(self, job):
        return type(self)(job, self.failing, storing=self.storing)

    def prepare(self, on_event):
        if self.storing and self.job.fit_cached is None and self.job.spec not in self.failing:
            return {RESTART: True, "cached": False}
        on_event({"event": "phase", "phase": "index"})
        on_event({"event": "phase", "phase": "search"})
        return self._searched(self.job)

    def join(self, job, _on_event):
        assert self.job.guests
        return self._searched(job)

    def _searched(self, job):
        if job.spec in self.failing:
            raise JobFailedError("no")
        return {"timings": {"fit_cached": self.job.fit_cached}}

    def unshared(self):
        return 0 if self.closed else 100

    def close(self):
        type(self).alive -= not self.closed
        self.closed = True


@pytest.mark.parametrize("failing", [(), ("window",), ("window:depth=1",), ("window", "window:depth=1")])
def test_the_memory_of_a_process_is_counted_once_whoever_fails_or_leaves(planned, monkeypatch, failing):
    monkeypatch.setattr(Process, "alive", 0)
    host, *others = planned("window", ("window.depth=1,2",)).jobs
    tenants = [Tenant(Process(host, failing), host)]
    for job in (host, *others):
        tenant = tenants[0] if job is host else tenants[0].guest(job)
        tenants += [] if job is host else [tenant]
        if job.spec in failing:
            with pytest.raises(JobFailedError, match=r"^no$"):
                tenant.prepare(lambda _: None)
            tenant.close()
        else:
            assert tenant.prepare(lambda _: None)
    assert sum(tenant.unshared() for tenant in tenants) == 100
    assert Process.alive == 1
    for tenant in tenants:
        tenant.close()
    assert Process.alive == 0


def test_a_fit_that_is_stored_only_by_the_second_process_is_taken_over_by_a_third(planned, monkeypatch):
    monkeypatch.setattr(Process, "alive", 0)
    host, *others = planned("window", ("window.depth=1,2",)).jobs
    first = Tenant(Process(host, ("window",), storing=True), host)
    with pytest.raises(JobFailedError):
        first.prepare(lambda _: None)
    for job in others:
        assert first.guest(job).prepare(lambda _: None) == {"timings": {"fit_cached": False}}
    assert Process.alive == 1
