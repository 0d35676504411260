"""What is stored is what comes back, and nothing else is taken for it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import StoreError
from bench.outcome import (
    Answer,
    Contrast,
    Finding,
    Outcome,
    Published,
    RunRecord,
    ServerTrial,
    Sizes,
    Sweep,
    Timings,
    Trial,
    Tuning,
)
from bench.stored import SCHEMA, outcome_from_json, record_from_json, to_json

SECONDS = st.lists(st.floats(0, 1e6), max_size=4).map(tuple)
SHARES = st.dictionaries(st.text(max_size=8), st.floats(0, 1), max_size=3)
COUNTS = st.none() | st.integers(0, 2**53)
PEAKS = st.dictionaries(st.sampled_from(["open", "fit", "index", "search"]), st.integers(0, 2**53))

OUTCOMES = st.builds(
    Outcome,
    spec=st.text(),
    seed=st.integers(0, 2**32),
    device=st.sampled_from(["cpu", "cuda"]),
    status=st.sampled_from(["ok", "failed", "interrupted"]),
    failure=st.text(),
    latency_failure=st.text(),
    description=st.text(),
    parameters=SHARES,
    learned=SHARES,
    seeded=st.booleans(),
    source_hash=st.text(),
    family=st.sampled_from(["", "lexical", "lexical+neural"]),
    live=st.booleans(),
    fingerprints=st.dictionaries(st.text(), st.text(), max_size=2),
    identity=st.dictionaries(st.text(), st.dictionaries(st.text(), st.text(), max_size=2), max_size=2),
    bounds=st.dictionaries(st.text(), st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=2),
    scores=st.dictionaries(st.text(), SECONDS, max_size=3),
    first_ranks=st.lists(st.integers(0, 100)).map(tuple),
    unanswered=st.integers(0, 5),
    answers=st.lists(
        st.lists(st.builds(Answer, st.text(), st.text(), st.booleans()), max_size=2).map(tuple), max_size=2
    ).map(tuple),
    timings=st.builds(
        Timings,
        fit_seconds=st.floats(0, 1e6),
        fit_cached=st.booleans(),
        fit_device=st.sampled_from(["", "cpu", "cuda"]),
        index_seconds=st.floats(0, 1e6),
        fit_pairs=st.integers(0, 10),
        cold_seconds=st.none() | st.floats(0, 10),
        warm_up=st.integers(0, 10),
        stable=st.booleans(),
        single_seconds=st.lists(SECONDS, max_size=3).map(tuple),
        batch_seconds=SECONDS,
        batch_queries=st.integers(0, 10),
        overhead_seconds=st.none() | st.floats(0, 1),
        stages=SHARES,
        server_failure=st.text(),
        server=st.lists(st.builds(ServerTrial, st.floats(0, 1e4), SECONDS), max_size=2).map(tuple),
    ),
    sizes=st.builds(Sizes, COUNTS, COUNTS, COUNTS, PEAKS, PEAKS),
    train_pairs=st.none() | st.integers(1, 10**6),
)

RECORD = RunRecord(
    command="python -m bench",
    created="2026-03-04T05:06:07Z",
    name="run",
    dataset="python-docs",
    fingerprint="abc",
    facts={"licence": "PSF-2.0"},
    counts={"pool": 3},
    pool="heldout",
    depth=100,
    cutoffs=(1, 10),
    measures=("Success@10",),
    seeds=(0, 1),
    devices=("cpu",),
    systems=("bm25", "gru"),
    query_ids=("q1", "q2"),
    grades=((1,), (2, 0, 1)),
    groups=("g1", "g1"),
    samples=((0, "why?", "because"),),
    environment={"threads": "1"},
    features={"question length": (1.0, 2.5)},
    contrasts=(Contrast(1, "why?", "because", "bm25", "gru", (0, 1), ("", "because")),),
    audit=(Finding("copies", 1, 2, "They flatter.", (("a", "b"),)),),
    references=(Published("BM25", "nDCG@10", 0.6, "a paper", "bm25", 0.01),),
    rounds=(("bm25.seed0.cpu", "gru.seed0.cpu"),),
    others=(0.5,),
    slo=0.05,
    prices={"cpu": 0.1},
    canaries={"oracle": (True, "expected 1, measured 1")},
    train_pairs=(500, None),
    tunings=(
        Tuning(
            "bm25",
            "bm25:k1=2.0",
            "2",
            0,
            "cpu",
            30,
            40,
            None,
            {"k1": "0.3 to 4"},
            (Trial("bm25", {"k1": 1.2}, 0.4, 1.5), Trial("bm25:k1=2.0", {"k1": 2.0}, None, 1.0, "out of memory")),
            "ended",
        ),
    ),
    sweeps=(Sweep("gru:ann=ivf", "probes", ("1", "32"), ("gru:ann=ivf:probes=1", "gru:ann=ivf")),),
)


THIRD = {"train_pairs", "tunings"}
"""Fields of a record that the third schema added."""
FOURTH = {"sweeps"}


def stored(value):
    return json.loads(json.dumps(to_json(value)))


@given(OUTCOMES)
def test_an_outcome_comes_back_as_it_was(outcome):
    assert outcome_from_json(stored(outcome)) == outcome


def test_a_record_comes_back_as_it_was():
    assert record_from_json(stored(RECORD)) == RECORD


def test_scores_keep_every_bit():
    values = (0.1 + 0.2, 1 / 3, 5e-324)
    outcome = Outcome("gru", 0, "cpu", "ok", scores={"RR@10": values})
    assert outcome_from_json(stored(outcome)).scores["RR@10"] == values


def test_an_interrupted_outcome_needs_nothing_but_its_name():
    outcome = Outcome("gru", 0, "cpu", "interrupted")
    assert outcome_from_json(stored(outcome)) == outcome


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, "1", None])
@pytest.mark.parametrize(
    ("read", "value"), [(outcome_from_json, Outcome("gru", 0, "cpu", "ok")), (record_from_json, RECORD)]
)
def test_another_schema_is_refused(read, value, schema):
    with pytest.raises(StoreError, match=f"this version reads 1 to {SCHEMA}"):
        read({**stored(value), "schema": schema})


@pytest.mark.parametrize("field", ["spec", "scores", "answers", "timings", "sizes", "first_ranks"])
def test_an_outcome_without_a_field_is_refused(field):
    data = stored(Outcome("gru", 0, "cpu", "ok"))
    del data[field]
    with pytest.raises(StoreError, match="not an outcome"):
        outcome_from_json(data)


@pytest.mark.parametrize("field", ["command", "samples", "canaries", "query_ids", "grades"])
def test_a_record_without_a_field_is_refused(field):
    data = stored(RECORD)
    del data[field]
    with pytest.raises(StoreError, match="not a run record"):
        record_from_json(data)


@pytest.mark.parametrize(
    "change", [{"unheard_of": 1}, {"scores": [1, 2]}, {"timings": {"fit_hours": 1}}, {"answers": [[{"doc": 1}]]}]
)
def test_unknown_or_misshapen_fields_are_refused(change):
    with pytest.raises(StoreError, match="not an outcome"):
        outcome_from_json({**stored(Outcome("gru", 0, "cpu", "ok")), **change})


def test_a_record_of_the_first_schema_is_brought_up_to_date():
    new = {
        "features",
        "contrasts",
        "audit",
        "references",
        "rounds",
        "others",
        "slo",
        "prices",
        "depth",
        *THIRD,
        *FOURTH,
    }
    first = {key: value for key, value in stored(RECORD).items() if key not in new}
    record = record_from_json({**first, "schema": 1})
    assert (record.depth, record.features, record.slo) == (100, {}, None)
    assert record_from_json(stored(record)) == record


def test_what_the_second_schema_wrote_learned_from_all_pairs():
    second = {key: value for key, value in stored(RECORD).items() if key not in THIRD | FOURTH}
    record = record_from_json({**second, "schema": 2})
    assert (record.train_pairs, record.main_size) == ((None,), None)
    outcome = Outcome("gru", 0, "cpu", "ok", scores={"RR@10": (0.5, 1.0)})
    second = {key: value for key, value in stored(outcome).items() if key != "train_pairs"}
    assert outcome_from_json({**second, "schema": 2}) == outcome


def test_what_the_third_schema_wrote_swept_nothing():
    third = {key: value for key, value in stored(RECORD).items() if key not in FOURTH}
    assert record_from_json({**third, "schema": 3}) == replace(RECORD, sweeps=())
    outcome = Outcome("gru", 0, "cpu", "ok", scores={"RR@10": (0.5, 1.0)}, train_pairs=5)
    assert outcome_from_json({**stored(outcome), "schema": 3}) == outcome


def test_what_the_first_schema_wrote_is_brought_up_to_date():
    old = stored(Outcome("gru", 0, "cpu", "ok"))
    new = {"family", "live", "identity", "bounds", "train_pairs"}
    timings = {"single_seconds": [0.1, 0.2], "fit_seconds": 3.0, "stages": {}, "batch_seconds": [], "batch_queries": 0}
    timings |= {"fit_cached": False, "fit_device": "", "index_seconds": 0.0, "latency_k": 10}
    sizes = {"parameters": 3, "index_bytes": 5, "fit_peak_bytes": 7, "peak_bytes": 8}
    sizes |= {"fit_cuda_peak_bytes": None, "cuda_peak_bytes": None}
    first = {key: value for key, value in old.items() if key not in new} | {"timings": timings, "sizes": sizes}
    outcome = outcome_from_json({**first, "schema": 1})
    assert outcome.timings.single_seconds == ((0.1, 0.2),)
    assert outcome.timings.singles == (0.1, 0.2)
    assert outcome.sizes == Sizes(parameters=3, index_bytes=5, peaks={"fit": 7, "search": 8})
    assert outcome_from_json(stored(outcome)) == outcome
