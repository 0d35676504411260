"""Summing impacts and keeping the best documents, compiled; the same bits whatever else is asked at the same time.

An index is ``starts`` int64 ``[V + 1]``, ``docs`` uint32 ``[P]``, rising for each term, and ``weights`` float32 ``[P]``.
A question is its distinct terms int32 and their factors float32; they are brought into the order of the terms, and added so.
"""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled()

TILE = 32_768
"""Documents whose scores are worked on together: their sums, 128 KB, stay in the cache of a core."""
BLOCK = 128
"""Scores that are compared with the threshold at once."""
GROUP = 32
"""And those of a block that reaches it."""
ZERO = np.int64(0)
"""A literal would be a type of its own, for which all it is passed to is compiled once more."""


@_compiled
def add_up(starts, docs, weights, terms, factors, total):
    """Add all impacts of a question to ``total``, float32 ``[N]``."""
    _sort(terms, factors, ZERO, len(terms))
    for i in range(len(terms)):
        _add(docs, weights, starts[terms[i]], starts[terms[i] + 1], factors[i], total, ZERO)


@_compiled
def best(starts, docs, weights, documents, terms, factors, ends, positions, scores):
    """The best of each question; question ``q`` owns ``terms[ends[q] : ends[q + 1]]``.

    Writes positions ``[Q, k]`` and scores ``[Q, k]`` of those above 0, the lower position first among equals, and leaves the
    rest as it is. Documents are taken tile by tile.
    """
    k = positions.shape[1]
    total = np.zeros(min(TILE, documents), np.float32)
    peaks, keys = _rooms(len(total), k, documents)
    longest = 0
    for row in range(len(positions)):
        longest = max(longest, ends[row + 1] - ends[row])
    reached = np.empty(longest, np.int64)
    for row in range(len(positions)):
        first, size = ends[row], ends[row + 1] - ends[row]
        _sort(terms, factors, first, size)
        for i in range(size):
            reached[i] = starts[terms[first + i]]
        found, lowest = ZERO, ZERO
        for base in range(0, documents, TILE):
            width = min(TILE, documents - base)
            added = 0
            for i in range(size):
                start, end = reached[i], starts[terms[first + i] + 1]
                if base + width < documents:
                    end = _first(docs, start, end, base + width)
                _add(docs, weights, start, end, factors[first + i], total, base)
                reached[i] = end
                added += end - start
            if added:
                found, lowest = _select(total, width, base, peaks, keys, k, found, lowest)
                total[:] = 0
        _write(keys, found, positions, scores, row)


@_compiled
def best_of(total, positions, scores, row):
    """The same of ready-made sums, float32 ``[N]``; writes ``positions[row]`` and ``scores[row]``."""
    k = positions.shape[1]
    peaks, keys = _rooms(len(total), k, len(total))
    found, _ = _select(total, len(total), ZERO, peaks, keys, k, ZERO, ZERO)
    _write(keys, found, positions, scores, row)


@_compiled
def _sort(terms, factors, first, size):
    """Order a question's terms by their numbers; there are few."""
    for place in range(first + 1, first + size):
        term, factor, free = terms[place], factors[place], place
        while free > first and terms[free - 1] > term:
            terms[free], factors[free] = terms[free - 1], factors[free - 1]
            free -= 1
        terms[free], factors[free] = term, factor


@_compiled
def _add(docs, weights, start, end, factor, total, base):
    base = np.uint32(base)
    docs, weights = docs[start:end], weights[start:end]  # whose places need no check for a count from the end
    for at in range(len(docs)):
        total[docs[at] - base] += factor * weights[at]


@_compiled
def _first(docs, start, end, bound):
    """The first place from ``start`` on whose document is not below a bound, found by steps of twice the length each."""
    step, low, high = 1, start, start
    while high < end and docs[high] < bound:
        low = high + 1
        high += step
        step *= 2
    high = min(high, end)
    while low < high:
        middle = (low + high) >> 1
        if docs[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def _rooms(width, k, documents):
    """Room for the maxima of blocks, and for the keys that may be among the best k."""
    blocks = (width + BLOCK - 1) // BLOCK
    return np.empty(blocks, np.int32), np.empty(max(min(4 * k, documents), blocks), np.int64)


@_compiled
def _select(total, width, base, peaks, keys, k, found, lowest):  # noqa: C901 - a block, a group of it, a score of that
    """Collect the scores that may be among the best k, as keys; how many there are, and the bits above which a score counts.

    A key holds the bits of a score, which of two floats above 0 are larger for the larger, and below them how far the
    position is from the last. When the keys are full, all but the best k are dropped. Most scores are only compared as a
    block.
    """
    bits = total.view(np.int32)
    blocks = (width + BLOCK - 1) // BLOCK
    for block in range(blocks):
        peaks[block] = _largest(bits[block * BLOCK : min((block + 1) * BLOCK, width)])
    if not found and k <= blocks:  # k blocks have a score as high as the k-th largest of their maxima
        for block in range(blocks):
            keys[block] = peaks[block]
        _part(keys, blocks, k)
        lowest = max(keys[k - 1] - 1, 0)
    for block in range(blocks):
        if peaks[block] > lowest:
            end = min((block + 1) * BLOCK, width)
            for start in range(block * BLOCK, end, GROUP):
                group = bits[start : min(start + GROUP, end)]
                if _largest(group) > lowest:
                    for place in range(len(group)):
                        if group[place] > lowest:
                            if found == len(keys):
                                _part(keys, found, k)
                                found, lowest = k, keys[k - 1] >> 32
                            keys[found] = np.int64(group[place]) << 32 | (0xFFFFFFFF - (base + start + place))
                            found += 1
    return found, lowest


@_compiled
def _largest(bits):
    largest = np.int32(0)
    for place in range(len(bits)):
        value = bits[place]
        largest = value if value > largest else largest  # noqa: FURB136 - becomes vector instructions, max() does not
    return largest


@_compiled
def _part(keys, size, k):
    """Bring the largest k of the first keys to the front, the least of them to the last place (Hoare's selection)."""
    low, high = 0, size - 1
    while low < high:
        a, b, c = keys[low], keys[(low + high) >> 1], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        left, right = low, high
        while left <= right:
            while keys[left] > pivot:
                left += 1
            while keys[right] < pivot:
                right -= 1
            if left <= right:
                keys[left], keys[right] = keys[right], keys[left]
                left += 1
                right -= 1
        if k - 1 <= right:
            high = right
        elif k - 1 >= left:
            low = left
        else:
            break


@_compiled
def _write(keys, found, positions, scores, row):
    """Order the best keys, by a heap."""
    if found > positions.shape[1]:
        _part(keys, found, positions.shape[1])
        found = positions.shape[1]
    for place in range(found // 2 - 1, -1, -1):
        _sink(keys, found, place, keys[place])
    for rank in range(found - 1, -1, -1):
        key = keys[0]
        positions[row, rank] = 0xFFFFFFFF - (key & 0xFFFFFFFF)
        scores[row, rank] = np.int32(key >> 32).view(np.float32)
        _sink(keys, rank, ZERO, keys[rank])


@_compiled
def _sink(keys, size, place, key):
    """Put a key at a place of a heap of keys whose least is the first, or below it."""
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[place] = keys[child]
        place = child
    keys[place] = key
