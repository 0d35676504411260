"""How often each term stands in each document: the inverted file before any weighting."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.api import Doc, Env

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
        sizes = np.frombuffer(lengths, dtype=np.int64) if lengths else np.zeros(0, dtype=np.int64)
        ends = np.concatenate([[0], np.cumsum(sizes)])
        shape = (len(sizes), len(numbers))
        by_document = sp.csr_array(
            (np.ones(len(flat), dtype=np.float32), np.asarray(flat, dtype=np.int32), ends), shape
        )
        by_document.sum_duplicates()
        postings = by_document.tocsc()
        return cls(
            dict(numbers),
            postings.indptr.astype(np.int64),
            postings.indices.astype(np.int32, copy=False),
            postings.data,
            sizes,
        )

    @property
    def document_frequencies(self) -> NDArray[np.int64]:
        """In how many documents each term stands, int64 ``[V]``."""
        return np.diff(self.starts)


def analysed(corpus: Sequence[Doc], analyze: Callable[[str], list[str]], env: Env) -> Iterator[list[str]]:
    """Terms of each document, telling now and then how far it is: analysis is most of the work of indexing."""
    for number, doc in enumerate(corpus, start=1):
        yield analyze(doc.content)
        if number % _REPORT_EVERY == 0:
            env.progress(number / len(corpus), f"analysed {number:,} of {len(corpus):,} documents")


def bag(terms: Iterable[str], numbers: Mapping[str, int]) -> Counter[int]:
    """A question as term number -> how often it stands there; terms that no document holds are left out."""
    return Counter(numbers[term] for term in terms if term in numbers)
