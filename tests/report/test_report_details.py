"""Settings are spelled out once, what was learned is condensed, fingerprints tell what they are made of."""

import re

from bench.measure.formulas import FORMULAS
from bench.measure.slices import features
from bench.outcome import Outcome
from bench.report.appendix import DEFINITIONS, appendix
from bench.report.settings import settings

DEEP = {"cells": 128, "rate": 0.1234567}
EPOCHS = [{"loss": 1.48253, "dev": 0.636}, {"loss": 0.9, "dev": 0.7}, {"loss": 0.13861, "dev": 0.72296}]


def lines(text, name):
    """What stands below a system."""
    return re.search(rf"^- `{re.escape(name)}`.*\n((?:  - .*\n?)*)", text, re.MULTILINE)[1].splitlines()


def test_a_part_that_is_set_as_the_system_alone_is_not_spelled_out_again(a):
    ranks = a.ranks(1, 1)
    outcomes = [
        a.outcome("gru", ranks, parameters=DEEP),
        a.outcome("bm25+gru", ranks, parameters={"bm25": {"k1": 1.2}, "gru": DEEP, "depth": 100}),
        a.outcome("bm25+gru:cells=9", ranks, parameters={"bm25": {"k1": 1.2}, "gru": {"cells": 9}, "depth": 100}),
    ]
    text = settings(a.summary(outcomes))
    assert lines(text, "gru") == ["  - `cells=128`, `rate=0.123457`"]
    assert lines(text, "bm25+gru") == ["  - `depth=100`", "  - `bm25`: `k1=1.2`", "  - as alone: `gru`"]
    assert lines(text, "bm25+gru:cells=9")[2] == "  - `gru`: `cells=9`"


def test_epochs_are_condensed_to_the_first_and_the_last(a):
    outcome = a.outcome("gru", a.ranks(1, 1), learned={"pairs": 10_000, "vectors": {"epochs": EPOCHS}})
    assert lines(settings(a.summary([outcome])), "gru") == [
        "  - cpu: learned `pairs=10000`, `vectors`: `epochs=3 entries (loss 1.48 to 0.139, dev 0.636 to 0.723)`".replace(
            "`, `vectors`", "`; `vectors`"
        )
    ]


def test_what_seeds_and_devices_learned_alike_is_said_once(a):
    ranks = a.ranks(1, 1)
    jobs = [
        a.outcome("gru", ranks, seed=seed, seeded=True, device=device, learned={"loss": 0.5 + seed})
        for seed in (0, 1)
        for device in ("cpu", "cuda")
    ]
    text = settings(a.summary(jobs, seeds=(0, 1), devices=("cpu", "cuda")))
    assert lines(text, "gru") == [
        "  - seed 0, cpu and seed 0, cuda: learned `loss=0.5`",
        "  - seed 1, cpu and seed 1, cuda: learned `loss=1.5`",
    ]


def test_a_part_that_learned_as_the_system_alone_is_not_spelled_out_again(a):
    ranks = a.ranks(1, 1)
    outcomes = [
        a.outcome("cnn", ranks, learned={"cnn": {"loss": 0.5}}),
        a.outcome("bm25/cnn", ranks, learned={"cnn": {"loss": 0.5}, "blend": 0.05}),
    ]
    text = settings(a.summary(outcomes))
    assert lines(text, "cnn") == ["  - cpu: learned `loss=0.5`"]
    assert lines(text, "bm25/cnn") == ["  - cpu: learned `blend=0.05`; as alone: `cnn`"]


def test_a_job_that_failed_says_why_among_the_settings(a):
    jobs = [a.outcome("gru", a.ranks(1, 1)), Outcome("gru", 1, "cpu", "failed", failure="out of | memory", seeded=True)]
    assert lines(settings(a.summary(jobs)), "gru") == ["  - seed 1, cpu: failed: out of | memory"]


def test_the_whole_of_the_settings_is_linked(a):
    text = appendix(a.summary([a.outcome("gru", a.ranks(1, 1))]))
    assert "In full: [outcomes/](outcomes/)." in text


def test_fingerprints_tell_their_components_and_who_carries_them(a):
    ranks = a.ranks(1, 1)
    identity = {"quality": {"pool": "heldout", "measures": "1"}, "latency": {"threads": "2"}}
    outcomes = [
        a.outcome("gru", ranks, identity=identity),
        a.outcome("gru", ranks, device="cuda", identity={**identity, "latency": {"threads": "4"}}),
        a.outcome("bm25", ranks, identity=identity),
    ]
    fold = (
        appendix(a.summary(outcomes, devices=("cpu", "cuda"))).split("<summary>Fingerprints")[1].split("</details>")[0]
    )
    rows = re.findall(r"^\| (\w+ `[^`]+`) +\| (\S+) +\| (.+?) +\|$", fold, re.MULTILINE)
    assert rows == [
        ("quality `q1`", "systems", "all"), ("quality `q1`", "pool", "heldout"), ("quality `q1`", "measures", "1"),
        ("latency `l-cpu`", "systems", "all"), ("latency `l-cpu`", "threads", "2"),
        ("latency `l-cuda`", "systems", "`gru`"), ("latency `l-cuda`", "threads", "4"),
    ]  # fmt: skip


def test_what_divides_the_questions_is_defined(a):
    known = features(["a question"], [["a solution"]], [])
    given = dict.fromkeys((*known, "mine"), (0.0,) * 400)
    text = appendix(a.summary([a.outcome("gru", a.ranks(1, 1))], features=given))
    assert all(f"\n- {name}: " in text for name in known)
    assert "\n- mine" not in text


def test_every_measure_is_defined(a):
    assert set(FORMULAS) == set(DEFINITIONS)
    scores = dict.fromkeys(("P(rel=2)@5", "Rprec", "nDCG@10"), (0.5,) * 400)
    text = appendix(
        a.summary([a.outcome("gru", a.ranks(1, 1), scores=scores)], measures=tuple(scores), grades=((2,),) * 400)
    )
    assert "\n- P@k: share" in text
    assert "\n- Rprec: precision" in text
    assert "\n- (rel=r): right is what has at least grade r." in text
    assert "(rel=r)" not in appendix(a.summary([a.outcome("gru", a.ranks(1, 1))]))
