"""Learning to rank: learns what words alone do not say, keeps apart what it learns from and what it weighs with."""

from dataclasses import replace

import numpy as np
import pytest

from bench.api import Doc, Env, Pairs, Query
from bench.errors import DataError, StoreError
from retrievers.bm25 import BM25
from retrievers.learning_to_rank import LearningToRank
from retrievers.lexical.grams import Grams
from retrievers.lexical.lessons import Lessons
from retrievers.lexical.signals import NAMES, Signals, standard
from retrievers.text.analysis import Analyzer


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
    assert max(ready.learned["weights"], key=ready.learned["weights"].get) == "translation"


def test_a_score_is_the_weighted_sum_of_the_signals(ready):
    query = collection(300, 400).queries[7]
    hits = ready.search([query], 5)
    expected = ready._weights @ ready._signals.table(query.text)
    assert hits.scores[0] == pytest.approx(expected[hits.positions[0]], rel=1e-5)


def test_every_signal_has_mean_0_and_deviation_1_or_is_constant(ready):
    table = ready._signals.table(collection(300, 400).queries[0].text)
    assert table.mean(axis=1) == pytest.approx(0, abs=1e-4)
    deviation = table.std(axis=1)
    assert np.all((np.abs(deviation - 1) < 1e-3) | (deviation == 0))
    assert not standard(np.full((1, 4), 2.5, dtype=np.float32)).any()


def test_a_fold_learns_nothing_from_its_own_pairs(monkeypatch):
    """The pairs whose lists are made are none of those that taught the signals."""
    taught, listed = [], []
    learn, table = Lessons.learn.__func__, Signals.table

    def learning(cls, pairs, words, grams):
        taught.append({row for row, _ in pairs})
        return learn(cls, pairs, words, grams)

    def asking(self, text):
        listed.append((len(taught) - 1, text))
        return table(self, text)

    monkeypatch.setattr(Lessons, "learn", classmethod(learning))
    monkeypatch.setattr(Signals, "table", asking)
    train = collection(0, 60)
    LearningToRank(folds=3, depth=20).fit(train, NOTHING, Env())
    rows = {query.text: row for row, query in enumerate(train.queries)}
    assert len(listed) == 60
    assert all(rows[text] not in taught[at] for at, text in listed)
    assert taught[0] == set(range(60))


def test_what_was_stored_for_other_parameters_is_refused(ready, tmp_path):
    ready.save(tmp_path)
    with pytest.raises(StoreError, match="other parameters"):
        replace(ready, folds=3).load(tmp_path)
    (tmp_path / "lessons.npz").write_bytes(b"PK nothing")
    with pytest.raises(StoreError, match="delete it"):
        replace(ready).load(tmp_path)


def test_it_needs_pairs():
    with pytest.raises(DataError, match="the training split has none"):
        LearningToRank().fit(NOTHING, NOTHING, Env())
    with pytest.raises(DataError, match="learned nothing"):
        LearningToRank().index([Doc("d", "text")], Env())


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
    assert (ready.search([Query("q", "一二")], 3).positions == -1).all()
    assert Signals(["text"], Analyzer(), ready._lessons, Env()).table("") is None
