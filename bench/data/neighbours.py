"""Near duplicates: texts whose sets of word n-grams overlap, found with MinHash and locality-sensitive hashing.

Broder, "On the resemblance and containment of documents", 1997; Leskovec et al., "Mining of Massive Datasets", chapter 3.
"""

import hashlib
import re
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

_HASHES = 128
_RECALL = 0.98
_CROWD = 64
_WORD = re.compile(r"\w+")
_MASK = (1 << 64) - 1


def near_duplicates(texts: Sequence[str], *, ngram: int, threshold: float) -> list[tuple[int, int]]:
    """Find pairs of positions ``i < j`` whose word n-grams have a Jaccard similarity of at least ``threshold``.

    Words are compared without case; a text with fewer than ``ngram`` words is one n-gram. Texts without words have no
    neighbours. Each pair is verified on the exact sets; a pair at the threshold itself is found with a probability of
    98% or more, a closer one almost surely. The result depends on the texts alone, not on the machine or a seed.
    """
    sets = ngrams(texts, ngram)
    signatures = _signatures(sets)
    found = {
        pair
        for pair in _candidates(signatures, [bool(len(s)) for s in sets], threshold)
        if _jaccard(sets, pair) >= threshold
    }
    return sorted(found)


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


def ngrams(texts: Sequence[str], n: int) -> list[NDArray[np.uint64]]:
    """Sorted distinct 64-bit hashes of each text's n-grams."""
    vocabulary: dict[str, int] = {}
    sets = []
    for text in texts:
        hashes = []
        for word in _WORD.findall(text.casefold()):
            known = vocabulary.get(word)
            if known is None:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                known = vocabulary[word] = int.from_bytes(digest, "little")
            hashes.append(known)
        ids = np.array(hashes, dtype=np.uint64)
        grams = ids[: max(1, len(ids) - n + 1)].copy()
        for offset in range(1, min(n, len(ids))):
            grams = _mixed(grams) + ids[offset : offset + len(grams)]
        sets.append(np.unique(_mixed(grams)))
    return sets


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finaliser of SplitMix64 (Steele et al., OOPSLA 2014): a bijection that spreads close values over all 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signatures(sets: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Smallest value of each set under each hash function: uint64 ``[n, 128]``, zeros for an empty set."""
    signatures = np.zeros((len(sets), _HASHES), dtype=np.uint64)
    filled = [i for i, s in enumerate(sets) if len(s)]
    if not filled:
        return signatures
    values = np.concatenate([sets[i] for i in filled])
    starts = np.concatenate([[0], np.cumsum([len(sets[i]) for i in filled])[:-1]])
    for number in range(_HASHES):
        # Odd multipliers and xors make each hash function a bijection of its own.
        salt = np.uint64((number + 1) * 0x9E3779B97F4A7C15 & _MASK)
        hashed = (values ^ salt) * (salt | np.uint64(1))
        signatures[filled, number] = np.minimum.reduceat(_mixed(hashed), starts)
    return signatures


def _rows(threshold: float) -> int:
    """Rows per band: as many as leave a pair at the threshold its chance 1 - (1 - t^r)^b to share a band."""
    fitting = [r for r in range(1, 17) if 1 - (1 - threshold**r) ** (_HASHES // r) >= _RECALL]
    return max(fitting, default=1)


def _candidates(signatures: NDArray[np.uint64], filled: Sequence[bool], threshold: float) -> set[tuple[int, int]]:
    rows = _rows(threshold)
    found: set[tuple[int, int]] = set()
    for start in range(0, _HASHES - rows + 1, rows):
        buckets: dict[bytes, list[int]] = {}
        for position, band in enumerate(np.ascontiguousarray(signatures[:, start : start + rows])):
            if filled[position]:
                buckets.setdefault(band.tobytes(), []).append(position)
        for members in buckets.values():
            # A crowd is chained instead of paired off: the links join it all the same.
            found.update(combinations(members, 2) if len(members) <= _CROWD else pairwise(members))
    return found


def _jaccard(sets: Sequence[NDArray[np.uint64]], pair: tuple[int, int]) -> float:
    a, b = sets[pair[0]], sets[pair[1]]
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)
