"""The best k of a row, against a full sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.api import Hits
from retrievers.lexical.selection import rank

levels = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 200)), elements=levels), st.integers(1, 250))
def test_a_row_with_ties_is_ranked_like_a_full_sort(rows, k):
    check(rows, k)


@pytest.mark.parametrize("k", [1, 10, 99, 100, 1000, 5000])
@pytest.mark.parametrize("documents", [3199, 3200, 3231])
def test_sizes_around_the_groups(documents, k):
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((5, documents)).astype(np.float32)
    sparse = np.where(rng.random((5, documents)) < 0.01, normal, 0).astype(np.float32)
    check(np.vstack([normal, sparse, np.ones((1, documents), dtype=np.float32)]), k)


@pytest.mark.parametrize("falling", [1, -1])
def test_scores_in_order_fill_the_groups_evenly_or_not(falling):
    check(np.linspace(falling, -falling, 100_000, dtype=np.float32)[None], 10)


def check(rows, k):
    found = rank(iter(rows), *rows.shape, k)
    expected = Hits.top(rows, k)
    hit = expected.scores > 0
    assert found.positions.tolist() == np.where(hit, expected.positions, -1).tolist()
    assert found.scores[hit].tolist() == expected.scores[hit].tolist()
