"""Subsets of the training pairs: nested, the same whatever the order, made of whole questions; nothing else changes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.api import Doc, Query
from bench.data.dataset import Dataset, Split
from bench.data.subset import FACT, pair_count, with_train_pairs
from bench.errors import OptionError


def split(start, stop, solutions=1):
    """Questions q<start> to q<stop - 1>, each with so many documents of its own and one judged wrong."""
    queries = tuple(Query(f"q{at}", f"question {at}") for at in range(start, stop))
    return Split(
        queries, {f"q{at}": {**{f"d{at}.{n}": 1 for n in range(solutions)}, f"w{at}": 0} for at in range(start, stop)}
    )


def dataset(train=40, solutions=1):
    stop = train + 10
    names = [f"d{at}.{n}" for at in range(stop) for n in range(solutions)] + [f"w{at}" for at in range(stop)]
    corpus = tuple(Doc(name, f"text of {name}") for name in names)
    parts = split(0, train, solutions), split(train, train + 5, solutions), split(train + 5, stop, solutions)
    return Dataset("made", corpus, *parts)


def kept(found):
    return {query.id for query in found.train.queries}


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 3))
def test_a_smaller_subset_is_part_of_every_larger_one(one, other, solutions):
    whole = dataset(solutions=solutions)
    small, large = (kept(with_train_pairs(whole, size)) for size in sorted((one, other)))
    assert small <= large


@given(st.permutations(range(40)), st.integers(1, 40))
def test_the_order_of_the_collection_does_not_matter(order, size):
    whole = dataset()
    queries = tuple(whole.train.queries[at] for at in order)
    shuffled = replace(whole, train=Split(queries, whole.train.qrels))
    assert kept(with_train_pairs(shuffled, size)) == kept(with_train_pairs(whole, size))


def test_the_draw_is_not_the_beginning_of_the_collection_and_never_changes():
    """A stored fit, and a published number, stay what they were."""
    found = kept(with_train_pairs(dataset(), 5))
    assert found != {f"q{at}" for at in range(5)}
    assert sorted(found) == ["q11", "q18", "q3", "q32", "q37"]  # by sha256sum of train-pairs, NUL, q0 and so on


@pytest.mark.parametrize(("solutions", "size", "pairs"), [(1, 7, 7), (3, 6, 6), (3, 7, 9), (3, 120, 120)])
def test_whole_questions_are_kept_until_the_pairs_are_reached(solutions, size, pairs):
    """Documents judged wrong are no pairs."""
    found = with_train_pairs(dataset(solutions=solutions), size)
    assert pair_count(found.train.qrels) == pairs
    assert all(pair_count({name: grades}) == solutions for name, grades in found.train.qrels.items())
    assert found.train.qrels.keys() == kept(found)


def test_fit_sees_the_documents_of_kept_questions_alone():
    found = with_train_pairs(dataset(), 6)
    seen = found.pairs("train")
    assert {doc.id for doc in seen.corpus} == {name for at in kept(found) for name in (f"d{at[1:]}.0", f"w{at[1:]}")}
    assert set(seen.qrels) == {query.id for query in seen.queries} == kept(found)


def test_nothing_but_the_training_questions_changes():
    whole = dataset()
    found = with_train_pairs(whole, 6)
    assert (found.corpus, found.dev, found.test) == (whole.corpus, whole.dev, whole.test)
    before, after = whole.content("heldout"), found.content("heldout")
    assert {name for name in before if before[name] != after[name]} == {"training data"}
    assert found.fingerprint != whole.fingerprint
    assert found.facts[FACT] == "6 of 40, of 6 questions drawn at random (--train-pairs)"


def test_all_pairs_leave_the_collection_as_it_is():
    whole = dataset()
    assert with_train_pairs(whole, None) is whole
    everything = with_train_pairs(whole, 40)
    assert everything.train == whole.train
    assert everything.fingerprint == whole.fingerprint


@pytest.mark.parametrize(("facts", "cut"), [({}, ""), ({"limit": "first 10 held-out questions"}, " after --limit")])
def test_more_pairs_than_there_are_is_one_line(facts, cut):
    with pytest.raises(OptionError) as problem:
        with_train_pairs(replace(dataset(), facts=facts), 41)
    assert str(problem.value) == f"--train-pairs 41: made has 40 training pairs{cut}; give fewer, or all"
