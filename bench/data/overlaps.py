"""Overlaps between two lists of texts, every pair of them: what a near duplicate or a copy inside another text is made of."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.data.neighbours import Grams, gram_sets

_BLOCK = 2_000_000
"""Candidates, and n-grams of candidates, that are held at once: some 100 MB."""


class Overlaps(NamedTuple):
    """Pairs (text, other) of positions, ordered, with what their sets A and B of n-grams share; all arrays ``[pairs]``.

    resemblance: Jaccard similarity |A & B| / |A | B|. containment: share of A that stands in B, |A & B| / |A|.
    """

    text: NDArray[np.int64]
    other: NDArray[np.int64]
    resemblance: NDArray[np.float64]
    containment: NDArray[np.float64]


def near_duplicates_between(
    texts: Sequence[str], others: Sequence[str], *, ngram: int, threshold: float
) -> list[tuple[int, int]]:
    """Find every pair (i, j) whose ``texts[i]`` and ``others[j]`` have a Jaccard similarity of at least ``threshold``.

    Words and n-grams are those of ``near_duplicates``; threshold is above 0. No pair is missed.
    """
    found = overlaps_between(texts, others, ngram=ngram, containment=threshold)
    kept = found.resemblance >= threshold
    return list(zip(found.text[kept].tolist(), found.other[kept].tolist(), strict=True))


def overlaps_between(texts: Sequence[str], others: Sequence[str], *, ngram: int, containment: float) -> Overlaps:
    """Find every pair whose other holds at least the share ``containment`` (above 0) of the text's n-grams.

    That share bounds the Jaccard similarity from above. By prefix filtering (Chaudhuri et al., "A primitive operator for
    similarity joins", ICDE 2006) only a text's rarest n-grams are looked up: of A's n-grams at most |A| - c|A| are missing
    in B, so that of any one more than these at least one stands there.
    """
    a, b = _incidence(gram_sets(texts, ngram), gram_sets(others, ngram))
    blocks = [_measured(a, b, pairs, containment) for pairs in _sharing(a, b, containment)]
    return Overlaps(
        np.concatenate([block.text for block in blocks]),
        np.concatenate([block.other for block in blocks]),
        np.concatenate([block.resemblance for block in blocks]),
        np.concatenate([block.containment for block in blocks]),
    )


class _Sets(NamedTuple):
    """Which of the n-grams that occur in the texts each text holds, and how many it holds in all."""

    holds: sp.csr_array
    sizes: NDArray[np.int64]


def _incidence(a: Grams, b: Grams) -> tuple[_Sets, _Sets]:
    known = np.unique(a.values)
    return _held(a, known), _held(b, known)


def _held(grams: Grams, known: NDArray[np.uint64]) -> _Sets:
    """Which of the known n-grams each text holds; those of a large collection are looked up a block at a time."""
    places, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(grams.values) if len(known) else 0, _BLOCK):
        values = grams.values[start : start + _BLOCK]
        at = np.searchsorted(known, values)
        at[at == len(known)] = 0
        found = np.flatnonzero(known[at] == values)
        places.append(start + found)
        columns.append(at[found])
    rows = np.searchsorted(grams.bounds, np.concatenate(places), side="right") - 1
    cells = (np.ones(len(rows), dtype=np.int32), (rows, np.concatenate(columns)))
    return _Sets(sp.csr_array(cells, shape=(len(grams.sizes), len(known))), grams.sizes)


def _sharing(a: _Sets, b: _Sets, containment: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield candidates, ordered, as positions in a and in b; the pairs wanted are among them."""
    frequency = np.bincount(b.holds.indices, minlength=a.holds.shape[1])
    rows = np.repeat(np.arange(len(a.sizes)), a.sizes)
    order = np.lexsort((frequency[a.holds.indices], rows))
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(a.sizes) - a.sizes, a.sizes)
    # The tolerance keeps 0.8 x 5 from needing five.
    needed = np.ceil(containment * a.sizes - 1e-9).astype(np.int64)
    prefix = order[rank < (a.sizes - needed + 1)[rows]]
    columns = a.holds.indices[prefix]
    looked_up = sp.csr_array((np.ones(len(prefix), np.int32), (rows[prefix], columns)), shape=a.holds.shape)
    work = np.cumsum(np.bincount(rows[prefix], weights=frequency[columns], minlength=len(a.sizes))) // _BLOCK
    holders = b.holds.T.tocsr()
    for block in np.split(np.arange(len(a.sizes)), np.flatnonzero(np.diff(work)) + 1):
        shared = (looked_up[block] @ holders).tocoo()
        at = np.lexsort((shared.col, shared.row))
        yield block[shared.row[at]], shared.col[at].astype(np.int64)


def _measured(a: _Sets, b: _Sets, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], containment: float) -> Overlaps:
    left, right = pairs
    grams = np.cumsum(a.sizes[left] + np.diff(b.holds.indptr)[right]) // _BLOCK
    shared = [
        a.holds[left[part]].multiply(b.holds[right[part]]).sum(axis=1)
        for part in np.split(np.arange(len(left)), np.flatnonzero(np.diff(grams)) + 1)
    ]
    both = np.concatenate(shared).astype(np.int64)
    contained = both / a.sizes[left]
    kept = contained >= containment
    resemblance = both / (a.sizes[left] + b.sizes[right] - both)
    return Overlaps(left[kept], right[kept], resemblance[kept], contained[kept])
