"""What the tests of the engine for CUDA share: the definition of exact results, vectors, sizes that take every path."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from retrievers.neural.topk import cuda as topk_cuda

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")


def exact(queries, documents, k):
    """The definition: all scores, summed in float64 and rounded once, in a stable sort."""
    scores = np.stack([(documents.astype(np.float64) * query).sum(1) for query in queries]).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


def vectors(seed, *shape, unit=True):
    values = np.random.default_rng(seed).standard_normal(shape)
    return (values / np.linalg.norm(values, axis=-1, keepdims=True) if unit else values).astype(np.float32)


def norm(documents):
    return float(np.linalg.norm(documents.astype(np.float64), axis=1).max(initial=0.0))


def assert_exact(engine, queries, documents, k):
    positions, scores = (part.cpu().numpy() for part in engine.search(torch.from_numpy(queries), k))
    expected, values = exact(queries, documents, k)
    assert (scores == values).all()
    assert (positions == expected).all()
    assert (positions.dtype, scores.dtype) == (np.int64, np.float32)


@contextmanager
def tiny():
    """Samples, room and chunks so small that every path is taken by a few documents."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SAMPLE": 32, "GROUPS": 2, "PRODUCT": 64, "BATCH": 3}.items():
            patch.setattr(topk_cuda, name, value)
        patch.setattr(topk_cuda, "room_for", lambda k, count: min(2 * k, max(count, k)))
        yield
