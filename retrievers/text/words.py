"""The distinct words of a collection, found and numbered by compiled code.

A vocabulary is ``table`` int32 ``[2 ** n]``, open addressing of the numbers of words, -1 where free; ``hashes`` uint32 ``[W]``;
``letters`` uint8 and ``ends`` int64 ``[W + 1]``, word ``w`` being ``letters[ends[w] : ends[w + 1]]``.
"""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled()

OTHER, WORD, SPACE, WIDE = 0, 1, 2, 3
"""Kinds of bytes of UTF-8: letters, digits and underscores of ASCII; its white space; parts of other characters."""


@_compiled
def read(data, kinds, texts, table, hashes, letters, ends, known, found, counts):
    """Number the words of many texts, in order; how many words are known then, ``known`` of them from before.

    data: UTF-8, uint8; text ``i`` ends at ``texts[i]``. kinds: uint8 ``[256]``, kind of each byte. Writes found, int32, the
    numbers, and counts, int64, how many there are up to the end of each text. Everything has room for what may come.

    A word is a run of bytes of kind WORD; but all between two spaces is one word if a byte of it is WIDE.
    """
    count, start = 0, 0
    mask = np.uint32(len(table) - 1)
    for text in range(len(texts)):
        while start < texts[text]:
            end, wide = start, False
            while end < texts[text] and kinds[data[end]] != SPACE:
                wide = wide or kinds[data[end]] == WIDE
                end += 1
            while start < end:
                first, code = start, np.uint32(2166136261)  # FNV-1a
                while start < end and (wide or kinds[data[start]] == WORD):
                    code = np.uint32((code ^ data[start]) * np.uint32(16777619))
                    start += 1
                if start > first:
                    place = np.uint32(code ^ (code >> np.uint32(15))) & mask
                    number = table[place]
                    while number >= 0 and not (
                        hashes[number] == code and _same(letters, ends[number], ends[number + 1], data, first, start)
                    ):
                        place = np.uint32(place + np.uint32(1)) & mask
                        number = table[place]
                    if number < 0:
                        number = np.int32(known)
                        table[place], hashes[known] = number, code
                        ends[known + 1] = ends[known] + start - first
                        for at in range(start - first):
                            letters[ends[known] + at] = data[first + at]
                        known += 1
                    found[count] = number
                    count += 1
                else:
                    start += 1
            start = end + 1
        start = texts[text]
        counts[text] = count
    return known


@_compiled
def distinct(words, texts, starts, ids, rows, limit):
    """The first ``limit`` distinct ids of each text, one text after the other, int32, and the end of each ``[len(texts) + 1]``.

    words: int32, text ``i`` has ``texts[i]`` of them, one text after the other; word ``w`` stands for ``ids[starts[w] :
    starts[w + 1]]``, below ``rows``, of which 0 is none.
    """
    room = 0
    for word in words:
        room += starts[word + 1] - starts[word]
    flat, ends = np.empty(min(room, len(texts) * limit), np.int32), np.zeros(len(texts) + 1, np.int64)
    seen = np.full(rows, -1, np.int32)
    first = found = 0
    for text in range(len(texts)):
        seen[0] = text
        stop = found + limit
        for word in words[first : first + texts[text]]:
            for part in range(starts[word], starts[word + 1]):
                if seen[ids[part]] != text and found < stop:
                    seen[ids[part]] = text
                    flat[found] = ids[part]
                    found += 1
        first += texts[text]
        ends[text + 1] = found
    return flat[:found].copy(), ends


@_compiled
def _same(letters, start, end, data, first, stop):
    if end - start != stop - first:
        return False
    for at in range(end - start):  # noqa: SIM110 - compiled code has no all()
        if letters[start + at] != data[first + at]:
            return False
    return True


@_compiled
def settle(table, hashes, known):
    """Enter the first ``known`` words into an empty table."""
    mask = np.uint32(len(table) - 1)
    for number in range(known):
        place = np.uint32(hashes[number] ^ (hashes[number] >> np.uint32(15))) & mask
        while table[place] >= 0:
            place = np.uint32(place + np.uint32(1)) & mask
        table[place] = number
