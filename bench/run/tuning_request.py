"""What ``--tune`` asks for: ``gru=30,bm25/cnn=10min:cnn.hard=0~8:cnn.learning_rate=0.0005..0.005``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.errors import OptionError, SpecError
from bench.outcome import Trial, Tuning
from bench.spec import Spec, parse

UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
FORM = (
    "SYSTEM=TRIALS or SYSTEM=TIME, as in gru=30,bm25=10min, and behind it :NAME=LOW..HIGH or :NAME=A~B to search there"
)

_ENTRY = re.compile(
    r"(?P<spec>.+?)=(?P<budget>(?P<number>\d+(?:\.\d+)?)(?P<unit>s|sec|min|h)?)(?P<ranges>(?::[A-Za-z_][\w.-]*=[^:=]+)*)"
)


@dataclass(frozen=True)
class Budget:
    """How much is tried: so many trials, or trials until so many seconds are spent; ``text`` as typed."""

    text: str
    trials: int | None = None
    seconds: float | None = None

    def spent(self, trials: Sequence[Trial]) -> float:
        """Share of it that these trials took; from 1 on none is begun."""
        if self.trials is not None:
            return len(trials) / self.trials
        return sum(trial.seconds for trial in trials) / self.seconds if self.seconds else 1.0


@dataclass(frozen=True)
class TuningRequest:
    """One system to tune, its parameters as typed: what is spelled out stays as it is.

    ranges: by the name of a hyper-parameter the text of what to search, in place of what the component says.
    """

    text: str
    spec: Spec
    budget: Budget
    ranges: Mapping[str, str] = field(default_factory=dict)


def read_tuning_requests(text: str) -> tuple[TuningRequest, ...]:
    """Read ``--tune``, comma-separated; OptionError for what cannot be read."""
    return tuple(map(_read, text.split(",")))


def repeated(requests: Sequence[TuningRequest], tunings: Sequence[Tuning]) -> tuple[TuningRequest, ...]:
    """The requests of a run with the studies that it made of them: where a time was given, as many trials as it bought then."""
    return tuple(
        replace(one, budget=Budget(f"{len(study.trials)}", len(study.trials))) if one.budget.seconds else one
        for one, study in zip(requests, tunings, strict=True)
    )


def _read(entry: str) -> TuningRequest:
    match = _ENTRY.fullmatch(entry.strip())
    if not match:
        raise OptionError(f"--tune {entry}: write {FORM}")
    number, unit = float(match["number"]), match["unit"]
    if not number or (unit is None and not number.is_integer()):
        raise OptionError(f"--tune {entry}: {match['budget']} is no budget; write {FORM}")
    try:
        spec = parse(match["spec"])
    except SpecError as error:
        raise OptionError(f"--tune {entry}: {error}; write {FORM}") from None
    ranges: dict[str, str] = {}
    for given in match["ranges"].split(":")[1:]:
        name, _, values = given.partition("=")
        if name in ranges:
            raise OptionError(f"--tune {entry}: {name!r} is given twice")
        ranges[name] = values
    budget = Budget(match["budget"], None if unit else int(number), number * UNITS[unit] if unit else None)
    return TuningRequest(entry.strip(), spec, budget, ranges)
