"""Exact search by inner product: tiles of scores, the k best kept; nothing as large as queries x documents is held."""

import torch
from torch import Tensor

TILE_QUERIES = 64
TILE_DOCUMENTS = 1 << 16
"""A tile of scores is 16 MB at most: it stays in the last cache, and the selection sees wide rows."""


def top_k(queries: Tensor, documents: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Positions int64 and scores float32, both ``[Q, min(k, N)]``, of the documents with the largest inner products.

    queries ``[Q, D]`` and documents ``[N, D]``, float32 on one device; for unit vectors the scores are cosines. Best first;
    equal scores keep the lower position. The result stays on the device.
    """
    k = min(k, len(documents))
    positions = torch.empty((len(queries), k), dtype=torch.int64, device=queries.device)
    scores = torch.empty((len(queries), k), dtype=torch.float32, device=queries.device)
    for start in range(0, len(queries) if k else 0, TILE_QUERIES):
        rows = slice(start, start + TILE_QUERIES)
        positions[rows], scores[rows] = _search_rows(queries[rows], documents, k)
    return positions, scores


def _search_rows(queries: Tensor, documents: Tensor, k: int) -> tuple[Tensor, Tensor]:
    best: tuple[Tensor, Tensor] | None = None
    for start in range(0, len(documents), TILE_DOCUMENTS):
        tile = queries @ documents[start : start + TILE_DOCUMENTS].T
        positions, scores = select(tile, min(k, tile.shape[1]))
        positions += start
        if best is not None:
            positions, scores = torch.cat([best[0], positions], 1), torch.cat([best[1], scores], 1)
            chosen, scores = select(scores, min(k, scores.shape[1]))
            positions = positions.gather(1, chosen)
        best = positions, scores
    if best is None:
        raise ValueError("no documents to search")
    return best


def select(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Columns and scores of the k largest of each row; of equal ones the first columns, in order."""
    values, columns = scores.topk(min(k + 1, scores.shape[1]))
    if values.shape[1] > k:  # where the first that is left out equals the last that is kept, topk chose freely
        ambiguous = (values[:, k - 1] == values[:, k]).nonzero()[:, 0]
        values, columns = values[:, :k], columns[:, :k]
        order = scores[ambiguous].argsort(dim=1, descending=True, stable=True)[:, :k]
        columns[ambiguous], values[ambiguous] = order, scores[ambiguous].gather(1, order)
    columns, by_column = columns.sort(1)
    values, by_value = values.gather(1, by_column).sort(dim=1, descending=True, stable=True)
    return columns.gather(1, by_value), values
