"""What approximate search misses: questions for which the nearest documents are known."""

from torch import Tensor

from retrievers.neural.ann import Neighbours
from retrievers.neural.cosine import top_k

TOLERANCE = 1e-5
"""Two inner products that differ by less are one, added up in another order."""


class RecallSample:
    """Questions ``[Q, D]`` and how near the k nearest of the vectors ``[N, D]`` are to them, by exact search.

    They ought to be questions of people: documents asked for their own neighbours are found far more easily, since an index
    is made for vectors that lie as they do. Questions of 0, without a known word, are not asked: all is equally near to them.
    """

    def __init__(self, vectors: Tensor, queries: Tensor, *, k: int = 10) -> None:
        self._k = k
        self._asked = queries[queries.any(dim=1)]
        self._lowest = top_k(self._asked, vectors, k)[1].cpu()[:, -1:]

    def recall(self, approximate: Neighbours, vectors: Tensor | None = None) -> float:
        """Part of the k nearest that the approximate search finds; 1 where there is nothing to ask or to find.

        What it finds counts if it is as near as the true k-th (as in ann-benchmarks; Aumüller et al. 2020), so that of several
        equal vectors any will do. vectors ``[N, D]``: tell how near, where the scores of the search are rounded.
        """
        positions, scores = (part.cpu() for part in approximate.search(self._asked, self._k))
        if vectors is not None:
            found = vectors[positions.to(vectors.device)].double()
            scores = (found @ self._asked.double().to(found.device)[:, :, None])[..., 0].cpu()
        if not positions.numel():
            return 1.0
        hits = (positions >= 0) & (scores >= self._lowest - TOLERANCE)
        return hits.double().mean().item()
