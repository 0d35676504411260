"""Choosing k1 and b on development questions."""

import json

import pytest

from bench.api import Doc, Env, Pairs, Query
from bench.conformance import check_retriever
from bench.errors import DataError, StoreError
from retrievers.bm25 import BM25
from retrievers.lexical import tuning

FILLER = " ".join(f"filler{i}" for i in range(20))


class Sealed:
    def __getattribute__(self, name):
        raise AssertionError(f"{name} was read")


def dev(short_is_right):
    """Each rare word stands once in a short document and twice in a long one."""
    docs, queries, qrels = [], [], {}
    for i in range(12):
        short, long = Doc(f"s{i}", f"rare{i} note"), Doc(f"l{i}", f"rare{i} rare{i} {FILLER}")
        docs += [long, short] if short_is_right else [short, long]
        queries.append(Query(f"q{i}", f"rare{i}"))
        qrels[f"q{i}"] = {short.id: int(short_is_right), long.id: int(not short_is_right)}
    return Pairs(docs, queries, qrels)


@pytest.mark.parametrize("short_is_right", [True, False])
@pytest.mark.parametrize("variant", ["lucene", "plus", "rank-plus"])
def test_the_better_of_two_opposite_settings_is_found_without_reading_train(monkeypatch, short_is_right, variant):
    monkeypatch.setattr(tuning, "K1", (1.2,))
    monkeypatch.setattr(tuning, "B", (0.0, 1.0))
    retriever = BM25(variant=variant, tune=True)
    retriever.fit(Sealed(), dev(short_is_right), Env())
    assert retriever.learned == {"k1": 1.2, "b": float(short_is_right), "dev RR@10": 1.0}


def test_dev_rr_is_the_mean_over_all_questions():
    given = dev(short_is_right=True)
    queries = [*given.queries, Query("unanswered", "zebra"), Query("not judged", "rare1")]
    retriever = BM25(tune=True)
    retriever.fit(Sealed(), given._replace(queries=queries), Env())
    assert retriever.learned["dev RR@10"] == pytest.approx(12 / 14)


def test_the_choice_is_used_instead_of_the_fields():
    pairs = dev(short_is_right=True)
    tuned = BM25(k1=3.0, b=0.0, tune=True)
    tuned.fit(Sealed(), pairs, Env())
    by_hand = BM25(k1=tuned.learned["k1"], b=tuned.learned["b"])
    for retriever in (tuned, by_hand):
        retriever.index(pairs.corpus, Env())
    found, expected = (retriever.search(pairs.queries, 5) for retriever in (tuned, by_hand))
    assert found.positions.tolist() == expected.positions.tolist()
    assert found.scores.tolist() == expected.scores.tolist()
    assert (tuned.k1, tuned.b) == (3.0, 0.0)


def test_without_tune_nothing_is_learned_or_read():
    retriever = BM25()
    retriever.fit(Sealed(), Sealed(), Env())
    assert retriever.learned == {}


def test_tuning_without_questions_is_refused():
    with pytest.raises(DataError, match="tune=true needs development questions"):
        BM25(tune=True).fit(Sealed(), Pairs([Doc("a", "cat")], [], {}), Env())


@pytest.mark.parametrize("tune", [True, False])
def test_what_was_learned_is_taken_over(tmp_path, tune):
    retriever, other = BM25(tune=tune), BM25(tune=tune)
    retriever.fit(Sealed(), dev(short_is_right=False), Env())
    retriever.save(tmp_path)
    other.load(tmp_path)
    assert other.learned == retriever.learned


@pytest.mark.parametrize(
    "content", [None, "", '{"k1": 1', "[]", '{"k1": 1.2}', '{"k1": "x", "b": 0.5, "dev RR@10": 1}']
)
def test_a_damaged_fit_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "learned.json").write_text(content)
    with pytest.raises(StoreError, match=r"learned\.json"):
        BM25(tune=True).load(tmp_path)


def test_learned_values_are_plain_numbers():
    retriever = BM25(tune=True)
    retriever.fit(Sealed(), dev(short_is_right=True), Env())
    assert json.loads(json.dumps(retriever.learned)) == retriever.learned


@pytest.mark.parametrize("retriever", [BM25(), BM25(tune=True), BM25("plus", split=False), BM25("rank-l")], ids=str)
def test_conformance(retriever):
    assert check_retriever(retriever)
