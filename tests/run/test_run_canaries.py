"""A harness that measures wrongly is caught: each canary passes as things are and fails for the fault it is there for."""

import numpy as np
import pytest

from bench.api import Doc, Query
from bench.data.dataset import Dataset, Split
from bench.measure.ranking import Run, canonical
from bench.run import canaries as room
from bench.run.canaries import canaries, chance_verdict

EMPTY = Split((), {})


@pytest.fixture
def dataset():
    corpus = tuple(Doc(f"d{at:03d}", "") for at in range(400))
    qrels = {f"q{at:03d}": {f"d{at:03d}": 2, f"d{(at + 7) % 400:03d}": 1} for at in range(300)}
    return Dataset("x", corpus, EMPTY, EMPTY, Split(tuple(Query(name, "") for name in qrels), qrels))


def failed(dataset):
    return {name for name, (passed, _) in canaries(dataset, "all").items() if not passed}


def test_all_pass_on_graded_judgements(dataset):
    assert failed(dataset) == set()
    assert set(canaries(dataset, "all")) == {"oracle", "chance", "ids", "constant"}


def as_given(hits, query_ids, doc_ids, _k):
    """The fault of several tools: equal scores keep the order in which the retriever gave them."""
    rows = tuple(tuple(doc_ids[at] for at in row if at >= 0) for row in hits.positions.tolist())
    return Run(tuple(query_ids), rows, tuple(np.zeros(len(row), dtype=np.float32) for row in rows))


def reversed_scores(hits, query_ids, doc_ids, k):
    return canonical(hits._replace(scores=-hits.scores), query_ids, doc_ids, k)


def only_answered(run, qrels, query_ids, measures):
    """The fault of a mean over the questions that were answered: every value is 1."""
    return {str(measure): np.ones(len(query_ids)) for measure in measures}


@pytest.mark.parametrize(
    ("part", "fault", "caught"),
    [
        ("canonical", as_given, "constant"),
        ("canonical", reversed_scores, "oracle"),
        ("evaluate", only_answered, "chance"),
    ],
)
def test_a_fault_of_the_harness_is_caught(dataset, monkeypatch, part, fault, caught):
    monkeypatch.setattr(room, part, fault)
    assert caught in failed(dataset)


def test_values_that_follow_the_names_of_documents_are_caught(dataset, monkeypatch):
    def by_name(run, qrels, query_ids, measures):
        return {str(measure): np.array([float(row[0] > "d2") for row in run.doc_ids]) for measure in measures}

    monkeypatch.setattr(room, "evaluate", by_name)
    assert "ids" in failed(dataset)


def test_random_rankings_far_from_the_closed_form_are_caught():
    qrels = {f"q{at}": {f"d{at}": 1} for at in range(1000)}
    assert chance_verdict(0.01, qrels, 1000)[0]
    assert not chance_verdict(0.06, qrels, 1000)[0]
    assert not chance_verdict(0.0, {**qrels, **{f"p{at}": {f"d{at}": 1} for at in range(1000)}}, 1000)[0]
