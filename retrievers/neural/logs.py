"""Training curves for TensorBoard."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from bench.api import Env
from bench.errors import OptionError

Log = Callable[[int, Mapping[str, float]], None]
"""Takes a number of steps and the values after them, by the name of their curve."""


@contextmanager
def curves(env: Env, stage: str, steps: int) -> Iterator[Log]:
    """Write curves into an event file in the folder ``STAGE`` below ``env.logs``, or nowhere if that is None.

    steps: done before; what the folder has of later ones is hidden, since they are taken again, by a training that was killed
    or by one that begins anew.
    OptionError where the package ``tensorboard`` is not installed.
    """
    if env.logs is None:
        yield lambda _steps, _values: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow to load, and seldom wanted
    except ImportError as error:
        raise OptionError(
            "--tensorboard needs tensorboard, which is not installed: pip install 'retrieverbench[tensorboard]'"
        ) from error
    with SummaryWriter(str(env.logs / stage), purge_step=steps + 1) as writer:

        def log(step: int, values: Mapping[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        yield log
