"""Cross-fitting: what weighs learned signals must see them on pairs that they were not learned from."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components


class Split(NamedTuple):
    """Two parts of the pairs as masks, bool ``[P]``: those of one fold, and those that may be learned from for it."""

    held: NDArray[np.bool_]
    taught: NDArray[np.bool_]


def splits(pairs: NDArray[np.int64], folds: int, block: int) -> Iterator[Split]:
    """Cut pairs ``[P, 2]`` of question and solution into at most so many folds; a fold without a pair is left out.

    Neither a question nor a solution stands on both sides of a split. Questions connected by shared solutions go to a fold
    together, in blocks of at least ``block`` questions that follow each other, each block to the smallest fold. What is too
    large for that, since it holds more than a fold's share, is cut, and pairs across the cut are on neither side.
    """
    rows, solutions = pairs[:, 0], pairs[:, 1]
    fold_of = _fold_of(pairs, folds, block)
    for fold in range(folds):
        held = fold_of[rows] == fold
        if held.any():
            yield Split(held, ~held & ~np.isin(solutions, solutions[held]))


def _fold_of(pairs: NDArray[np.int64], folds: int, block: int) -> NDArray[np.int64]:
    """The fold of each question, int64 ``[Q]``; one without a solution is a group of its own."""
    if not len(pairs):
        return np.zeros(0, dtype=np.int64)
    size, solutions = (pairs.max(axis=0) + 1).tolist()
    edges = (np.ones(len(pairs), dtype=np.bool_), (pairs[:, 0], size + pairs[:, 1]))
    graph = sp.coo_array(edges, shape=(size + solutions, size + solutions))
    connected = connected_components(graph, directed=False)[1][:size].astype(np.int64)
    share = -(-size // folds)
    crowds = np.bincount(connected) > share
    group = np.where(crowds[connected], len(crowds) + np.arange(size), connected)  # each question of a crowd by itself
    _, first, group, members = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    sizes, fold_of_group = np.zeros(folds, dtype=np.int64), np.zeros(len(first), dtype=np.int64)
    fold, room = 0, 0
    for one in np.argsort(first).tolist():  # in the order in which they first appear
        if room <= 0:
            fold, room = int(sizes.argmin()), block
        fold_of_group[one] = fold
        sizes[fold] += members[one]
        room -= int(members[one])
    return fold_of_group[group]
