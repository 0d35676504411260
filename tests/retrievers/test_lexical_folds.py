"""Folds: what is held out shares neither question nor solution with what is learned from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrievers.lexical.folds import splits

numbers = st.integers(0, 12)
some = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40, unique=True)


def cut(pairs, folds, block):
    return list(splits(np.array(pairs, dtype=np.int64).reshape(-1, 2), folds, block))


@given(pairs=some, folds=st.integers(2, 5), block=st.integers(1, 6))
def test_nothing_held_out_is_learned_from_and_every_question_is_held_once(pairs, folds, block):
    table = np.array(pairs)
    found = cut(pairs, folds, block)
    assert (np.sum([split.held for split in found], axis=0) == 1).all()
    for split in found:
        assert split.held.any()
        for side in (0, 1):
            assert not set(table[split.held, side]) & set(table[split.taught, side])
    held = [set(table[split.held, 0]) for split in found]
    assert sum(map(len, held)) == len(set(table[:, 0]))


@given(pairs=some, folds=st.integers(2, 4))
def test_what_fits_into_a_fold_is_not_cut(pairs, folds):
    """Copies of a collection of one to four questions: every pair is on one of the two sides."""
    small = [(q % 4, s) for q, s in pairs]
    copies = [(q + 4 * n, s + 13 * n) for n in range(4 * folds) for q, s in dict.fromkeys(small)]
    for split in cut(copies, folds, 1):
        assert (split.held | split.taught).all()


def test_questions_with_one_solution_each_go_in_blocks():
    pairs = np.repeat(np.arange(12), 2).reshape(-1, 2)
    assert [np.flatnonzero(split.held).tolist() for split in splits(pairs, 2, 3)] == [
        [0, 1, 2, 6, 7, 8],
        [3, 4, 5, 9, 10, 11],
    ]
    assert [split.held.sum() for split in splits(pairs, 5, 3)] == [3, 3, 3, 3]  # of five folds one is left empty


def test_questions_far_apart_that_share_a_solution_are_held_out_together():
    pairs = [(at, at) for at in range(10)]
    pairs[9] = (9, 0)
    together = [split for split in cut(pairs, 2, 1) if split.held[0]]
    assert len(together) == 1
    assert together[0].held[9]


def test_one_solution_of_everything_is_cut_and_leaves_only_what_it_does_not_touch():
    pairs = [*((at, 0) for at in range(8)), *((at, at + 1) for at in range(8))]
    found = cut(pairs, 2, 4)
    assert len(found) == 2
    for split in found:
        assert split.held.sum() == 8
        assert split.taught.sum() == 4  # the others' own solutions, not the shared one


def test_no_pairs_make_no_folds():
    assert cut([], 2, 1) == []
