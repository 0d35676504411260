"""BM25 and its relatives: what one occurrence of a term adds to a document's score.

Notation: N documents, df of them hold the term, tf times in this one; norm = 1 - b + b * length / mean length.
The variants are those compared by Kamphuis et al., Which BM25 do you mean? (ECIR 2020), table 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrievers.lexical.counts import TermCounts

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Variant:
    """``idf(df, N)`` times ``gain(tf, norm, k1, delta)``; ``delta`` is what its authors use, 0 where there is none."""

    idf: Callable[[NDArray[np.int64], int], NDArray[np.float64]]
    gain: Callable[[Floats, Floats, float, float], Floats]
    delta: float = 0.0


def weights(counts: TermCounts, variant: Variant, k1: float, b: float, delta: float) -> NDArray[np.float32]:
    """The score that each posting adds for one occurrence of its term in the question, float32 ``[P]``."""
    documents = len(counts.lengths)
    mean = max(counts.lengths.sum(), 1) / max(documents, 1)
    norms = (1 - b + b * counts.lengths / mean).astype(np.float32)
    frequencies = counts.document_frequencies
    idf = variant.idf(frequencies, documents).astype(np.float32)
    gains = variant.gain(counts.frequencies, norms[counts.docs], k1, delta)
    return (np.repeat(idf, frequencies) * gains).astype(np.float32, copy=False)


def _idf_robertson(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    # A term in more than half of the documents would count against them; like most implementations, let it count nothing.
    return np.maximum(_log_odds(df, n), 0.0)


def _idf_lucene(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.log1p((n - df + 0.5) / (df + 0.5))


def _idf_atire(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.log(n / df)


def _idf_plus(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.log((n + 1) / df)


def _idf_l(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.log((n + 1) / (df + 0.5))


def _idf_rank_okapi(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    idf = _log_odds(df, n)
    if len(idf):
        idf[idf < 0] = 0.25 * idf.mean()
    return idf


def _log_odds(df: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = np.log(n - df + 0.5) - np.log(df + 0.5)
    return odds


def _saturated(tf: Floats, norm: Floats, k1: float, _: float) -> Floats:
    return tf / (tf + k1 * norm)


def _scaled(tf: Floats, norm: Floats, k1: float, _: float) -> Floats:
    return (k1 + 1) * tf / (tf + k1 * norm)


def _lower_bounded(tf: Floats, norm: Floats, k1: float, delta: float) -> Floats:
    return _scaled(tf, norm, k1, 0.0) + delta


def _long_documents(tf: Floats, norm: Floats, k1: float, delta: float) -> Floats:
    shifted = tf / norm + delta
    return (k1 + 1) * shifted / (k1 + shifted)


def _rank_l(tf: Floats, norm: Floats, k1: float, delta: float) -> Floats:
    return tf * _long_documents(tf, norm, k1, delta)


VARIANTS = {
    # Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with the IDF of Lucene, which is never negative.
    "lucene": Variant(_idf_lucene, _saturated),
    # The same with the IDF of the paper.
    "robertson": Variant(_idf_robertson, _saturated),
    # Trotman, Jia & Crane, Towards an efficient and effective search engine (2012).
    "atire": Variant(_idf_atire, _scaled),
    # Lv & Zhai, Lower-bounding term frequency normalization (CIKM 2011): only documents that hold the term get delta.
    "plus": Variant(_idf_plus, _lower_bounded, delta=1.0),
    # Lv & Zhai, When documents are very long, BM25 fails! (SIGIR 2011).
    "l": Variant(_idf_l, _long_documents, delta=0.5),
    # What the package rank_bm25 (0.2.2) computes, for comparison. Okapi: a negative IDF becomes a quarter of the mean IDF.
    "rank-okapi": Variant(_idf_rank_okapi, _scaled),
    # Plus: every document gets delta for every term, a constant of the question that moves no document; left out here.
    "rank-plus": Variant(_idf_plus, _scaled),
    # L: multiplied by the term frequency once more than in the paper.
    "rank-l": Variant(_idf_l, _rank_l, delta=0.5),
}
"""Name, as given in a spec -> formula."""
