"""What retrievers compile is compiled, or loaded, before the first test, whose time it would be taken for."""

import pytest

from bench.api import Doc, Env
from retrievers.bm25 import BM25


@pytest.fixture(autouse=True, scope="session")
def compiled():
    BM25().index([Doc("a", "one")], Env())
