"""Learning to rank: learns what words alone do not say, keeps apart what it learns from and what it weighs with."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bench.api import Doc, Env, Pairs, Query
from bench.errors import DataError, StoreError
from bench.explanation import faults
from retrievers.bm25 import BM25
from retrievers.learning_to_rank import LearningToRank
from retrievers.lexical.grams import Grams
from retrievers.lexical.lessons import Lessons
from retrievers.lexical.signals import NAMES, Signals


def words(rng, count):
    """Words of six letters that share next to nothing with each other."""
    return ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(count)]


def collection(first, last):
    """The words of a question stand in its solution under another name, always the same one."""
    rng = np.random.default_rng(0)
    asked, solved, filler = words(rng, 40), words(rng, 40), words(rng, 60)
    queries, docs = [], []
    for number in range(last):
        topics, noise = rng.choice(40, 3, replace=False), rng.choice(60, 6)
        docs.append(Doc(f"d{number}", " ".join([*(solved[t] for t in topics), *(filler[n] for n in noise)])))
        queries.append(Query(f"q{number}", " ".join([*(asked[t] for t in topics), filler[number % 60]])))
    part = slice(first, last)
    qrels = {q.id: {d.id: 1} for q, d in zip(queries[part], docs[part], strict=True)}
    return Pairs(docs[part], queries[part], qrels)


NOTHING = Pairs((), (), {})


@pytest.fixture(scope="module")
def ready():
    system = LearningToRank(depth=20)
    system.fit(collection(0, 300), NOTHING, Env())
    system.index(collection(300, 400).corpus, Env())
    return system


def found(system, pairs, k=10):
    hits = system.search(pairs.queries, k).positions
    return float(np.mean([row in hits[row] for row in range(len(hits))]))


def test_translations_find_what_shares_no_word(ready):
    held_out = collection(300, 400)
    lexical = BM25()
    lexical.index(held_out.corpus, Env())
    assert found(lexical, held_out) < 0.3
    assert found(ready, held_out) > 0.9


def test_the_weights_are_told_by_name(ready):
    assert list(ready.learned["weights"]) == list(NAMES)
    assert max(ready.learned["weights"], key=ready.learned["weights"].get) == "translation model"


def test_the_explanation_adds_up_to_the_score(ready):
    held_out = collection(300, 400)
    query = held_out.queries[7]
    hits = ready.search([query], 5)
    for position, score in zip(hits.positions[0], hits.scores[0], strict=True):
        told = ready.explain(query, held_out.corpus[position], int(position))
        assert not faults(told)
        assert told.score == score
        assert told.parts[0].tokens == NAMES
        assert sum(told.parts[0].weights) == pytest.approx(score, rel=1e-4)
    strongest = ready.explain(query, held_out.corpus[7], 7).parts[0]
    assert max(zip(strongest.weights, strongest.tokens, strict=True))[1] == "translation model"


def test_what_is_no_candidate_has_no_score(ready):
    told = ready.explain(Query("q", "一二"), Doc("d", "text"), 0)
    assert np.isnan(told.score)


def test_the_signals_weigh_alike_in_a_larger_pool(ready):
    """Among eleven times as many documents, too, they are compared over the candidates alone."""
    held_out = collection(300, 400)
    noise = [Doc(f"n{at}", " ".join(f"{at * 9 + n:x}{at:x}" for n in range(9))) for at in range(1000)]
    larger = replace(ready)
    larger._take(ready._lessons, ready._weights)
    larger.index([*held_out.corpus, *noise], Env())
    for system in (ready, larger):
        for query in held_out.queries[:10]:
            positions, features, scores = system._scored(query)
            assert features.mean(axis=1) == pytest.approx(0, abs=1e-4)
            deviation = features.std(axis=1)
            assert np.all((np.abs(deviation - 1) < 1e-3) | (deviation == 0))
            assert scores == pytest.approx(system._weights @ features, rel=1e-4, abs=1e-5)
            assert len(positions) <= 4 * system.depth
    assert found(larger, held_out) > 0.9


def test_a_fold_learns_nothing_from_its_own_pairs(monkeypatch):
    """No list comes from a question or a solution that taught the signals; the last lessons are of all pairs."""
    taught, listed = [], []
    learn, table = Lessons.learn.__func__, Signals.table

    def learning(cls, pairs, words, grams):
        taught.append(np.array(pairs))
        return learn(cls, pairs, words, grams)

    def asking(self, text):
        listed.append((len(taught) - 1, text))
        return table(self, text)

    monkeypatch.setattr(Lessons, "learn", classmethod(learning))
    monkeypatch.setattr(Signals, "table", asking)
    train = collection(0, 60)
    shared = {f"q{at}": {f"d{at}": 1, f"d{(at + 30) % 60}": 1} for at in range(60) if at % 5 == 0}
    LearningToRank(folds=3, depth=20).fit(train._replace(qrels={**train.qrels, **shared}), NOTHING, Env())
    rows = {query.text: row for row, query in enumerate(train.queries)}
    assert len(listed) == 60
    for at, text in listed:
        row = rows[text]
        solutions = {row, (row + 30) % 60} if row % 5 == 0 else {row}
        assert row not in taught[at][:, 0]
        assert not solutions & set(taught[at][:, 1].tolist())
    assert len(taught[-1]) == 60 + 12


def test_progress_goes_from_0_to_1_and_never_back():
    told = []
    env = Env(progress=lambda fraction, note: told.append((fraction, note)))
    system = LearningToRank(folds=3, depth=20)
    system.fit(collection(0, 300), NOTHING, env)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] <= 1
    assert max(np.diff(fractions)) < 0.3
    assert all(note for _, note in told)
    told.clear()
    system.index(collection(300, 400).corpus, env)
    fractions = [fraction for fraction, _ in told]
    assert len(set(fractions)) >= 4
    assert fractions == sorted(fractions)


def test_linear_algebra_takes_the_threads_of_env(ready, monkeypatch):
    counted = []
    table = Signals.table

    def asking(self, text):
        counted.append({one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"})
        return table(self, text)

    monkeypatch.setattr(Signals, "table", asking)
    ready.index(collection(300, 400).corpus, Env(threads=1))
    with threadpool_limits(2, user_api="blas"):
        before = threadpool_info()
        ready.search([Query("q", "text")], 1)
        assert threadpool_info() == before
    assert counted == [{1}]


def test_a_failed_fit_and_a_failed_load_leave_what_was_learned(ready, tmp_path, monkeypatch):
    held_out = collection(300, 400)
    before = ready.search(held_out.queries, 5).scores
    learned = dict(ready.learned)
    other = replace(ready, folds=3)
    other.fit(collection(0, 40), NOTHING, Env())
    other.save(tmp_path)
    with pytest.raises(StoreError, match="other parameters"):
        ready.load(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("retrievers.learning_to_rank.learn", lambda lists: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ready.fit(collection(0, 40), NOTHING, Env())
    assert ready.learned == learned
    ready.index(held_out.corpus, Env())
    assert (ready.search(held_out.queries, 5).scores == before).all()


@pytest.mark.parametrize("spoil", ["empty", "garbage", "words", "prior", "weights", "nan", "list"])
def test_a_damaged_store_is_one_line(ready, tmp_path, spoil):
    ready.save(tmp_path)
    facts = json.loads((tmp_path / "learned.json").read_text(encoding="utf-8"))
    lessons = json.loads((tmp_path / "lessons.json").read_text(encoding="utf-8"))
    with np.load(tmp_path / "lessons.npz") as stored:
        arrays = dict(stored)
    if spoil == "words":
        lessons["translations"] = lessons["translations"][:5]
    elif spoil == "prior":
        np.savez(tmp_path / "lessons.npz", **{**arrays, "words": arrays["words"][:3]})
    elif spoil in ("empty", "garbage"):
        (tmp_path / "lessons.npz").write_bytes(b"PK nothing" if spoil == "garbage" else b"")
    else:
        facts["weights"] = {"weights": facts["weights"][:3], "nan": [float("nan")] * len(NAMES)}.get(spoil)
        facts = [] if spoil == "list" else facts
    (tmp_path / "learned.json").write_text(json.dumps(facts), encoding="utf-8")
    (tmp_path / "lessons.json").write_text(json.dumps(lessons), encoding="utf-8")
    with pytest.raises(StoreError, match="delete it to learn again") as caught:
        replace(ready).load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_collection_of_one_solution_is_learned_from():
    """Every question has the same answer, so that nothing can be held out; and another document to tell it from."""
    queries = [Query(f"q{at}", f"reset my password {at}") for at in range(9)]
    docs = [Doc("d0", "password reset link"), Doc("d1", "password of the network"), Doc("d2", "nothing")]
    system = LearningToRank()
    system.fit(Pairs(docs, queries, {query.id: {"d0": 1} for query in queries}), NOTHING, Env())
    system.index(docs, Env())
    assert system.search([Query("q", "reset password")], 1).positions.tolist() == [[0]]


def test_an_empty_corpus_finds_nothing(ready):
    system = replace(ready)
    system._take(ready._lessons, ready._weights)
    system.index([], Env())
    assert system.search(collection(300, 400).queries, 3).positions.shape == (100, 0)


def test_it_needs_pairs():
    with pytest.raises(DataError, match="the training split has none"):
        LearningToRank().fit(NOTHING, NOTHING, Env())
    with pytest.raises(DataError, match="learned nothing"):
        LearningToRank().index([Doc("d", "text")], Env())
    with pytest.raises(DataError, match="learned nothing"):
        LearningToRank().save(Path())


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"folds": 1}, {"questions": 0}])
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least"):
        LearningToRank(**wrong)


def test_grams_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import CountVectorizer

    reference = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4)).build_analyzer()
    for text in ("BCEWithLogitsLoss in\ttorch.nn", "a bc déf", ""):
        assert Grams()(text) == reference(text)


def test_a_question_that_shares_nothing_finds_nothing(ready):
    assert (ready.search([Query("q", "一二"), Query("empty", "")], 3).positions == -1).all()
