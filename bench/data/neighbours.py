"""Near duplicates: texts whose sets of word n-grams overlap, found with MinHash and locality-sensitive hashing.

Broder, "On the resemblance and containment of documents", 1997; Leskovec et al., "Mining of Massive Datasets", chapter 3.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_HASHES = 128
_RECALL = 0.98
_CROWD = 64
_WORD = re.compile(r"\w+")
_MASK = (1 << 64) - 1
_TEXTS = 1 << 12
"""Texts that are taken apart at once."""
_VALUES = 1 << 16
"""Values that are hashed at once: as many as stay in a core's cache."""
_PAIRS = 1 << 20
_GRAMS = 1 << 20
"""Candidates, and n-grams of candidates, that are compared at once."""

_Positions = NDArray[np.int64]


class Grams(NamedTuple):
    """Sets of n-grams, one after the other: that of text i is ``values[bounds[i]:bounds[i + 1]]``, ascending, uint64."""

    values: NDArray[np.uint64]
    bounds: _Positions

    @property
    def sizes(self) -> _Positions:
        """How many n-grams each text has."""
        return np.diff(self.bounds)


def near_duplicates(texts: Sequence[str], *, ngram: int, threshold: float) -> list[tuple[int, int]]:
    """Find pairs of positions ``i < j`` whose word n-grams have a Jaccard similarity of at least ``threshold``.

    Words are compared without case; a text with fewer than ``ngram`` words is one n-gram. Texts without words have no
    neighbours. Each pair is verified on the exact sets, so none is wrong. A pair at the threshold itself is found with a
    probability of 98% or more, a closer one almost surely, as long as it shares no bucket with more than 64 texts: of a
    larger bucket only texts that follow one another are compared, so most of its pairs are not listed, and two of its texts
    may end up unconnected although they are near. The result depends on the texts alone, not on the machine or a seed.
    """
    grams = gram_sets(texts, ngram)
    filled = np.flatnonzero(grams.sizes)
    found = np.zeros(0, dtype=np.int64)
    for band in _bands(grams, _rows(threshold)):
        # A pair as one number, so that those of one band are sorted into those of all.
        close = [
            left[kept] * len(texts) + right[kept]
            for left, right in _candidates(filled[np.argsort(band[filled], kind="stable")], band)
            if len(kept := _similar(grams, left, right, threshold))
        ]
        found = np.union1d(found, np.concatenate(close)) if close else found
    return list(zip((found // len(texts)).tolist(), (found % len(texts)).tolist(), strict=True)) if len(found) else []


def clusters(size: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Give each of ``size`` items the smallest position that ``links`` connect it with (union-find)."""
    parent = list(range(size))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for a, b in links:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [root(item) for item in range(size)]


def gram_sets(texts: Sequence[str], n: int) -> Grams:
    """Sorted distinct 64-bit hashes of each text's n-grams, in one array."""
    vocabulary = _Vocabulary()
    values, sizes = [np.zeros(0, dtype=np.uint64)], [np.zeros(1, dtype=np.int64)]
    for start in range(0, len(texts), _TEXTS):
        words = [_WORD.findall(text.casefold()) for text in texts[start : start + _TEXTS]]
        lengths = np.array([len(row) for row in words], dtype=np.int64)
        hashes = map(vocabulary.__getitem__, chain.from_iterable(words))
        rows, grams = _hashed(np.fromiter(hashes, dtype=np.uint64, count=lengths.sum()), lengths, n)
        order = np.argsort(grams)
        # Sixteen bits are sorted in linear time.
        order = order[np.argsort(rows[order].astype(np.uint16), kind="stable")]
        rows, grams = rows[order], grams[order]
        first = np.ones(len(grams), dtype=bool)
        first[1:] = (rows[1:] != rows[:-1]) | (grams[1:] != grams[:-1])
        values.append(grams[first])
        sizes.append(np.bincount(rows[first], minlength=len(words)))
    return Grams(np.concatenate(values), np.cumsum(np.concatenate(sizes)))


class _Vocabulary(dict[str, int]):
    """Word -> 64-bit hash."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known = self[word] = int.from_bytes(digest, "little")
        return known


def _hashed(ids: NDArray[np.uint64], lengths: _Positions, n: int) -> tuple[_Positions, NDArray[np.uint64]]:
    """Text and hash of every n-gram; ids are those of all texts' words, lengths how many words each text has."""
    counts = np.where(lengths > 0, np.maximum(1, lengths - n + 1), 0)
    rows = np.repeat(np.arange(len(lengths)), counts)
    at = (np.cumsum(lengths) - lengths)[rows] + np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    grams = ids[at]
    for offset in range(1, n):
        longer = np.flatnonzero(lengths[rows] > offset)
        grams[longer] = _mixed(grams[longer]) + ids[at[longer] + offset]
    return rows, _mixed(grams)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finaliser of SplitMix64 (Steele et al., OOPSLA 2014): a bijection that spreads close values over all 64 bits."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _bands(grams: Grams, rows: int) -> NDArray[np.uint64]:
    """A hash of each band of each set's signature, uint64 ``[bands, n]``; zeros for an empty set.

    The signature is the smallest value of the set under each of 128 hash functions.
    """
    bands = np.zeros((_HASHES // rows, len(grams.sizes)), dtype=np.uint64)
    filled = np.flatnonzero(grams.sizes)
    starts = grams.bounds[filled]
    for block in np.split(np.arange(len(filled)), np.flatnonzero(np.diff(starts // _VALUES)) + 1):
        if not len(block):
            continue
        first, last = starts[block[0]], grams.bounds[filled[block[-1]] + 1]
        values, inner = grams.values[first:last], starts[block] - first
        for number in range(len(bands) * rows):
            # Odd multipliers and xors make each hash function a bijection of its own.
            salt = np.uint64((number + 1) * 0x9E3779B97F4A7C15 & _MASK)
            smallest = np.minimum.reduceat(_mixed((values ^ salt) * (salt | np.uint64(1))), inner)
            bands[number // rows, filled[block]] = _mixed(bands[number // rows, filled[block]]) + smallest
    return bands


def _rows(threshold: float) -> int:
    """Rows per band: as many as leave a pair at the threshold its chance 1 - (1 - t^r)^b to share a band."""
    fitting = [r for r in range(1, 17) if 1 - (1 - threshold**r) ** (_HASHES // r) >= _RECALL]
    return max(fitting, default=1)


def _candidates(order: _Positions, band: NDArray[np.uint64]) -> Iterator[tuple[_Positions, _Positions]]:
    """Yield the pairs of texts that share a bucket of a band, in blocks; order sorts the texts by it."""
    keys = band[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(keys)))
    for size in np.unique(sizes[sizes > 1]).tolist():
        buckets = starts[sizes == size]
        # All pairs of a crowd would be too many; where its texts resemble their neighbours, the chain joins it all the same.
        crowd = size > _CROWD
        a, b = (np.arange(size - 1), np.arange(1, size)) if crowd else np.triu_indices(size, 1)
        for part in np.array_split(buckets, -(-len(buckets) * len(a) // _PAIRS)):
            yield order[part[:, None] + a].ravel(), order[part[:, None] + b].ravel()


def _similar(grams: Grams, left: _Positions, right: _Positions, threshold: float) -> _Positions:
    """Which of the pairs have a Jaccard similarity of at least the threshold."""
    a, b = grams.sizes[left], grams.sizes[right]
    # At most the smaller set is shared; the tolerance leaves the decision at the border to the exact quotient.
    kept = np.flatnonzero(np.minimum(a, b) >= threshold * np.maximum(a, b) - 1e-6)
    work = np.cumsum(a[kept] + b[kept]) // _GRAMS
    parts = [
        part[_jaccard(grams, left[part], right[part]) >= threshold]
        for part in np.split(kept, np.flatnonzero(np.diff(work)) + 1)
    ]
    return np.concatenate(parts)


def _jaccard(grams: Grams, left: _Positions, right: _Positions) -> NDArray[np.float64]:
    """Jaccard similarity |A & B| / |A | B| of each pair."""
    both = np.stack([left, right], axis=1).ravel()
    counts = grams.sizes[both]
    pairs = np.repeat(np.arange(len(both)) // 2, counts)
    values = grams.values[np.arange(len(pairs)) + np.repeat(grams.bounds[both] - (np.cumsum(counts) - counts), counts)]
    order = np.lexsort((values, pairs))
    values, pairs = values[order], pairs[order]
    twice = (values[1:] == values[:-1]) & (pairs[1:] == pairs[:-1])
    shared = np.bincount(pairs[1:][twice], minlength=len(left))
    sizes = np.bincount(pairs, minlength=len(left))
    quotient: NDArray[np.float64] = shared / (sizes - shared)
    return quotient
