"""The one ranking rule, trec_eval's: scores compared as float32, descending; equal scores by document id, descending."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.api import Hits
from bench.errors import DataError, HitsError
from bench.measure.columns import check_fields, numbered_lines, write_lines

_BLOCK_HITS = 1 << 20  # hits ordered at a time; temporaries stay below some 100 MB
_RANK_BITS = np.uint64(32)
_RANK_MASK = np.uint64(2**32 - 1)
_SIGN = np.uint32(2**31)
_ALL = np.uint32(2**32 - 1)
_FLOAT32_LIMIT = 2.0**128 - 2.0**103  # from here on a number rounds to an infinite float32


@dataclass(frozen=True)
class Run:
    """A ranking of documents for each query in canonical order; a query may have none.

    query_ids: Q ids.
    doc_ids: for each query its documents, best first.
    scores: for each query float32, as long as its ``doc_ids``, never rising, finite, read-only.
    """

    query_ids: tuple[str, ...]
    doc_ids: tuple[tuple[str, ...], ...]
    scores: tuple[NDArray[np.float32], ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        same_ids = (self.query_ids, self.doc_ids) == (other.query_ids, other.doc_ids)
        return same_ids and all(map(np.array_equal, self.scores, other.scores))

    def __hash__(self) -> int:
        return hash((self.query_ids, self.doc_ids))


def canonical(hits: Hits, query_ids: Sequence[str], doc_ids: Sequence[str], k: int) -> Run:
    """Bring what a retriever returned into the one order, whatever order it came in.

    hits: for each of the Q queries at most k positions in ``doc_ids``; a pad (-1) may stand anywhere in a row.
    Raises HitsError, naming the query, for anything that is not a ranking. Infinite scores are refused too: they are a
    mask that leaked, where a pad is meant, or an overflow, and would tie documents that the retriever tells apart.
    """
    _check_distinct("query", query_ids)
    _check_distinct("document", doc_ids)
    _check_arrays(hits, len(query_ids), k)
    by_id = sorted(range(len(doc_ids)), key=doc_ids.__getitem__)
    ids = np.array(["", *map(doc_ids.__getitem__, by_id)], dtype=object)
    id_ranks = np.zeros(len(ids), dtype=np.uint64)
    id_ranks[by_id] = np.arange(1, len(ids))  # the last entry stays 0, where the position -1 of a pad finds it

    rows: list[tuple[str, ...]] = []
    row_scores: list[NDArray[np.float32]] = []
    step = max(1, _BLOCK_HITS // max(1, hits.positions.shape[1]))
    for start in range(0, len(query_ids), step):
        block = slice(start, start + step)
        positions = hits.positions[block].astype(np.int64, copy=False)
        with np.errstate(over="ignore"):  # a float64 too large becomes infinite, which is refused
            scores = hits.scores[block].astype(np.float32, copy=False)
        _check_values(positions, scores, query_ids[block], doc_ids)
        keys = _keys(scores, id_ranks[positions])
        keys.sort(axis=1)
        best_first = keys[:, ::-1]
        lengths = np.count_nonzero(keys, axis=1).tolist()
        names = ids[(best_first & _RANK_MASK).astype(np.int64)].tolist()
        rows += [tuple(row[:n]) for row, n in zip(names, lengths, strict=True)]
        row_scores += [row[:n] for row, n in zip(_scores(best_first), lengths, strict=True)]
    return Run(tuple(query_ids), tuple(rows), tuple(row_scores))


def write_trec(run: Run, path: Path, tag: str) -> None:
    """Write lines of ``query Q0 document rank score tag``, gzipped when the name ends in ``.gz``; same run, same bytes.

    Scores are printed so that the float32 comes back; a query without documents leaves no line. Raises DataError for an
    id or a tag that the format cannot hold, StoreError when the file cannot be written.
    """
    for what, texts in (("query id", run.query_ids), ("document id", chain(*run.doc_ids)), ("tag", (tag,))):
        check_fields(path, what, texts)
    write_lines(path, _lines(run, tag))


def read_trec(path: Path) -> Run:
    """Read a TREC run, gzipped when the name ends in ``.gz``; as in trec_eval the scores order it, not the ranks.

    Raises DataError naming file and line for a damaged line, a score that is no finite float32, a document twice.
    """
    found: dict[str, dict[str, float]] = {}
    for number, line in numbered_lines(path):
        try:
            query_id, _, doc_id, _, text, _ = (part.decode("utf-8", "surrogatepass") for part in line.split())
            score = float(text)
        except ValueError:
            raise DataError(f"{path}:{number}: not a line of 'query Q0 document rank score tag'") from None
        if not abs(score) < _FLOAT32_LIMIT:
            raise DataError(f"{path}:{number}: score {text} is not a finite float32")
        row = found.setdefault(query_id, {})
        if doc_id in row:
            raise DataError(f"{path}:{number}: document {doc_id!r} stands twice for query {query_id!r}")
        row[doc_id] = score
    ranked = [_ranked(row) for row in found.values()]
    return Run(tuple(found), tuple(ids for ids, _ in ranked), tuple(scores for _, scores in ranked))


def _check_distinct(what: str, ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        twice, _ = Counter(ids).most_common(1)[0]
        raise DataError(f"{what} id {twice!r} stands twice; a ranking needs distinct ids")


def _check_arrays(hits: Hits, queries: int, k: int) -> None:
    wanted: tuple[tuple[str, Any, str, str], ...] = (
        ("positions", hits.positions, "iu", "integer"),
        ("scores", hits.scores, "f", "float"),
    )
    for name, array, kinds, noun in wanted:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise HitsError(f"{name} of hits must be a numpy array of {noun} type, not {found}")
    shape = hits.positions.shape
    if len(shape) != 2 or shape[0] != queries or shape != hits.scores.shape:  # noqa: PLR2004
        raise HitsError(
            f"positions {shape} and scores {hits.scores.shape} must both have shape ({queries}, at most {k})"
        )
    if shape[1] > k:
        raise HitsError(f"{shape[1]} hits for each query where at most k = {k} were asked for")


def _check_values(
    positions: NDArray[np.int64], scores: NDArray[np.float32], query_ids: Sequence[str], doc_ids: Sequence[str]
) -> None:
    if at := _first((positions < -1) | (positions >= len(doc_ids))):
        raise HitsError(f"query {query_ids[at[0]]!r}: position {positions[at]} in a corpus of {len(doc_ids)} documents")
    if at := _first((positions >= 0) & ~np.isfinite(scores)):
        raise HitsError(f"query {query_ids[at[0]]!r}: document {doc_ids[positions[at]]!r} has the score {scores[at]}")
    in_order = np.sort(positions, axis=1)
    if at := _first((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)):
        raise HitsError(f"query {query_ids[at[0]]!r}: document {doc_ids[in_order[at]]!r} is returned twice")


def _first(found: NDArray[np.bool_]) -> tuple[int, int] | None:
    if not found.any():
        return None
    row, column = divmod(int(found.argmax()), found.shape[1])
    return row, column


def _keys(scores: NDArray[np.float32], id_ranks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One integer for each hit that orders as (score, document id) does; 0 for a pad.

    The bits of a float32 order like its value once those of negative numbers are flipped and the sign of others is set.
    Sorting one integer is several times faster than sorting by two keys.
    """
    bits = (scores + np.float32(0)).view(np.uint32)  # adding 0 turns -0 into 0, which it equals
    ordered = bits ^ np.where(bits & _SIGN, _ALL, _SIGN)
    return np.where(id_ranks, (ordered.astype(np.uint64) << _RANK_BITS) | id_ranks, np.uint64(0))


def _scores(keys: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Read the scores back out of ``_keys``."""
    ordered = (keys >> _RANK_BITS).astype(np.uint32)
    scores = (ordered ^ np.where(ordered & _SIGN, _SIGN, _ALL)).view(np.float32)
    scores.flags.writeable = False
    return scores


def _ranked(row: dict[str, float]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    rounded = np.fromiter(row.values(), dtype=np.float32, count=len(row)).tolist()
    best_first = sorted(zip(rounded, row, strict=True), reverse=True)
    scores = np.array([score for score, _ in best_first], dtype=np.float32)
    scores.flags.writeable = False
    return tuple(doc_id for _, doc_id in best_first), scores


def _lines(run: Run, tag: str) -> Iterator[bytes]:
    """All lines of one query at a time."""
    for query_id, doc_ids, scores in zip(run.query_ids, run.doc_ids, run.scores, strict=True):
        ranked = enumerate(zip(doc_ids, scores, strict=True), start=1)
        lines = [f"{query_id} Q0 {doc_id} {rank} {score!s} {tag}\n" for rank, (doc_id, score) in ranked]
        yield "".join(lines).encode("utf-8", "surrogatepass")
