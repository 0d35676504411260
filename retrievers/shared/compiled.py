"""Functions compiled by numba; the machine code is kept on disk where there is a place for it."""

import warnings
from collections.abc import Callable
from typing import Any

import numba


def compiled(*, fastmath: set[str] | frozenset[str] = frozenset()) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function for ``numba.njit``, without the interpreter's lock, divisions by 0 as numpy has them.

    Machine code is kept beside the source, or in the user's cache folder, or where ``NUMBA_CACHE_DIR`` says. Where none of them
    can be written, as in a container that belongs to somebody else, each process compiles anew, which takes seconds, and warns.
    What is kept is compared with the date of its own file alone: call no compiled function of another file from here, its
    machine code would outlive its changes.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath) or False}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError as error:
            warnings.warn(f"compiled code cannot be kept, every process compiles it: {error}", stacklevel=2)
            return numba.njit(**options)(function)

    return decorate
