"""The learning-rate range test: the rate rises from step to step until the loss no longer falls."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from torch import Tensor, nn

from bench.api import Env
from bench.errors import DataError
from retrievers.neural.checkpoints import random_state, restore_random_state
from retrievers.neural.runtime import Precision
from retrievers.neural.schedule import Schedule
from retrievers.neural.smoothing import Smoothed
from retrievers.neural.stepping import Stepper

Batch = TypeVar("Batch")

STEPS = 100
LOWEST, HIGHEST = {"adamw": 1e-5, "sgd": 1e-4}, {"adamw": 1.0, "sgd": 100.0}
DIVERGED = 2.0
"""The test ends where the running mean of the losses is this many times the smallest one so far."""
FIRST = 10
"""Steps before the running mean and the slopes mean anything."""
WIDTH = 0.05
"""Standard deviation of the kernel that smooths the curve, as a part of all steps."""


@dataclass(frozen=True)
class RateSearch:
    """The rate found, and the curve that it was read from: smoothed loss before the step at each rate."""

    rate: float
    rates: list[float]
    losses: list[float]

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def find_rate(
    model: nn.Module,
    epoch: Callable[[], Iterable[tuple[float, Batch]]],
    loss_of: Callable[[Batch], Tensor],
    *,
    schedule: Schedule,
    rng: np.random.Generator,
    env: Env,
    precision: Precision = "auto",
    steps: int = STEPS,
) -> RateSearch:
    """Find a learning rate by training briefly at ever higher ones (Smith 2017, arXiv:1506.01186, section 3.3).

    The rate grows by the same factor from step to step, over five or six powers of ten; the test ends early where the loss
    is no longer a number, or its running mean twice the smallest one. The curve is then smoothed by a Gaussian kernel, which
    unlike a running mean does not lag behind, and the rate found is the one at which it falls most steeply against the
    logarithm of the rate, before it is at its lowest. Afterwards the model, torch's random numbers
    and ``rng``, from which the batches are drawn, are as they were, to the bit. DataError where the loss never falls.
    """
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    state, training = random_state(rng, env.device), model.training
    lowest, highest = LOWEST[schedule.optimiser], HIGHEST[schedule.optimiser]
    rates: list[float] = []
    losses: list[float] = []
    running, lowest_mean = Smoothed(memory=0.9), math.inf
    model.train()
    stepper = Stepper(model, schedule, device=env.device, precision=precision)
    for number, batch in enumerate(islice(_endless(epoch), steps)):
        rate = lowest * (highest / lowest) ** (number / max(steps - 1, 1))
        loss = loss_of(batch)
        running.add(loss.item())
        if not math.isfinite(running.mean) or running.mean > DIVERGED * lowest_mean:
            break
        if number >= FIRST:
            lowest_mean = min(lowest_mean, running.mean)
        rates.append(rate)
        losses.append(loss.item())
        stepper.step(loss, schedule.peak, rate=rate)  # with the momentum of the highest rate, which is looked for
        if number % FIRST == 0:
            env.progress(0.0, f"looking for the learning rate: {rate:.1g}, loss {running.mean:.3f}")
    model.load_state_dict(weights)
    model.train(training)
    restore_random_state(state, rng)
    curve = _smooth(losses, WIDTH * steps)
    return RateSearch(steepest(rates, curve), rates, curve)


def steepest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate at which the loss falls most steeply against the logarithm of the rate, before it is at its lowest."""
    lowest = FIRST + int(np.argmin(losses[FIRST:])) if len(losses) > FIRST else 0
    if lowest == 0 or losses[lowest] >= losses[0]:
        raise DataError("no learning rate was found at which the loss falls; give learning_rate a value above 0")
    slopes = np.gradient(losses[: lowest + 1], np.log(rates[: lowest + 1]))
    return float(rates[int(np.argmin(slopes))])


def _smooth(values: Sequence[float], width: float) -> list[float]:
    """Nadaraya-Watson means with a Gaussian kernel of this standard deviation, in steps."""
    at = np.arange(len(values))
    weights = np.exp(-0.5 * ((at[:, None] - at) / width) ** 2)
    smooth: list[float] = (weights @ np.asarray(values) / weights.sum(1)).tolist() if len(values) else []
    return smooth


def _endless(epoch: Callable[[], Iterable[tuple[float, Batch]]]) -> Iterator[Batch]:
    """Batches of one epoch after the other, none if an epoch has none."""
    while True:
        empty = True
        for _, batch in epoch():
            empty = False
            yield batch
        if empty:
            return
