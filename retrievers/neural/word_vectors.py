"""Word vectors that somebody else learned, for the terms of a vocabulary."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.errors import DataError
from retrievers.neural.vector_files import layout, read
from retrievers.neural.vectors import random_vectors
from retrievers.neural.vocabulary import Sequences, Vocabulary
from retrievers.text.analysis import Analyzer

SHOWN = 20
"""Missing words that are named."""


def vectors_of_file(
    path: Path,
    vocabulary: Vocabulary,
    texts: Sequence[Sequences],
    analyze: Analyzer,
    *,
    dimensions: int,
    rng: np.random.Generator,
    scale: float = 0.1,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Vectors ``[V, dimensions]`` of the vocabulary's rows, and what was found, as plain values.

    A term stands for several words (``run`` for run, runs, running and Running), and may be none itself (``oper``). Its vector is the
    mean of the words of the file that the analysis turns into this one term, each weighted by 1 / its line: the files
    list words by falling frequency, which falls about so (Zipf), hence this is nearly the mean over all occurrences of the
    term, and ``oper`` is operation rather than the rare word that is spelt so. Where there is none, a fastText model builds
    one from the term's parts. What is found is scaled to the standard deviation ``scale``; all else, the hash buckets among
    it, is drawn at random with the same one.

    texts: what is learned from, to tell which part of its tokens has no vector of the file. DataError if the file has other
    dimensions, or no word of the vocabulary.
    """
    how = layout(path)
    if how.dimensions != dimensions:
        raise DataError(f"{path} holds vectors of {how.dimensions} dimensions: give dimensions={how.dimensions}")
    row_of = _row_finder(vocabulary, analyze)
    words, places = read(path, how, lambda word: row_of(word) is not None)
    known = forms(words.index_to_key, places, row_of, len(vocabulary)) @ words.vectors
    whole = known.any(axis=1)
    if how.kind == "fasttext":
        for row, term in _rows(vocabulary):
            if not whole[row] and words.bucket:
                known[row] = words.get_vector(term)
    found = known.any(axis=1)
    if not np.isfinite(known).all():
        raise DataError(f"{path} is damaged: the vectors of some words are no numbers")
    if not found.any():
        raise DataError(f"{path} holds none of the {len(vocabulary.words)} words of the training texts")
    vectors = random_vectors(len(vocabulary), dimensions, rng, scale=scale)
    vectors[found] = known[found] * (scale / known[found].std())
    facts = {"file": path.name, "dimensions": dimensions, **_report(vocabulary, texts, found)}
    if how.kind == "fasttext":
        facts["from parts of words"] = int(found.sum() - whole.sum())
    return vectors, facts


def forms(words: Sequence[str], places: Sequence[int], row_of: Callable[[str], int | None], size: int) -> sp.csr_array:
    """Weights ``[size, len(words)]`` that take the vectors of words, which stand at these places of a file, to those of rows."""
    found = [(row, column) for column, word in enumerate(words) if (row := row_of(word)) is not None]
    rows, columns = np.array(found, dtype=np.int64).reshape(-1, 2).T
    weights = (1 / (1 + np.array(places)[columns])).astype(np.float32) if len(columns) else np.zeros(0, np.float32)
    total = np.bincount(rows, weights, minlength=size).astype(np.float32)
    return sp.csr_array((weights / total[rows], (rows, columns)), shape=(size, len(words)))


def _row_finder(vocabulary: Vocabulary, analyze: Analyzer) -> Callable[[str], int | None]:
    """What tells the row of a word that is one term of the vocabulary, None for others."""
    own = replace(analyze)  # a cache of its own: these are millions of words, never seen again
    rows = {term: row for row, term in _rows(vocabulary)}

    def row_of(word: str) -> int | None:
        return rows.get(terms[0]) if _is_word(word) and len(terms := own(word)) == 1 else None

    return row_of


def _rows(vocabulary: Vocabulary) -> Iterator[tuple[int, str]]:
    return enumerate(vocabulary.words, start=1 + vocabulary.buckets)


def _is_word(text: str) -> bool:
    """Whether it begins and ends as a word does; the analysis would also find the s in ``</s>``, which ends sentences."""
    return bool(text) and category(text[0])[0] in "LN" and category(text[-1])[0] in "LMN"


def _report(vocabulary: Vocabulary, texts: Sequence[Sequences], found: NDArray[np.bool_]) -> dict[str, Any]:
    missing = [term for row, term in _rows(vocabulary) if not found[row]]
    tokens = np.bincount(np.concatenate([part.flat for part in texts]), minlength=len(vocabulary))
    return {
        "found": int(found.sum()),
        "missing": len(missing),
        "missing part of tokens": round(float(tokens[~found].sum() / max(tokens.sum(), 1)), 4),
        "most frequent missing": missing[:SHOWN],
    }
