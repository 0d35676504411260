"""The main job's options, and what they ask for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench import __version__
from bench.errors import OptionError
from bench.options import COMMANDS, prices, separated

if TYPE_CHECKING:  # this costs start-up time
    from bench.run.plan import Request


def run_parser() -> argparse.ArgumentParser:
    """The main job."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare retrievers on held-out questions and write a markdown report.",
        epilog="\n".join(["other commands:", *(f"  {name:11}{text}" for name, text in COMMANDS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"RetrieverBench {__version__}")
    add(
        "--retrievers",
        default="random,bm25,gru,cnn,bm25+gru,bm25/cnn",
        metavar="SPECS",
        help="systems, comma-separated: NAME:key=value, a+b fuses, a/b re-ranks, all; default %(default)s",
    )
    add("--dataset", default="python-docs", help="card name or KIND:ARGUMENT, as in pairs:FILE; default %(default)s")
    add("--device", default="auto", help="auto, cpu, cuda or cpu,cuda; auto takes cuda too where there is one")
    add("--k", default="1,5,10,100", metavar="K,...", help="cutoffs of Success@k; default %(default)s")
    add(
        "--measures",
        default="RR@10,nDCG@10",
        metavar="M,...",
        help="more measures by their ir-measures names; default %(default)s",
    )
    add("--pool", help="what is searched: heldout (solutions of held-out questions) or all; default: the dataset's")
    add("--seeds", default="0", metavar="N,...", help="seeds of whatever is random; default %(default)s")
    add("--threads", type=int, help="threads of every system; default: all usable cores")
    add(
        "--limit",
        type=int,
        metavar="N",
        help="only the first N held-out questions (and 4 N for training): a quick look",
    )
    add(
        "--train-pairs",
        default="all",
        metavar="N,...",
        help="learn from N training pairs, drawn at random; several numbers, as in 2500,5000,all, show what more pairs gain",
    )
    add(
        "--tune",
        metavar="SYSTEM=N,...",
        help="first try N settings (or for a time: 10min) of a system on the development questions, then measure the best "
        "one too; SYSTEM=N:NAME=LOW..HIGH:NAME=A~B says what to search",
    )
    add(
        "--sweep",
        action="append",
        default=[],
        metavar="SYSTEM.NAME=V,...",
        help="several values of a parameter that is read by search alone, on one fit and one index, as in "
        "gru:ann=hnsw.search_width=16,32,64: recall against latency; may be given again",
    )
    add(
        "--slo",
        type=float,
        metavar="MS",
        help="also find the highest rate of random arrivals that keeps p99 at or below so many milliseconds",
    )
    add(
        "--price",
        metavar="P",
        help="price of an hour of this machine, or cpu=P,cuda=P: the report adds the cost of a million questions",
    )
    add("--out", type=Path, metavar="FOLDER", help="where the report goes; default reports/DATASET")
    add("--cards", type=Path, action="append", default=[], metavar="DIR", help="a folder with more dataset cards")
    add("--plugin", type=Path, action="append", default=[], metavar="FILE", help="a file with one more retriever")
    add("--cache", type=Path, metavar="DIR", help="where datasets and fits are kept; default: the user's cache folder")
    add("--refit", action="store_true", help="learn again although a stored fit exists")
    add("--tensorboard", type=Path, metavar="DIR", help="where to write curves of what is learned now, for TensorBoard")
    add("--timeout", type=float, default=1800, metavar="S", help="seconds a phase may take; default %(default)s")
    add(
        "--memory",
        type=float,
        metavar="GIB",
        help="memory that the systems may take together; default: 90%% of what is free",
    )
    return parser


def request_of(options: argparse.Namespace) -> "Request":
    """The main job's options as typed; OptionError for one that cannot be read."""
    import psutil  # noqa: PLC0415
    from platformdirs import user_cache_path  # noqa: PLC0415

    from bench.run.plan import Request  # noqa: PLC0415
    from bench.run.sweep_request import read_sweep  # noqa: PLC0415
    from bench.run.tuning_request import read_tuning_requests  # noqa: PLC0415

    free = psutil.virtual_memory().available * 0.9
    return Request(
        retrievers=options.retrievers,
        dataset=options.dataset,
        device=options.device,
        cutoffs=tuple(sorted(set(_numbers("--k", options.k)))),
        measures=_measures(options.measures),
        pool=options.pool,
        seeds=tuple(dict.fromkeys(_numbers("--seeds", options.seeds))),
        threads=options.threads,
        limit=options.limit,
        train_pairs=_sizes(options.train_pairs),
        tune=() if options.tune is None else read_tuning_requests(options.tune),
        sweep=tuple(map(read_sweep, options.sweep)),
        out=options.out,
        cards=tuple(options.cards),
        plugins=tuple(options.plugin),
        cache=(options.cache or user_cache_path("retrieverbench")).absolute(),
        refit=options.refit,
        slo=None if options.slo is None else options.slo / 1e3,
        prices=prices(options.price),
        tensorboard=options.tensorboard,
        timeout=options.timeout,
        memory=free if options.memory is None else options.memory * 2**30,
    )


def _measures(text: str) -> tuple[str, ...]:
    from bench.measure.quality import parse_measure  # noqa: PLC0415 - loads numpy

    return tuple(str(parse_measure(part)) for part in separated(text))


def _sizes(text: str) -> tuple[int | None, ...]:
    parts = [part.strip() for part in text.split(",")]
    numbers = [part for part in parts if part != "all"]
    if not all(part.isdecimal() for part in numbers):
        raise OptionError(f"--train-pairs {text}: not a comma-separated list of whole numbers and all")
    return tuple(None if part == "all" else int(part) for part in parts)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"{option} {text}: not a comma-separated list of whole numbers") from None
