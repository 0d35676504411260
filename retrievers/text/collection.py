"""A collection as numbers of its distinct words, so that each word is analysed once however often it stands there."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from retrievers.text import words
from retrievers.text.analysis import Analyzer

Bytes = NDArray[np.uint8]

PIECE = 1 << 18
"""Characters that are read at once."""


class Collection:
    """Reads texts and numbers their words, in the order in which they are first met.

    A word is what an ``Analyzer`` analyses alone: a run of ASCII letters, digits and underscores, or, where there are other
    characters, all between two spaces, which NFKC and the rules of words of any script do not reach across.
    """

    def __init__(self) -> None:
        self._table = np.full(1 << 10, -1, dtype=np.int32)
        self._hashes = np.zeros(0, dtype=np.uint32)
        self._letters = np.zeros(0, dtype=np.uint8)
        self._ends = np.zeros(1, dtype=np.int64)
        self._known = 0

    @classmethod
    def of(cls, texts: Iterable[str]) -> tuple[Self, NDArray[np.int32], NDArray[np.int64]]:
        """A collection of these, and what ``read`` gives of all; texts are taken as they come and not kept."""
        collection, words, sizes = cls(), [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int64)]
        piece, size = list[str](), 0

        def end() -> None:
            found, counts = collection.read(piece)
            words.append(found)
            sizes.append(counts)

        for text in texts:
            piece.append(text)
            size += len(text)
            if size >= PIECE:
                end()
                piece, size = [], 0
        end()
        return collection, np.concatenate(words), np.concatenate(sizes)

    def read(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Numbers of the words of all texts, one after the other, and how many each text has, ``[len(texts)]``."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        found = np.empty(len(data) // 2 + len(texts), dtype=np.int32)
        self._reserve(len(found), len(data))
        counts = np.zeros(len(texts), dtype=np.int64)
        self._known = words.read(
            data, _kinds(), np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded))),
            self._table, self._hashes, self._letters, self._ends, self._known, found, counts,
        )  # fmt: skip
        return found[: counts[-1] if len(counts) else 0].copy(), np.diff(counts, prepend=0)

    def terms(self, analyze: Analyzer) -> tuple[dict[str, int], NDArray[np.int64], NDArray[np.int32]]:
        """Term -> its number, in the order in which terms are first met; word ``w`` has ``numbers[starts[w] : starts[w + 1]]``."""
        known: dict[str, int] = {}
        starts, numbers = np.zeros(self._known + 1, dtype=np.int64), list[int]()
        ends = self._ends[: self._known + 1].tolist()
        letters = self._letters[: ends[-1]].tobytes()
        for at, (start, end) in enumerate(pairwise(ends), start=1):
            for term in analyze.of_word(letters[start:end].decode("utf-8", "surrogatepass")):
                numbers.append(known.setdefault(term, len(known)))
            starts[at] = len(numbers)
        return known, starts, np.array(numbers, dtype=np.int32)

    def _reserve(self, count: int, size: int) -> None:
        """Room for so many more words, of so many bytes together."""
        possible = self._known + count
        if len(self._hashes) < possible:
            self._hashes = _longer(self._hashes, 2 * possible)
            self._ends = _longer(self._ends, 2 * possible + 1)
        used = int(self._ends[self._known]) + size
        if len(self._letters) < used:
            self._letters = _longer(self._letters, 2 * used)
        if len(self._table) < 2 * possible:
            self._table = np.full(1 << (4 * possible).bit_length(), -1, dtype=np.int32)
            words.settle(self._table, self._hashes, self._known)


def _longer(array: NDArray[Any], size: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros(size - len(array), dtype=array.dtype)])


@cache
def compile_reading() -> None:
    """Compile what reads texts by their words, or load it where it was compiled before."""
    collection, found, counts = Collection.of(["word " * 1_000])  # so long that the table of words has to grow
    terms, starts, numbers = collection.terms(Analyzer())
    words.distinct(found, counts, starts, numbers, 1 + len(terms), 1)


@cache
def _kinds() -> Bytes:
    """Kind of each byte."""
    kinds = np.full(256, words.OTHER, dtype=np.uint8)
    for byte in range(256):
        character = chr(byte)
        if byte >= 0x80:  # noqa: PLR2004 - where ASCII ends
            kinds[byte] = words.WIDE
        elif character.isalnum() or character == "_":
            kinds[byte] = words.WORD
        elif character in " \t\n\r\v\f":
            kinds[byte] = words.SPACE
    return kinds
