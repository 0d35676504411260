"""The clock: raw samples of one action, the device finished before every reading, garbage collection out of the way."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter


def time_each(
    action: Callable[[int], object], arguments: Sequence[int], budget: float, synchronise: Callable[[], None]
) -> list[float]:
    """Seconds of ``action(argument)`` for each argument, one sample per call, until ``budget`` seconds are spent.

    At least one sample is taken. ``synchronise`` waits until the device has finished and is inside every sample.
    """
    samples: list[float] = []
    with collection_paused():
        synchronise()
        begin = perf_counter()
        for argument in arguments:
            start = perf_counter()
            action(argument)
            synchronise()
            stop = perf_counter()
            samples.append(stop - start)
            if stop - begin >= budget:
                break
    return samples


def synchroniser(device: str) -> Callable[[], None]:
    """What waits for the device: nothing to wait for on the cpu; on CUDA until every kernel has finished."""
    if device == "cpu":
        return _nothing
    import torch  # noqa: PLC0415 - a lexical retriever's process must not pay for torch

    return torch.cuda.synchronize


def fit_to(budget: float, count: int, seconds_each: float) -> int:
    """How many of ``count`` actions of ``seconds_each`` fit the budget; at least one."""
    return max(1, min(count, int(budget / max(seconds_each, 1e-9))))


@contextmanager
def collection_paused() -> Iterator[None]:
    """Keep Python's cyclic garbage collector from running inside a measurement."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _nothing() -> None:
    pass
