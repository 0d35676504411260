"""A linear ranking function learned from lists of candidates, a few of which are right."""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

PENALTY = 1e-3


class Lists(NamedTuple):
    """Candidates of many questions in one table.

    features: float32 ``[C, F]``, of similar scale. starts: int64 ``[Q + 1]``, question ``q`` owns the rows ``starts[q]`` to
    ``starts[q + 1]``. relevant: bool ``[C]``, at least one for each question.
    """

    features: NDArray[np.float32]
    starts: NDArray[np.int64]
    relevant: NDArray[np.bool_]


def learn(lists: Lists) -> NDArray[np.float64]:
    """Weights ``[F]`` of the lowest ``loss``; the problem is convex, so neither start nor seed matters."""
    start = np.zeros(lists.features.shape[1])
    weights: NDArray[np.float64] = minimize(partial(loss, lists), start, jac=True, method="L-BFGS-B").x
    return weights


def loss(lists: Lists, weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean softmax cross-entropy with labels that sum to 1 over a list (Bruch et al., ICTIR 2019), and its gradient.

    It is ListNet's top-one loss (Cao et al. 2007) with another target: relevance divided by its sum, not a softmax of it.

    ``PENALTY`` times the sum of the squared weights is added.
    """
    begins, sizes = lists.starts[:-1], np.diff(lists.starts)
    target = lists.relevant / np.repeat(np.add.reduceat(lists.relevant.astype(np.float64), begins), sizes)
    scores = lists.features @ weights
    scores -= np.repeat(np.maximum.reduceat(scores, begins), sizes)
    odds = np.exp(scores)
    totals = np.add.reduceat(odds, begins)
    value = (np.log(totals).sum() - target @ scores) / len(sizes) + PENALTY * (weights @ weights)
    slope = lists.features.T @ (odds / np.repeat(totals, sizes) - target) / len(sizes)
    return float(value), slope + 2 * PENALTY * weights
