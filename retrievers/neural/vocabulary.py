"""Tokens to integer ids, and the ragged arrays that hold the ids of many texts."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from retrievers.text.analysis import Analyzer
from retrievers.text.collection import Collection
from retrievers.text.words import distinct

PAD = 0
"""The id of no word; its vector is zero and stays zero."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training texts and how many texts hold each.

    Row 0 of an embedding is padding; then come ``buckets`` rows that all other words share by hash, so that a word never
    seen in training still equals itself; then one row per word.
    """

    words: tuple[str, ...]
    frequencies: tuple[int, ...]
    texts: int
    buckets: int = 0

    @classmethod
    def build(cls, texts: Iterable[Sequence[str]], *, min_count: int = 2, buckets: int = 0) -> Self:
        """Keep the words that occur at least ``min_count`` times in the tokenised texts, most frequent first."""
        counts: Counter[str] = Counter()
        frequencies: Counter[str] = Counter()
        total = 0
        for tokens in texts:
            counts.update(tokens)
            frequencies.update(set(tokens))
            total += 1
        kept = sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))
        return cls(tuple(kept), tuple(frequencies[word] for word in kept), total, buckets)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Inverse of ``dataclasses.asdict`` after a way through JSON."""
        return cls(tuple(stored["words"]), tuple(stored["frequencies"]), stored["texts"], stored["buckets"])

    def __len__(self) -> int:
        """Rows of an embedding: padding, buckets and words."""
        return 1 + self.buckets + len(self.words)

    @cached_property
    def idf(self) -> NDArray[np.float32]:
        """Weight of each row, ``log(1 + (N - df + 0.5) / (df + 0.5))`` (Lucene's BM25); a bucket weighs as df = 1, padding 0."""
        frequencies = np.concatenate([np.ones(1 + self.buckets), np.asarray(self.frequencies, dtype=np.float64)])
        weights = np.log1p((max(self.texts, 1) - frequencies + 0.5) / (frequencies + 0.5))
        weights[PAD] = 0.0
        return weights.astype(np.float32)

    def encode(self, tokens: Iterable[str], limit: int | None = None, *, repeats: bool = False) -> list[int]:
        """Ids of the first ``limit`` known tokens; unless ``repeats``, a token counts only where it first stands."""
        known = (i for i in map(self._id, tokens) if i != PAD)
        return list(islice(known if repeats else dict.fromkeys(known), limit))

    def encode_all(
        self, texts: Iterable[Iterable[str]], limit: int | None = None, *, repeats: bool = False
    ) -> "Sequences":
        """``encode`` for each text."""
        return Sequences.of([self.encode(tokens, limit, repeats=repeats) for tokens in texts])

    def read(self, texts: Iterable[str], analyze: Callable[[str], list[str]], limit: int) -> "Sequences":
        """``encode_all`` of what ``analyze`` makes of each text; an ``Analyzer`` sees every distinct word once."""
        if type(analyze) is not Analyzer:  # whose rules may look at more than a word
            return self.encode_all(map(analyze, texts), limit)
        collection, words, sizes = Collection.of(texts)
        terms, starts, numbers = collection.terms(analyze)
        ids = np.fromiter(map(self._id, terms), dtype=np.int32, count=len(terms))
        return Sequences(*distinct(words, sizes, starts, ids[numbers], len(self), limit))

    @cached_property
    def _ids(self) -> dict[str, int]:
        first = 1 + self.buckets
        return {word: first + i for i, word in enumerate(self.words)}

    def _id(self, word: str) -> int:
        found = self._ids.get(word)
        if found is not None:
            return found
        return 1 + zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.buckets if self.buckets else PAD


class Sequences(NamedTuple):
    """Many sequences of ids in one flat array: sequence ``i`` is ``flat[starts[i] : starts[i + 1]]``."""

    flat: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Concatenate the rows."""
        starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        flat = np.fromiter((i for row in rows for i in row), dtype=np.int32, count=int(starts[-1]))
        return cls(flat, starts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of ids in each sequence."""
        return np.diff(self.starts)

    def padded(self, rows: NDArray[np.int64], width: int | None = None) -> NDArray[np.int32]:
        """The chosen sequences as a matrix ``[len(rows), width]``, ``PAD`` on the right; by default as wide as the longest."""
        starts = self.starts[rows]
        lengths = self.starts[rows + 1] - starts
        columns = np.arange(int(lengths.max(initial=0)) if width is None else width)
        inside = columns < lengths[:, None]
        matrix = np.full(inside.shape, PAD, dtype=np.int32)
        matrix[inside] = self.flat[(starts[:, None] + columns)[inside]]
        return matrix
