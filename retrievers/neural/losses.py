"""What the dual encoders minimise: functions of similarities, the diagonal of a matrix holding the positives."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention


def in_batch_softmax(similarity: Tensor, temperature: Tensor, also_relevant: Tensor) -> Tensor:
    """Symmetric cross-entropy with the other pairs of the batch as negatives (CLIP; Radford et al. 2021, figure 3).

    similarity: ``[B, M]`` cosines of B questions (rows) and M >= B solutions (columns); the first B are theirs, in order, the
    others further negatives of every question. also_relevant: ``[B, M]`` bool, true where a solution off the diagonal also
    solves the question; it is no negative then.
    """
    logits = (similarity.float() / temperature).masked_fill(also_relevant, -math.inf)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, : len(logits)].T, target)) / 2


def hinge2018(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of ``(1 - pos) + (1 + neg)`` for cosines ``[B]``: the 2018 talk's loss, linear and without a margin."""
    return ((1 - positive) + (1 + negative)).mean()


def logistic2018(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of ``log(1 + exp(neg - pos))`` for cosines ``[B]``: the 2018 talk's other loss (RankNet; Burges et al. 2005)."""
    return F.softplus(negative - positive).mean()
