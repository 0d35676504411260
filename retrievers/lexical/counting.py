"""Postings counted from the words of documents, compiled."""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled()


@_compiled
def count(words, texts, starts, numbers, terms):
    """Postings of ``terms`` terms: starts int64 ``[V + 1]``, docs int32, frequencies float32, and lengths int64 ``[N]``.

    words: int32, the words of one text after the other; text ``i`` has ``texts[i]`` of them. Word ``w`` stands for the terms
    ``numbers[starts[w] : starts[w + 1]]``.
    """
    seen = np.full(terms, -1, np.int32)
    lengths, places = np.zeros(len(texts), np.int64), np.zeros(terms + 1, np.int64)
    at = 0
    for text in range(len(texts)):
        for word in words[at : at + texts[text]]:
            for part in range(starts[word], starts[word + 1]):
                term = numbers[part]
                lengths[text] += 1
                if seen[term] != text:
                    seen[term] = text
                    places[term + 1] += 1
        at += texts[text]
    for term in range(terms):
        places[term + 1] += places[term]
    docs, frequencies = np.empty(places[terms], np.int32), np.empty(places[terms], np.float32)
    free = places[:-1].copy()
    seen[:] = -1
    at = 0
    for text in range(len(texts)):
        for word in words[at : at + texts[text]]:
            for part in range(starts[word], starts[word + 1]):
                term = numbers[part]
                if seen[term] == text:
                    frequencies[free[term] - 1] += 1
                else:
                    seen[term] = text
                    docs[free[term]], frequencies[free[term]] = text, 1
                    free[term] += 1
        at += texts[text]
    return places, docs, frequencies, lengths
