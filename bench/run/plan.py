"""From what the user asked for to a list of jobs; everything that can be refused is refused here, before any work."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bench.build import build, canonical, index_spec
from bench.data.card import Card
from bench.data.dataset import POOLS, Dataset
from bench.data.load import open_card, open_dataset
from bench.data.subset import with_train_pairs
from bench.errors import DataError, DeviceError, OptionError
from bench.measure.machine import usable_cores
from bench.measure.quality import parse_measure
from bench.outcome import Sweep, Tuning
from bench.pipeline import devices_of, is_live, is_seeded
from bench.plugins import Plugin, find
from bench.run.job import Job
from bench.run.refits import learned_once
from bench.run.sizes import learns, resolve
from bench.run.store import refuse_used
from bench.run.studies import Study, studies_of
from bench.run.sweep_request import SweepRequest
from bench.run.sweeps import sweeps_of
from bench.run.tuning_request import TuningRequest
from bench.spec import Spec, Unit, parse, parse_list

DEVICES = ("cpu", "cuda")
MIN_DEPTH = 100
"""Quality is measured to at least this depth, so that the top-k curve is worth looking at."""

UNCUT_DEPTH = 1000
LARGEST_K = 10_000
SMALLEST_MEMORY = 0.1 * 2**30

SAMPLES = 10
"""Sample questions shown in the report."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, as typed; None where the default depends on the dataset or the machine."""

    retrievers: str
    dataset: str
    device: str = "auto"
    cutoffs: tuple[int, ...] = (1, 5, 10, 100)
    measures: tuple[str, ...] = ("RR@10", "nDCG@10")
    pool: str | None = None
    seeds: tuple[int, ...] = (0,)
    threads: int | None = None
    limit: int | None = None
    train_pairs: tuple[int | None, ...] = (None,)
    tune: tuple[TuningRequest, ...] = ()
    sweep: tuple[SweepRequest, ...] = ()
    out: Path | None = None
    cards: tuple[Path, ...] = ()
    plugins: tuple[Path, ...] = ()
    cache: Path = Path()
    refit: bool = False
    tensorboard: Path | None = None
    slo: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    timeout: float = 1800.0
    memory: float = 8 * 2**30


@dataclass(frozen=True)
class Plan:
    """Jobs over an opened dataset. ``devices`` are those measured, ``samples`` indices of held-out questions.

    train_pairs: numbers of training pairs, None for all, from small to large; ``dataset`` has those of the last.
    content: for each of them hashes of the components of the collection, which tell what may be compared.
    studies: searches for hyper-parameters that come first; ``tunings`` what they found, once they have been made.
    sweeps: systems that share one index; their jobs stand together, and that of the first is host to the others.
    """

    request: Request
    dataset: Dataset
    pool: str
    card: Card
    train_pairs: tuple[int | None, ...]
    content: Mapping[int | None, Mapping[str, str]]
    depth: int
    devices: tuple[str, ...]
    threads: int
    measures: tuple[str, ...]
    samples: tuple[int, ...]
    jobs: tuple[Job, ...]
    studies: tuple[Study, ...] = ()
    tunings: tuple[Tuning, ...] = ()
    sweeps: tuple[Sweep, ...] = ()


def make_plan(request: Request, progress: Callable[[float, str], None]) -> Plan:
    """Check the request, open the dataset and lay out one job per system, device and seed; BenchError for a bad one.

    What learns has jobs with fewer training pairs too, if several numbers are asked for: those on its fastest device, for
    quality alone. They come last, so that an interrupted run keeps its main results.
    """
    _check(request)
    plugins = find(request.plugins)
    systems = _systems(_all(plugins) if request.retrievers == "all" else parse_list(request.retrievers), plugins)
    sweeps = sweeps_of(request.sweep, tuple(systems), plugins)
    systems |= _systems([parse(spec) for sweep in sweeps for spec in sweep.systems], plugins)
    groups = _groups(systems, sweeps)
    devices = resolve_devices(request.device, (device for system in systems.values() for device in system.devices))
    dataset = open_dataset(
        request.dataset, cards=request.cards, cache=request.cache, limit=request.limit, progress=progress
    )
    sizes = resolve(request.train_pairs, dataset)
    sized = {size: with_train_pairs(dataset, size) for size in sizes}
    pool = request.pool or dataset.pool
    if not dataset.test.queries:
        raise DataError(f"{request.dataset} has no held-out questions")
    threads = request.threads or usable_cores()
    count = len(dataset.test.queries)
    samples = tuple(sorted({at * count // SAMPLES for at in range(SAMPLES)}))
    first = Job(
        spec="",
        seed=request.seeds[0],
        device="cpu",
        threads=threads,
        timed=True,
        dataset=request.dataset,
        cards=tuple(str(card.resolve()) for card in request.cards),
        plugins=tuple(str(path.resolve()) for path in request.plugins),
        cache=str(request.cache),
        limit=request.limit,
        pool=pool,
        fingerprint=dataset.fingerprint,
        depth=_depth(request),
        measures=tuple(dict.fromkeys([*(f"Success@{k}" for k in request.cutoffs), *request.measures])),
        samples=samples,
        run_file="",
        refit=request.refit,
        logs="" if request.tensorboard is None else str(request.tensorboard.absolute()),
        train_pairs=sizes[-1],
    )
    jobs = tuple(
        replace(job, timed=systems[job.spec].live and job.seed == request.seeds[0])
        for group in groups
        for device in reversed(
            _where(systems[group[0]].devices, devices)
        )  # the fastest first: what is learned is learned there
        for job in _of_group(replace(first, device=device), group, systems[group[0]], request.seeds)
    )
    fewer = tuple(
        job
        for group in groups
        for size in (reversed(sizes[:-1]) if systems[group[0]].learns else ())
        for job in _of_group(
            replace(
                first, device=_where(systems[group[0]].devices, devices)[-1], timed=False, samples=(), train_pairs=size
            ),
            group,
            systems[group[0]],
            request.seeds,
        )
    )
    return Plan(
        request,
        sized[sizes[-1]],
        pool,
        open_card(request.dataset, cards=request.cards),
        sizes,
        {size: part.content(pool) for size, part in sized.items()},
        first.depth,
        devices,
        threads,
        first.measures,
        samples,
        learned_once((*jobs, *fewer), plugins),
        studies_of(request.tune, jobs, plugins, sized[sizes[-1]]),
        sweeps=sweeps,
    )


def resolve_devices(asked: str, usable: Iterable[str]) -> tuple[str, ...]:
    """Devices to measure on: ``auto`` is the cpu, and cuda where there is one that a system can use.

    DeviceError when cuda is asked for and there is none.
    """
    names = ("auto",) if asked == "auto" else tuple(dict.fromkeys(asked.split(",")))
    unknown = [name for name in names if name not in ("auto", *DEVICES)]
    if unknown:
        raise OptionError(f"--device {asked}: no device {unknown[0]!r}; there are: auto, {', '.join(DEVICES)}")
    if "auto" in names:
        return DEVICES if "cuda" in set(usable) and _has_cuda() else DEVICES[:1]
    if "cuda" in names and not _has_cuda():
        raise DeviceError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return names


def _check(request: Request) -> None:
    if request.pool not in (None, *POOLS):
        raise OptionError(f"--pool {request.pool}: there are: {', '.join(POOLS)}")
    if request.out is not None:
        refuse_used(request.out)
    if request.tensorboard is not None and find_spec("tensorboard") is None:
        raise OptionError(
            "--tensorboard needs tensorboard, which is not installed: pip install 'retrieverbench[tensorboard]'"
        )
    numbers = {
        "--k": (1, LARGEST_K, request.cutoffs),
        "--threads": (1, usable_cores(), (request.threads,)),
        "--limit": (1, math.inf, (request.limit,)),
        "--train-pairs": (1, math.inf, request.train_pairs),
        "--seeds": (0, 2**32 - 1, request.seeds),
        "--timeout": (1, math.inf, (request.timeout,)),
        "--slo": (0.001, math.inf, (request.slo and request.slo * 1e3,)),
    }
    for option, (least, most, values) in numbers.items():
        if any(value is not None and not least <= value <= most for value in values):
            limit = f", at most {most:,}" if most < math.inf else ""
            raise OptionError(f"{option} must be {least} or more{limit}")
    if not request.memory >= SMALLEST_MEMORY:
        raise OptionError("--memory must be 0.1 or more (GiB)")


def _depth(request: Request) -> int:
    """Hits to ask for: 100, more for a larger cutoff, and TREC's 1,000 for a measure that has none."""
    asked = [parse_measure(text).cutoff or UNCUT_DEPTH for text in request.measures]
    return max(MIN_DEPTH, *request.cutoffs, *asked)


class _System(NamedTuple):
    """Devices it can use, whether the seed matters, whether it searches here, whether it may learn from pairs.

    indexed: the same for systems that can share an index.
    """

    devices: set[str]
    seeded: bool
    live: bool
    learns: bool
    indexed: str


def _systems(specs: Iterable[Spec], plugins: Mapping[str, Plugin]) -> dict[str, _System]:
    """By canonical spec; each system once, in the order given."""
    systems = [build(spec, plugins) for spec in specs]
    return {
        str(canonical(system)): _System(
            devices_of(system), is_seeded(system), is_live(system), learns(system), str(index_spec(system))
        )
        for system in systems
    }


def _groups(systems: Mapping[str, _System], sweeps: Sequence[Sweep]) -> list[tuple[str, ...]]:
    """Systems that share a process and an index: those of a sweep and others with the same index. All others are alone."""
    swept = {systems[spec].indexed for sweep in sweeps for spec in sweep.systems}
    found: dict[str, tuple[str, ...]] = {}
    for spec, system in systems.items():
        name = f"index of {system.indexed}" if system.indexed in swept else spec
        found[name] = (*found.get(name, ()), spec)
    return list(found.values())


def _of_group(first: Job, group: Sequence[str], system: _System, seeds: Sequence[int]) -> Iterator[Job]:
    """The jobs of a group on one device, seed by seed; its first system is host to the others."""
    for seed in seeds if system.seeded else seeds[:1]:
        yield replace(first, spec=group[0], seed=seed, guests=len(group) - 1)
        yield from (replace(first, spec=spec, seed=seed, host=group[0]) for spec in group[1:])


def _all(plugins: Mapping[str, Plugin]) -> tuple[Unit, ...]:
    """Every retriever that can be run without being told more."""
    needing = {
        name for name, plugin in plugins.items() for one in plugin.describe().parameters if one.default == "required"
    }
    return tuple(Unit(name) for name in plugins if name not in needing)


def _where(usable: set[str], devices: tuple[str, ...]) -> tuple[str, ...]:
    """Devices a system is measured on; one that can use none of those asked for runs on the cpu."""
    return tuple(device for device in devices if device in usable) or ("cpu",)


def _has_cuda() -> bool:
    import torch  # noqa: PLC0415 - asked only when a system can use it

    return bool(torch.cuda.is_available())
