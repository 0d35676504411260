"""How often each term stands in each document: the inverted file before any weighting."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Env
from retrievers.lexical.counting import count
from retrievers.text.analysis import Analyzer
from retrievers.text.collection import Collection

_REPORT_EVERY = 5_000


class TermCounts(NamedTuple):
    """Postings of ``V`` terms over ``N`` documents, in the order of terms and, for a term, of the corpus.

    terms: term -> its number. starts: int64 ``[V + 1]``, term ``t`` owns the postings ``starts[t]`` to ``starts[t + 1]``.
    docs: int32 ``[P]``, position of the document. frequencies: float32 ``[P]``, how often the term stands in it.
    lengths: int64 ``[N]``, terms in each document, repeats included.
    """

    terms: dict[str, int]
    starts: NDArray[np.int64]
    docs: NDArray[np.int32]
    frequencies: NDArray[np.float32]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> Self:
        """Count analysed documents; each is read once and not kept."""
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__  # the next free number, without a Python call for each term
        flat, lengths = array("i"), array("q")
        for terms in texts:
            lengths.append(len(terms))
            flat.extend(map(numbers.__getitem__, terms))
        itself = np.arange(len(numbers) + 1)
        words, sizes = np.array(flat, dtype=np.int32), np.array(lengths, dtype=np.int64)
        return cls(dict(numbers), *count(words, sizes, itself, itself[:-1].astype(np.int32), len(numbers)))

    @classmethod
    def read(cls, corpus: Sequence[Doc], analyze: Analyzer, env: Env) -> Self:
        """The same as ``of(analysed(corpus, analyze, env))``, except that each distinct word is analysed once."""
        if type(analyze) is not Analyzer:  # whose rules may look at more than a word
            return cls.of(analysed(corpus, analyze, env))
        collection, words, sizes = Collection.of(_reported(corpus, env))
        terms, starts, numbers = collection.terms(analyze)
        return cls(terms, *count(words, sizes, starts, numbers, len(terms)))

    @property
    def document_frequencies(self) -> NDArray[np.int64]:
        """In how many documents each term stands, int64 ``[V]``."""
        return np.diff(self.starts)


def analysed(corpus: Sequence[Doc], analyze: Callable[[str], list[str]], env: Env) -> Iterator[list[str]]:
    """Terms of each document."""
    return map(analyze, _reported(corpus, env))


def _reported(corpus: Sequence[Doc], env: Env) -> Iterator[str]:
    """Texts of all documents, telling now and then how far it is."""
    for number, doc in enumerate(corpus, start=1):
        yield doc.content
        if number % _REPORT_EVERY == 0:
            env.progress(number / len(corpus), f"read {number:,} of {len(corpus):,} documents")


def bag(terms: Iterable[str], numbers: Mapping[str, int]) -> Counter[int]:
    """A question as term number -> how often it stands there; terms that no document holds are left out."""
    return Counter(numbers[term] for term in terms if term in numbers)
