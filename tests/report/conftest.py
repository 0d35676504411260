"""A run as the harness would store it, made from ranks: quality, latency and sizes are known before the report is."""

from dataclasses import fields, replace
from math import log2

import numpy as np
import pytest

from bench.outcome import Answer, Contrast, Finding, Outcome, RunRecord, ServerTrial, Sizes, Timings
from bench.report.summary import summarise

QUESTIONS = 400
POOL = 500
CUTOFFS = (1, 5, 10)
MEASURES = ("Success@1", "Success@5", "Success@10", "RR@10", "nDCG@10")
TIMINGS = {field.name for field in fields(Timings)}
DEFAULT_ENVIRONMENT = {"processor": "a processor", "threads": "1", "python": "3.11.9"}


def ranks_like(strength, seed, questions=QUESTIONS):
    """Ranks of the right solution; questions are equally hard for every system, ``strength`` shifts all of them."""
    hardness = np.random.default_rng(0).normal(size=questions)
    noise = np.random.default_rng(seed + 1).normal(scale=0.4, size=questions)
    ranks = np.ceil(10 ** (1.2 + hardness + noise - strength)).astype(int)
    return tuple(int(rank) if rank <= 100 else 0 for rank in ranks)


def random_ranks(seed, questions=QUESTIONS, pool=POOL):
    ranks = np.random.default_rng(seed).integers(1, pool + 1, size=questions)
    return tuple(int(rank) if rank <= 100 else 0 for rank in ranks)


def scores_of(ranks, measures=MEASURES):
    formulas = {"Success": lambda rank: 1.0, "RR": lambda rank: 1 / rank, "nDCG": lambda rank: 1 / log2(rank + 1)}
    return {
        measure: tuple(
            formulas[measure.partition("@")[0]](rank) if 0 < rank <= int(measure.partition("@")[2]) else 0.0
            for rank in ranks
        )
        for measure in measures
    }


def make_outcome(spec, ranks=(), *, seed=0, device="cpu", ms=1.0, samples=600, fit=0.0, quality="q1", **given):
    """A finished job; ``ms`` is its median latency, which samples surround evenly by up to a tenth.

    ``given`` are those of the Outcome and of its Timings.
    """
    jitter = np.linspace(0.9, 1.1, samples)
    timings = {
        "fit_seconds": fit,
        "index_seconds": 0.5,
        "single_seconds": tuple(tuple(float(value) * ms / 1e3 for value in part) for part in np.array_split(jitter, 5)),
        "batch_seconds": (0.2, 0.25, 0.21) if samples else (),
        "batch_queries": len(ranks),
        **{name: given.pop(name) for name in TIMINGS & set(given)},
    }
    values = {
        "description": f"What {spec} is.",
        "scores": scores_of(ranks),
        "first_ranks": tuple(ranks),
        "fingerprints": {"quality": quality, "latency": f"l-{device}"},
        "source_hash": "0123456789ab",
        "answers": tuple(
            (Answer("d1", f"def {spec.partition(':')[0]}():\n    return {number}", 0 < ranks[number] <= 1),)
            for number in range(min(2, len(ranks)))
        ),
        "timings": Timings(**timings),
        "sizes": Sizes(index_bytes=2_500_000, peaks={"fit": 450_000_000, "search": 300_000_000}),
    }
    return Outcome(spec, seed, device, "ok", **{**values, **given})


def make_record(specs, *, questions=QUESTIONS, **given):
    values = {
        "command": f"python -m bench --retrievers {','.join(specs)}",
        "created": "2026-03-04T05:06:07Z",
        "name": "sample",
        "dataset": "python-docs",
        "fingerprint": "abcdef0123456789",
        "facts": {"licence": "PSF-2.0", "source": "docstrings of installed packages"},
        "counts": {"documents": 20_000, "pool": POOL, "train": 10_000, "dev": 400, "test": questions},
        "pool": "heldout",
        "depth": 100,
        "cutoffs": CUTOFFS,
        "measures": MEASURES,
        "seeds": (0,),
        "devices": ("cpu",),
        "systems": tuple(specs),
        "query_ids": tuple(f"q{at}" for at in range(questions)),
        "grades": ((1,),) * questions,
        "groups": (),
        "samples": ((0, "How do I stack tensors?", "def stack(tensors): ..."), (1, "Why NaN?", "Divide by zero.")),
        "environment": DEFAULT_ENVIRONMENT,
        "canaries": {"oracle": (True, "expected 1, measured 1"), "random": (True, "expected .020, measured .021")},
    }
    return RunRecord(**{**values, **given})


def table_after(text, start):
    """Cells of the first table after ``start``: by the text of its first column, without backticks, the others by header.

    Several rows of one system: the last one; ask for one device then.
    """
    lines = [*text[text.index("\n|", text.index(start)) + 1 :].splitlines(), ""]
    header, *body = ([cell.strip() for cell in line.strip("|").split(" |")] for line in lines[: lines.index("")])
    return {cells[0].strip("`"): dict(zip(header, cells, strict=True)) for cells in body[1:]}


@pytest.fixture(scope="session")
def a():
    """Builders: ``a.record``, ``a.outcome``, ``a.ranks``, ``a.random_ranks``, ``a.trial``, ``a.rounds``; ``a.table`` reads a table."""

    class Builders:
        @staticmethod
        def summary(outcomes, **given):
            systems = given.pop("systems", tuple(dict.fromkeys(outcome.spec for outcome in outcomes)))
            return summarise(make_record(systems, **given), outcomes)

        record = staticmethod(make_record)
        outcome = staticmethod(make_outcome)
        ranks = staticmethod(ranks_like)
        random_ranks = staticmethod(random_ranks)
        trial = staticmethod(trial)
        table = staticmethod(table_after)
        rounds = staticmethod(noisy_rounds)

    return Builders


@pytest.fixture(scope="session")
def full_run():
    """Six systems on two devices with two seeds; one failed, one was interrupted, random is among them."""
    specs = ("random", "bm25", "tfidf", "gru", "bm25+gru", "cnn", "broken:x=1", "slow")
    outcomes = [
        make_outcome("bm25", ranks_like(1.0, 2), ms=0.21, stages={}),
        make_outcome("tfidf", ranks_like(0.95, 3), ms=0.9, fit=0.002),
    ]
    for seed in (0, 1):
        outcomes.append(make_outcome("random", random_ranks(seed), seed=seed, ms=0.02, seeded=True))
        for device, ms in (("cpu", 1.3), ("cuda", 0.4)):
            common = {"seed": seed, "device": device, "seeded": True, "learned": {"epochs": 6, "loss": 0.31 + seed}}
            cuda = {"cuda_peaks": {"fit": 800_000_000, "search": 700_000_000}} if device == "cuda" else {}
            sizes = Sizes(3_100_000, 5_000_000, peaks={"fit": 900_000_000, "search": 400_000_000}, **cuda)
            fit = 45.0 if device == "cpu" else 8.0
            ranks = ranks_like(1.3, 4 + seed)
            outcomes.append(make_outcome("gru", ranks, ms=ms, fit=fit, fit_cached=seed == 1, sizes=sizes, **common))
            stages = {"bm25": 0.2, "gru": 0.9, "fuse": 0.1}
            outcomes.append(
                make_outcome("bm25+gru", ranks_like(1.5, 6 + seed), ms=ms + 0.3, fit=fit, stages=stages, **common)
            )
        outcomes.append(
            make_outcome("cnn", ranks_like(1.2, 8 + seed), seed=seed, ms=60, samples=40, fit=37.0, seeded=True)
        )
    outcomes.append(Outcome("broken:x=1", 0, "cpu", "failed", failure="ValueError: x | y (broken.py:3)"))
    outcomes.append(Outcome("slow", 0, "cpu", "interrupted", failure="interrupted before it finished"))
    return make_record(specs, seeds=(0, 1), devices=("cpu", "cuda")), outcomes


def noisy_rounds(ms, seed, rounds=10, samples=60):
    """Times spread log-normally around ``ms``, some of them long; every round has its own drift."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(scale=0.03, size=(rounds, 1))
    values = ms / 1e3 * np.exp(drift + rng.gamma(1.5, 0.12, size=(rounds, samples)))
    return tuple(tuple(map(float, one)) for one in values)


def trial(rate, longest, kept, samples=600):
    """A trial with evenly spread times up to the longest, in seconds."""
    return ServerTrial(rate, tuple(map(float, np.linspace(longest / 20, longest, samples))), kept)


def _enriched(outcome, number):
    """The same job as a run of today stores it."""
    if outcome.status != "ok":
        return outcome
    spec, timings = outcome.spec, outcome.timings
    ms = float(np.median(timings.singles)) * 1e3
    family = {"bm25": "lexical", "tfidf": "lexical", "gru": "neural", "cnn": "neural", "bm25+gru": "lexical+neural"}
    limit = 0.3 / (ms / 1e3)
    return replace(
        outcome,
        family=family.get(spec, ""),
        bounds={m: (np.mean(v) - 0.0104 * (spec == "tfidf"), np.mean(v)) for m, v in outcome.scores.items()},
        identity={
            "quality": {"dataset": "abcdef0123456789", "pool": "heldout", "measures": "1"},
            "latency": {"processor": "a processor", "threads": "1", "device": outcome.device},
        },
        parameters={"dim": 256, "layers": {"cells": 128}} if "gru" in spec else {"k1": 1.2},
        timings=replace(
            timings,
            fit_pairs=10_000 if timings.fit_seconds > 1 else 0,
            cold_seconds=ms / 1e3 * 7,
            warm_up=200,
            stable=spec != "cnn",
            single_seconds=noisy_rounds(ms, number, samples=4 if spec == "cnn" else 60),
            overhead_seconds=1.2e-6,
            server=(trial(limit, 0.045, True), trial(limit * 1.15, 0.06, False)) if spec != "random" else (),
        ),
        sizes=replace(
            outcome.sizes,
            index_disk_bytes=2_000_000,
            peaks={"open": 120_000_000, "fit": 450_000_000, "index": 310_000_000, "search": 300_000_000},
        ),
    )


@pytest.fixture(scope="session")
def rich_run(full_run):
    """The full run with all that a record can hold; one more system was read from a file."""
    record, outcomes = full_run
    rng = np.random.default_rng(1)
    strong = np.array(next(o for o in outcomes if o.spec == "bm25").first_ranks)
    overlap = tuple(np.clip(rng.normal(0.3 + 0.4 * ((strong > 0) & (strong <= 10)), 0.15), 0, 1).tolist())
    read = make_outcome("results", ranks_like(0.9, 20), samples=0, live=False)
    contrast = Contrast(
        3, "How do I sort?", "def sort(): ...", "bm25", "gru", (1, 0), ("def sort(): ...", "def shuffle(): ...")
    )
    backwards = replace(contrast, query=4, question="Join paths", ranks=(17, 1))
    text = "What follows from it."
    rich = replace(
        record,
        systems=(*record.systems, "results"),
        features={
            "lexical overlap": overlap,
            "question length": tuple(rng.integers(3, 30, QUESTIONS).astype(float).tolist()),
        },
        contrasts=(contrast, backwards),
        audit=(
            Finding(
                "held-out questions that are also train questions", 9, 400, text, (("Sort a list", "sort a list"),)
            ),
            Finding("held-out questions that nearly equal a train question", 2, 400, text),
            Finding("held-out questions without words", 0, 400, text),
        ),
        rounds=(("bm25.cpu", "gru.cpu"), ("gru.cpu", "bm25.cpu")),
        others=(0.02, 0.6, 0.4),
        slo=0.05,
        prices={"cpu": 0.1, "cuda": 2.5},
    )
    return rich, [*(_enriched(outcome, number) for number, outcome in enumerate(outcomes)), read]
