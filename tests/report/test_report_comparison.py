"""Stored runs against each other: what differs is found, what does not is not, and what may not be compared is refused."""

from dataclasses import replace

import numpy as np
import pytest

from bench.errors import OptionError
from bench.fingerprint import fingerprint
from bench.report.agreement import agreement
from bench.report.changes import changes
from bench.report.comparison import Side, compare
from bench.report.gate import Thresholds, regressions, unjudged
from bench.report.summary import summarise

BOTH = ("quality", "latency")
QUALITY = {"searched documents": "d", "pool": "heldout"}
LATENCY = {"processor": "x", "threads": "2"}


def known(outcome, *, quality=QUALITY, latency=LATENCY):
    identity = {"quality": quality, "latency": latency}
    hashes = {name: fingerprint(parts) for name, parts in identity.items()}
    return replace(outcome, identity=identity, fingerprints=hashes)


def rounds(ms, seed, *, drift=0.02, count=10, size=60):
    """Samples of rounds whose medians drift by some percent, as on a machine that others use too."""
    rng = np.random.default_rng(seed)
    levels = ms / 1e3 * np.exp(rng.normal(scale=drift, size=count))
    return tuple(tuple((level * rng.lognormal(sigma=0.2, size=size)).tolist()) for level in levels)


def timed(outcome, ms, seed, **kwargs):
    return replace(outcome, timings=replace(outcome.timings, single_seconds=rounds(ms, seed, **kwargs)))


@pytest.fixture
def side(a):
    def make(name, *outcomes, spec="", **fields):
        record = a.record(tuple(dict.fromkeys(o.spec for o in outcomes)), name=name, **fields)
        return Side(name, summarise(record, [o if o.identity else known(o) for o in outcomes]), spec)

    return make


def test_two_runs_of_the_same_thing_do_not_differ(a, side):
    one, two = (
        side(
            name, *(timed(a.outcome(spec, a.ranks(1.0, 2)), 2.0, seed + at) for at, spec in enumerate(["bm25", "gru"]))
        )
        for name, seed in (("one", 10), ("two", 20))
    )
    [found] = compare([one, two])
    text = changes([found])
    assert text.count("no difference") == 4
    assert "better" not in text
    assert not regressions(found, BOTH, Thresholds())
    assert not unjudged(found, BOTH)


def test_a_worse_and_a_slower_system_are_named_and_fail_the_gate(a, side):
    before = side(
        "before", timed(a.outcome("bm25", a.ranks(1.0, 2)), 2.0, 1), timed(a.outcome("gru", a.ranks(1.4, 3)), 2.0, 2)
    )
    after = side(
        "after", timed(a.outcome("bm25", a.ranks(0.6, 2)), 2.0, 3), timed(a.outcome("gru", a.ranks(1.4, 3)), 3.0, 4)
    )
    [found] = compare([before, after])
    lost, slow = sorted(regressions(found, BOTH, Thresholds()))
    assert lost.startswith("bm25: Success@10 -.")
    assert slow.startswith("gru: p50 on cpu 1.")
    assert len(regressions(found, ("quality",), Thresholds())) == 1
    assert regressions(found, BOTH, Thresholds(loss=0.5, slowdown=2.0)) == []
    text = changes([found])
    assert "worse" in text
    assert "slower" in text
    [back] = compare([after, before])
    assert not regressions(back, BOTH, Thresholds())
    assert "better" in changes([back])
    assert "faster" in changes([back])


@pytest.mark.slow
def test_the_gate_lets_unchanged_systems_through(a, side):
    """Noise between rounds of 5% and, between the runs, of 5% throughout: 40 repeats fail about as often as never."""
    before = side("before", timed(a.outcome("bm25", a.ranks(1.0, 2)), 2.0, 1, drift=0.05))
    levels = np.exp(np.random.default_rng(0).normal(scale=0.05, size=40))
    alarms = 0
    for seed, level in enumerate(levels):
        [found] = compare(
            [before, side("after", timed(a.outcome("bm25", a.ranks(1.0, 2)), 2.0 * level, 100 + seed, drift=0.05))]
        )
        alarms += bool(regressions(found, BOTH, Thresholds()))
    assert alarms == 0


def test_a_system_without_a_result_fails_the_gate(a, side):
    before = side("before", a.outcome("bm25", a.ranks(1, 2)), a.outcome("gru", a.ranks(1, 3)))
    failed = replace(
        a.outcome("gru"), status="failed", failure="out of memory", fingerprints={}, scores={}, first_ranks=()
    )
    after = side("after", a.outcome("bm25", a.ranks(1, 2)), failed)
    [found] = compare([before, after])
    assert regressions(found, ("quality",), Thresholds()) == ["gru: failed: out of memory"]
    assert agreement(found).lines[0] == "gru: no result this time"


def test_scores_over_something_else_are_refused_and_the_component_is_named(a, side):
    before = side("before", a.outcome("bm25", a.ranks(1, 2)))
    other = known(a.outcome("bm25", a.ranks(1.5, 2)), quality={**QUALITY, "pool": "all"})
    after = side("after", other)
    with pytest.raises(
        OptionError, match=r"before and after may not be compared: bm25 differs in pool \(heldout against all\)"
    ):
        compare([before, after])
    [found] = compare([before, after], anyway=True)
    assert "!" in changes([found])
    assert "quality differs in pool" in changes([found])
    assert unjudged(found, ("quality",))


def test_latencies_of_another_machine_are_left_out_unless_asked_for(a, side):
    before = side("before", timed(a.outcome("bm25", a.ranks(1, 2)), 2.0, 1))
    after = side("after", known(timed(a.outcome("bm25", a.ranks(1, 2)), 9.0, 1), latency={**LATENCY, "processor": "y"}))
    [found] = compare([before, after])
    assert found.changes[0].latencies == ()
    assert "latency differs in processor (x against y): not compared" in changes([found])
    assert "p50" not in changes([found])
    assert not regressions(found, BOTH, Thresholds())
    assert unjudged(found, BOTH) == ["bm25: latencies differ in processor (x against y)"]
    assert not unjudged(found, ("quality",))
    [anyway] = compare([before, after], anyway=True)
    assert anyway.changes[0].latencies[0].ratio.ratio == pytest.approx(4.5, rel=0.1)
    assert "9." in changes([anyway])


def test_a_hash_without_components_is_told_as_it_is(a, side):
    old = replace(known(a.outcome("bm25", a.ranks(1, 2))), identity={}, fingerprints={"quality": "old", "latency": "l"})
    before = Side("b", summarise(a.record(("bm25",)), [old]))
    with pytest.raises(OptionError, match=r"fingerprint \(old against "):
        compare([before, side("after", a.outcome("bm25", a.ranks(1, 2)))])


def test_one_system_each_may_have_different_names(a, side):
    before = side("before", a.outcome("bm25", a.ranks(1, 2)), a.outcome("gru", a.ranks(1.6, 3)), spec="bm25")
    after = before._replace(spec="gru")
    [found] = compare([before, after])
    assert [change.label for change in found.changes] == ["bm25 -> gru"]
    assert found.changes[0].test.difference > 0
    with pytest.raises(OptionError, match="have no system in common"):
        compare([before, side("x", a.outcome("a", a.ranks(1, 2)), a.outcome("b", a.ranks(1, 2)))])
    with pytest.raises(OptionError, match="no result of 'cnn'"):
        compare([before._replace(spec="cnn"), after])


def test_p_values_are_corrected_over_all_runs(a, side):
    base = side("base", a.outcome("bm25", a.ranks(1.0, 2)))
    others = [side(f"run {at}", a.outcome("bm25", a.ranks(1.1, 5 + at))) for at in range(3)]
    alone = [compare([base, other])[0].changes[0].p for other in others]
    together = [one.changes[0].p for one in compare([base, *others])]
    assert all(after >= before for before, after in zip(alone, together, strict=True))
    assert min(together) == pytest.approx(min(1, 3 * min(alone)))


def test_different_questions_have_no_difference_even_when_shown(a, side):
    before = side("before", a.outcome("bm25", a.ranks(1, 2)))
    fewer = known(a.outcome("bm25", a.ranks(1, 2, questions=100)), quality={**QUALITY, "held-out questions": "x"})
    after = side("after", fewer, questions=100)
    [found] = compare([before, after], anyway=True)
    assert found.changes[0].test is None
    assert "other questions" in changes([found])


def test_what_else_differs_is_told(a, side):
    before = side(
        "before", a.outcome("bm25", a.ranks(1, 2)), a.outcome("gru", a.ranks(1, 2)), environment={"torch": "2.1"}
    )
    new = replace(known(a.outcome("bm25", a.ranks(1, 2))), source_hash="other")
    after = side("after", new, a.outcome("cnn", a.ranks(1, 2)), environment={"torch": "2.2"})
    text = changes(compare([before, after]))
    for line in ("other source code: bm25", "only in A: gru", "only in B: cnn", "torch: 2.1 in A, 2.2 in B"):
        assert line in text


def test_a_repetition_agrees_to_the_last_digit_or_says_how_far_it_is(a, side):
    first = timed(a.outcome("bm25", a.ranks(1, 2)), 2.0, 1)
    [same] = compare([side("one", first), side("two", timed(first, 2.02, 9))])
    assert agreement(same).same
    assert agreement(same).lines[0] == "bm25: quality hash and every score agree"
    assert "latency agrees" in agreement(same).lines[1]
    values = list(first.scores["RR@10"])
    values[3] += 0.25
    [off] = compare(
        [side("one", first), side("two", timed(replace(first, scores={**first.scores, "RR@10": tuple(values)}), 4, 9))]
    )
    assert not agreement(off).same
    assert (
        agreement(off).lines[0]
        == "bm25, seed 0 on cpu: quality hash agrees, scores of single questions differ by up to 0.25"
    )
    assert "latency differs: p50 2.0" in agreement(off).lines[1]


def test_a_ratio_without_an_interval_is_no_pass(a, side):
    before = side("before", timed(a.outcome("bm25", a.ranks(1, 2)), 2.0, 1, count=2))
    after = side("after", timed(a.outcome("bm25", a.ranks(1, 2)), 20.0, 2, count=2))
    [found] = compare([before, after])
    assert unjudged(found, BOTH) == ["bm25: too few rounds on cpu for an interval of the ratio"]
    assert "too few rounds" in changes([found])
    assert "too few rounds" in agreement(found).lines[1]


def test_seeds_and_devices_that_are_gone_fail_the_gate(a, side):
    jobs = [a.outcome("gru", a.ranks(1, 2), seed=seed, device=device) for seed in (0, 1) for device in ("cpu", "cuda")]
    before = side("before", *jobs, seeds=(0, 1), devices=("cpu", "cuda"))
    broken = replace(
        a.outcome("gru", seed=1, device="cuda"), status="failed", failure="crashed", fingerprints={}, identity={}
    )
    after = side("after", *jobs[:1], known(jobs[2]), replace(broken, scores={}, first_ranks=()), seeds=(0, 1))
    [found] = compare([before, after])
    assert regressions(found, ("quality",), Thresholds()) == [
        "gru, seed 0 on cuda: not run",
        "gru, seed 1 on cuda: failed: crashed",
    ]
    assert not agreement(found).same
    [other] = compare([before, side("other", a.outcome("gru", a.ranks(1, 2), seed=7), seeds=(7,))])
    assert "seeds: 0, 1 in A, 7 in B" in changes([other])


def test_a_search_that_fails_under_the_clock_fails_the_gate(a, side):
    good = timed(a.outcome("bm25", a.ranks(1, 2)), 2.0, 1)
    before, after = (
        side("before", good),
        side("after", replace(known(good), latency_failure="crashed: killed by SIGSEGV")),
    )
    [found] = compare([before, after])
    assert regressions(found, BOTH, Thresholds()) == ["bm25, seed 0 on cpu: failed: crashed: killed by SIGSEGV"]
    assert not regressions(found, ("quality",), Thresholds())
    assert not agreement(found).same


def test_latencies_of_a_busy_machine_are_not_judged(a, side):
    calm = side("calm", timed(a.outcome("bm25", a.ranks(1, 2)), 2.0, 1))
    busy = side("busy", timed(a.outcome("bm25", a.ranks(1, 2)), 9.0, 2), others=(1.5,) * 10)
    for pair in ([calm, busy], [busy, calm]):
        [found] = compare(pair)
        assert unjudged(found, BOTH) == ["busy ran on a busy machine, others used 1.5 cores: its latencies say little"]
        assert "was timed on a busy machine: others used 1.5 cores" in changes([found])
        assert not unjudged(found, ("quality",))


def test_a_tolerated_loss_has_to_be_exceeded_beyond_doubt(a, side):
    before, after = (
        side("before", a.outcome("bm25", a.ranks(1.2, 2))),
        side("after", a.outcome("bm25", a.ranks(0.9, 2))),
    )
    [found] = compare([before, after])
    loss, least = -found.changes[0].test.difference, -found.changes[0].test.high
    assert regressions(found, ("quality",), Thresholds(loss=least - 0.001))
    assert not regressions(found, ("quality",), Thresholds(loss=(loss + least) / 2))


def test_a_fit_that_was_taken_over_is_told(a, side):
    first = a.outcome("gru", a.ranks(1, 2))
    [found] = compare([side("one", first), side("two", a.outcome("gru", a.ranks(1, 2), fit_cached=True))])
    assert "its fit was taken over, not learned again" in agreement(found).lines[0]
