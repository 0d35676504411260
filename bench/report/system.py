"""One row of the report: what the jobs of a system have in common, and what they found on average."""

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from bench.errors import SpecError
from bench.outcome import Outcome
from bench.spec import Spec, Unit, parse

BASELINE = "random"
"""Name of the retriever that measures chance; no contender."""
FAMILIES = ("lexical", "neural")
MEMBERS = "members"
"""The parameter of a system that is learned under several seeds."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class System:
    """One row of the report: a system's jobs that may be averaged.

    label: its spec, with the fingerprint where one spec was measured on different data.
    outcomes: every job, device by device and seed by seed.
    measured: the finished jobs, one per seed, whose quality is reported: those on the first device that has any.
    comparable: whether they carry the fingerprint that most systems of the run carry.
    """

    spec: str
    label: str
    outcomes: tuple[Outcome, ...]
    measured: tuple[Outcome, ...]
    comparable: bool

    @property
    def baseline(self) -> bool:
        """Whether it is the random order, measured."""
        return self.spec.partition(":")[0] == BASELINE

    @property
    def live(self) -> bool:
        """Whether it searched here; the results of one that did not were read from a file, and it has no price."""
        return all(outcome.live for outcome in self.measured)

    @property
    def family(self) -> str:
        """``lexical`` or ``neural`` for a single system of that family, empty for any other."""
        known = next((outcome.family for outcome in self.outcomes if outcome.family), "")
        return known if known in FAMILIES and not self.composed else ""

    @property
    def composed(self) -> bool:
        """Whether it is made of systems."""
        return not isinstance(_parsed(self.spec), Unit)

    @property
    def parted(self) -> bool:
        """Whether it learns in several fits: made of systems, or the same one under several seeds."""
        spec = _parsed(self.spec)
        return not isinstance(spec, Unit) or MEMBERS in dict(spec.options)

    @property
    def device(self) -> str:
        """Where the reported quality was measured."""
        return self.measured[0].device

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Jobs that did not finish."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "ok")

    def latency_failure(self, device: str | None = None) -> str:
        """Why a finished job, on the device or on any, has no latencies or too few; empty where none failed."""
        lost = (job for job in self.outcomes if job.status == "ok" and device in (None, job.device))
        return next((job.latency_failure for job in lost if job.latency_failure), "")

    def finished(self, device: str) -> tuple[Outcome, ...]:
        """The finished jobs on a device, one per seed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "ok" and outcome.device == device)

    def scores(self, measure: str) -> Floats:
        """One value per question: its mean over the seeds."""
        values: Floats = np.array([outcome.scores[measure] for outcome in self.measured], dtype=np.float64)
        mean: Floats = values.mean(axis=0)
        return mean

    def mean(self, measure: str) -> float:
        """Mean over all questions and seeds."""
        return float(self.scores(measure).mean())

    def spread(self, measure: str) -> float | None:
        """Standard deviation (n - 1) of the mean over the seeds; None for a single seed."""
        means = [np.mean(outcome.scores[measure]) for outcome in self.measured]
        return float(np.std(means, ddof=1)) if len(means) > 1 else None

    def bounds(self, measure: str) -> tuple[float, float] | None:
        """The mean over the seeds where ties are broken to its harm and to its favour; None where nobody looked."""
        found = [outcome.bounds[measure] for outcome in self.measured if measure in outcome.bounds]
        return None if not found else (fmean(low for low, _ in found), fmean(high for _, high in found))

    def peak(self, *phases: str) -> int | None:
        """Largest resident memory of any measured job in any of the phases, in bytes; None where it was not measured."""
        return max((job.sizes.peaks[p] for job in self.measured for p in phases if p in job.sizes.peaks), default=None)

    def success(self, cutoff: int) -> float:
        """Success@cutoff from the stored ranks of the first right solutions."""
        ranks = np.asarray([outcome.first_ranks for outcome in self.measured])
        return float(np.mean((ranks > 0) & (ranks <= cutoff)))


def _parsed(spec: str) -> Spec:
    """The spec's parts; a stored text that no command line would take is one system, since a report must be rendered all the same."""
    try:
        return parse(spec)
    except SpecError:
        return Unit(spec)
