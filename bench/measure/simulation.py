"""What the statistics promise, counted on made-up test sets whose truth is known.

The 95% interval covers in 94 to 97% of test sets where at least five hits and five misses are expected (counted in groups,
where questions come in groups, and with dozens of these); with fewer it is too wide, and covers in up to 99%.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from bench.measure.resampling import Values
from bench.measure.statistics import ALPHA, bootstrap_interval, holm, paired_difference
from bench.measure.tiers import tiers

SIZES = (50, 300, 1337)
"""Numbers of questions of a small, a middling and a usual test set."""

_LARGEST, _SMALL = 8, 4  # questions of the largest group, and of the largest that counts as small
_SHARED = 0.8  # chance that a question does as its group does: correlation .64 within a group
_EASY = 0.5  # chance that systems of equal quality do the same on a question and its group
_SYSTEMS = 6


class Promise(NamedTuple):
    """What a rate has to lie between, three standard errors of a simulation of 2,000 test sets included."""

    text: str
    least: float
    most: float


COVERS = Promise("93% at least", 0.93, 1.0)
REJECTS = Promise("5% at most", 0.0, 0.065)
FINDS = Promise("80%", 0.75, 0.85)
NOTHING = Promise("nothing: the best was picked by the same questions", 0.0, 1.0)


@dataclass(frozen=True)
class Rate:
    """How often something happened, its standard error (0 where exact), and what it should come to."""

    what: str
    rate: float
    error: float
    promised: Promise

    @property
    def kept(self) -> bool:
        """Whether it came out as promised."""
        return self.promised.least <= self.rate <= self.promised.most

    def __str__(self) -> str:
        """One line in percent."""
        sure = f"± {self.error:.1%}" if self.error else "exact"
        return f"{self.what}: {self.rate:.1%} ({sure}), promised {self.promised.text}"


@dataclass(frozen=True)
class Population:
    """Values that a measure takes and the share of each.

    lost: chance that a small group finds nothing. Then values depend on the size of a group, and the mean over questions
    is a ratio of expectations, not the mean over groups.
    """

    name: str
    values: tuple[float, ...]
    shares: tuple[float, ...]
    lost: float = 0.0

    def mean(self, grouped: bool) -> float:
        """True mean over questions."""
        mean = float(np.dot(self.values, self.shares))
        sizes = np.arange(1, _LARGEST + 1)
        found = np.where(sizes <= _SMALL, 1 - self.lost, 1)
        return mean * float(sizes @ found / sizes.sum()) if grouped else mean

    def at(self, uniform: Values) -> Values:
        """Values at quantiles."""
        steps = np.cumsum(self.shares)[:-1]
        return np.asarray(self.values)[np.searchsorted(steps, uniform, side="right")]


def success(p: float) -> Population:
    """Success@k with rate p."""
    return Population(f"Success {p:g}", (0.0, 1.0), (1 - p, p))


def reciprocal_rank(found: float = 0.6) -> Population:
    """RR@10 where a share of the questions is answered, each rank half as often as the one before it."""
    ranks = np.arange(1, 11)
    shares = found * 0.5**ranks / (0.5**ranks).sum()
    return Population(f"RR {found:g}", (0.0, *(1 / ranks)), (1 - found, *shares), lost=0.3)


def success_coverage(p: float, n: int) -> Rate:
    """How often the 95% interval of a success rate covers p: exact, summed over all numbers of successes."""
    successes = np.arange(n + 1)
    chances = binom.pmf(successes, n, p)
    likely = successes[chances > 1e-7]  # noqa: PLR2004 - the others together change no digit
    covered = [_covers(bootstrap_interval(np.arange(n) < k), p) for k in likely]
    return Rate(f"95% interval covers, Success {p:g}, n = {n}", float(chances[likely] @ covered), 0.0, COVERS)


def coverage(population: Population, n: int, *, grouped: bool, replications: int = 2000) -> Rate:
    """How often the 95% interval of a mean covers the true one, about n questions in groups of 1 to 8 or alone."""
    truth = population.mean(grouped)
    draws = _Draws(n, grouped)
    hits = []
    for _ in range(replications):
        groups = draws.groups()
        values = draws.values(population, groups)
        hits.append(_covers(bootstrap_interval(values, groups.names, resamples=1000), truth))
    return _rate(f"95% interval covers, {population.name}, n = {n}{_told(grouped)}", hits, COVERS)


def false_alarms(population: Population, n: int, *, grouped: bool, replications: int = 2000) -> Rate:
    """How often the paired test at .05 tells two systems of equal quality apart."""
    draws = _Draws(n, grouped)
    hits = []
    for _ in range(replications):
        groups = draws.groups()
        a, b = draws.systems(population, groups, 2)
        hits.append(paired_difference(a, b, groups.names, resamples=999).p <= ALPHA)
    return _rate(f"test rejects equal systems, {population.name}, n = {n}{_told(grouped)}", hits, REJECTS)


def family_false_alarms(population: Population, n: int = 60, *, replications: int = 2000) -> Rate:
    """How often Holm's correction lets any of five comparisons with a fixed system of equal quality through."""
    draws = _Draws(n, grouped=False)
    hits = []
    for _ in range(replications):
        fixed, *others = draws.systems(population, draws.groups(), _SYSTEMS)
        hits.append(min(holm([paired_difference(fixed, b, resamples=499).p for b in others])) <= ALPHA)
    return _rate(f"any of 5 tests rejects after Holm, equal systems, {population.name}, n = {n}", hits, REJECTS)


def tier_false_alarms(population: Population, n: int = 60, *, replications: int = 2000) -> tuple[Rate, Rate]:
    """How often one given, and how often any, of six systems of equal quality falls out of the first tier.

    The first is what the correction promises. The second exceeds it, since the comparisons are with the system that
    looked best on the same questions.
    """
    draws = _Draws(n, grouped=False)
    given, every = [], []
    for _ in range(replications):
        systems = draws.systems(population, draws.groups(), _SYSTEMS)
        order = np.argsort([-system.mean() for system in systems]).tolist()
        found = tiers([systems[i] for i in order], resamples=999)
        given.append(found[order.index(0)] > 1)
        every.append(max(found) > 1)
    told = f"of {_SYSTEMS} equal systems falls out of tier 1, {population.name}, n = {n}"
    return _rate(f"a given one {told}", given, REJECTS), _rate(f"any {told}", every, NOTHING)


def power(population: Population, n: int, *, grouped: bool, replications: int = 2000) -> Rate:
    """How often the test finds a true difference as large as ``detectable`` says on average over such test sets."""
    draws = _Draws(n, grouped)

    def compared(shift: float) -> tuple[float, float]:
        groups = draws.groups()
        a, b = draws.systems(population, groups, 2)
        found = paired_difference(a + shift, b, groups.names, resamples=999)
        return found.p, found.detectable

    detectable = fmean(compared(0)[1] for _ in range(200))
    hits = [compared(detectable)[0] <= ALPHA for _ in range(replications)]
    return _rate(f"test finds the detectable difference, {population.name}, n = {n}{_told(grouped)}", hits, FINDS)


def simulations() -> Iterator[Rate]:
    """All of them, in the order in which they are told."""
    for p in (0.05, 0.5, 0.9, 0.97):
        yield from (success_coverage(p, n) for n in SIZES)
    for n in SIZES:
        yield coverage(reciprocal_rank(), n, grouped=False)
    for population in (success(0.05), success(0.5), success(0.9), success(0.97), reciprocal_rank()):
        yield from (coverage(population, n, grouped=True) for n in SIZES)
    for grouped in (False, True):
        yield false_alarms(success(0.5), 300, grouped=grouped)
        yield false_alarms(reciprocal_rank(), 300, grouped=grouped)
    yield family_false_alarms(reciprocal_rank())
    yield from tier_false_alarms(reciprocal_rank())
    for grouped in (False, True):
        yield power(reciprocal_rank(), 300, grouped=grouped)


@dataclass(frozen=True)
class _Groups:
    """Group of each question as a name and as a number, and the size of each group; alone, questions have no names."""

    names: Sequence[str] | None
    index: NDArray[np.int64]
    sizes: NDArray[np.int64]


class _Draws:
    """Test sets of one kind, the same ones in every run."""

    def __init__(self, n: int, grouped: bool) -> None:
        self._n, self._grouped = n, grouped
        self._rng = np.random.default_rng(n)

    def groups(self) -> _Groups:
        """As many groups as hold n questions on average."""
        if not self._grouped:
            return _Groups(None, np.arange(self._n), np.ones(self._n, dtype=np.int64))
        sizes = self._rng.integers(1, _LARGEST + 1, size=round(self._n / ((1 + _LARGEST) / 2)))
        index = np.repeat(np.arange(len(sizes)), sizes)
        return _Groups(np.array([f"{number:03d}" for number in range(len(sizes))])[index].tolist(), index, sizes)

    def values(self, population: Population, groups: _Groups) -> Values:
        """One system's value for each question."""
        return self.systems(population, groups, 1)[0]

    def systems(self, population: Population, groups: _Groups, count: int) -> list[Values]:
        """Values of systems of equal quality: on an easy or hopeless group of questions all do the same."""
        common, same = self._uniform(groups), (self._rng.random(len(groups.sizes)) < _EASY)[groups.index]
        lost = (self._rng.random(len(groups.sizes)) < population.lost) & (groups.sizes <= _SMALL)
        found = ~lost[groups.index] if self._grouped else np.ones(self._n, dtype=bool)
        return [population.at(np.where(same, common, self._uniform(groups))) * found for _ in range(count)]

    def _uniform(self, groups: _Groups) -> Values:
        """A quantile for each question, which most of a group's questions share."""
        alone = self._rng.random(len(groups.index))
        if not self._grouped:
            return alone
        together = self._rng.random(len(groups.sizes))[groups.index]
        return np.where(self._rng.random(len(alone)) < _SHARED, together, alone)


def _covers(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _told(grouped: bool) -> str:
    return " in groups" if grouped else ""


def _rate(what: str, hits: Sequence[bool], promised: Promise) -> Rate:
    rate = fmean(hits)
    return Rate(what, rate, sqrt(rate * (1 - rate) / len(hits)), promised)
