"""A run as the harness would store it, made from ranks: quality, latency and sizes are known before the report is."""

from math import log2

import numpy as np
import pytest

from bench.outcome import Answer, Outcome, RunRecord, Sizes, Timings

QUESTIONS = 400
POOL = 500
CUTOFFS = (1, 5, 10)
MEASURES = ("Success@1", "Success@5", "Success@10", "RR@10", "nDCG@10")
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


def make_outcome(spec, ranks=(), *, seed=0, device="cpu", ms=1.0, samples=600, fit=0.0, quality="q1", **fields):
    """A finished job; ``ms`` is its median latency, which samples surround evenly by up to a tenth.

    ``fields`` are those of the Outcome, and ``fit_cached``, ``fit_device``, ``batch_queries`` of its Timings.
    """
    jitter = np.linspace(0.9, 1.1, samples)
    timings = Timings(
        fit_seconds=fit,
        fit_cached=fields.pop("fit_cached", False),
        fit_device=fields.pop("fit_device", ""),
        index_seconds=0.5,
        single_seconds=tuple(float(value) * ms / 1e3 for value in jitter),
        batch_seconds=(0.2, 0.25, 0.21) if samples else (),
        batch_queries=fields.pop("batch_queries", len(ranks)),
        stages=fields.pop("stages", {}),
    )
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
        "timings": timings,
        "sizes": Sizes(index_bytes=2_500_000, fit_peak_bytes=450_000_000, peak_bytes=300_000_000),
    }
    return Outcome(spec, seed, device, "ok", **{**values, **fields})


def make_record(specs, *, questions=QUESTIONS, **fields):
    values = {
        "command": f"python -m bench --retrievers {','.join(specs)}",
        "created": "2026-03-04T05:06:07Z",
        "name": "sample",
        "dataset": "python-docs",
        "fingerprint": "abcdef0123456789",
        "facts": {"licence": "PSF-2.0", "source": "docstrings of installed packages"},
        "counts": {"documents": 20_000, "pool": POOL, "train": 10_000, "dev": 400, "test": questions},
        "pool": "heldout",
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
    return RunRecord(**{**values, **fields})


@pytest.fixture(scope="session")
def a():
    """Builders: ``a.record``, ``a.outcome``, ``a.ranks``, ``a.random_ranks``."""

    class Builders:
        record = staticmethod(make_record)
        outcome = staticmethod(make_outcome)
        ranks = staticmethod(ranks_like)
        random_ranks = staticmethod(random_ranks)

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
            cuda = {"fit_cuda_peak_bytes": 800_000_000, "cuda_peak_bytes": 700_000_000} if device == "cuda" else {}
            sizes = Sizes(3_100_000, 5_000_000, 900_000_000, 400_000_000, **cuda)
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
