"""How many threads linear algebra takes: numpy and scipy do not read ``Env``."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from bench.api import Env


def pinned(env: Env) -> AbstractContextManager[Any]:
    """Use as many threads as ``env`` allows, until the end of the ``with`` block."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=env.threads, user_api="blas")
    return limit


@cache
def _libraries() -> Any:
    """Looked for once: that takes longer than a short search."""
    return ThreadpoolController()
