import numpy as np
import pytest

from bench.api import Doc, Pairs, Query
from bench.errors import DataError
from retrievers.neural.examples import Examples
from retrievers.text.analysis import Analyzer

CORPUS = (Doc("d0", "alpha beta"), Doc("d1", "gamma", "title"), Doc("d2", "delta"))


QUERIES = (Query("q0", "what"), Query("q1", "why not"))


def examples(qrels):
    return Examples.of(Pairs(CORPUS, QUERIES, qrels), str.split)


def test_every_relevant_document_makes_a_pair_and_grade_zero_none():
    found = examples({"q0": {"d0": 1, "d2": 2, "d1": 0}, "q1": {"d1": 1}})
    assert found.pairs.tolist() == [[0, 0], [0, 2], [1, 1]]
    assert found.questions == [["what"], ["why", "not"]]
    assert found.solutions[1] == ["title", "gamma"]
    assert found.relevance().toarray().tolist() == [[True, False, True], [False, True, False]]


def test_a_judged_document_outside_the_corpus_is_named():
    with pytest.raises(DataError, match=r"q1.*d9"):
        examples({"q1": {"d9": 1}})


def test_a_sample_is_evenly_spaced_and_keeps_all_solutions():
    pairs = np.array([[0, 1], [1, 0], [2, 2], [2, 0], [3, 1], [5, 2]])
    whole = Examples([[f"q{i}"] for i in range(6)], [["a"], ["b"], ["c"]], pairs)
    found = whole.sample(3)
    assert found.questions == [["q0"], ["q2"], ["q4"]]
    assert found.solutions == whole.solutions
    assert found.pairs.tolist() == [[0, 1], [1, 2], [1, 0]]
    assert whole.sample(100).pairs.tolist() == pairs.tolist()
    assert examples({}).sample(1).questions == [["what"]]
    assert Examples([], [], np.zeros((0, 2), np.int64)).sample(5).questions == []


def test_mean_rr_takes_the_first_relevant_and_counts_misses():
    found = examples({"q0": {"d0": 1, "d2": 2}, "q1": {"d1": 1}})
    assert found.mean_rr(np.array([[1, 2, 0], [0, 2, -1]])) == pytest.approx((1 / 2 + 0) / 2)
    assert found.mean_rr(np.array([[-1, -1], [1, -1]])) == pytest.approx(1 / 2)


def test_no_judgement_no_pair():
    assert examples({}).pairs.shape == (0, 2)


def test_tokens_are_kept_in_the_cache_and_make_the_same_examples(tmp_path, monkeypatch):
    monkeypatch.setattr("retrievers.neural.tokens.LEAST", 0)
    data = Pairs(CORPUS, QUERIES, {"q0": {"d0": 1}})
    plain, first, second = (Examples.of(data, Analyzer(), cache) for cache in (None, tmp_path, tmp_path))
    for found in (first, second):
        assert found.questions == plain.questions
        assert found.solutions == plain.solutions
        assert (found.pairs == plain.pairs).all()
    assert len(list((tmp_path / "tokens").iterdir())) == 2
