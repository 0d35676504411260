"""The command line: the only place that prints or exits. Nothing heavy is imported before a run really begins."""

import argparse
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import __version__
from bench.errors import BenchError, OptionError

if TYPE_CHECKING:  # these cost start-up time
    from bench.run.plan import Request
    from bench.run.store import Store

COMMANDS = {
    "list": "what can be run: retrievers with their parameters, datasets with their licence",
    "info": "one system in full: parameters, documentation, where it comes from",
    "report": "render a stored report again",
}

OK, FAILED_ROWS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 1 when a system failed, 2 for bad input, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands: dict[str, Callable[[list[str]], int]] = {"list": _list, "info": _info, "report": _report}
    try:
        if arguments and arguments[0] in commands:
            return commands[arguments[0]](arguments[1:])
        return _run(arguments)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `bench list | head`
        sys.stderr.close()
        return OK


def _run_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare retrievers on held-out questions and write a markdown report.",
        epilog="\n".join(["other commands:", *(f"  {name:8}{text}" for name, text in COMMANDS.items())]),
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
    add("--dataset", default="python-docs", help="card name, beir:FOLDER or pairs:FILE; default %(default)s")
    add("--device", default="auto", help="auto, cpu, cuda or cpu,cuda; auto takes cuda too where there is one")
    add("--k", default="1,5,10,100", metavar="K,...", help="cutoffs of Success@k; default %(default)s")
    add("--pool", help="what is searched: heldout (solutions of held-out questions) or all; default: the dataset's")
    add("--seeds", default="0", metavar="N,...", help="seeds of whatever is random; default %(default)s")
    add("--threads", type=int, help="threads of every system; default: all usable cores")
    add(
        "--limit",
        type=int,
        metavar="N",
        help="only the first N held-out questions (and 4 N for training): a quick look",
    )
    add("--out", type=Path, metavar="FOLDER", help="where the report goes; default reports/DATASET")
    add("--cards", type=Path, action="append", default=[], metavar="DIR", help="a folder with more dataset cards")
    add("--plugin", type=Path, action="append", default=[], metavar="FILE", help="a file with one more retriever")
    add("--cache", type=Path, metavar="DIR", help="where datasets and fits are kept; default: the user's cache folder")
    add("--refit", action="store_true", help="learn again although a stored fit exists")
    add("--timeout", type=float, default=1800, metavar="S", help="seconds a phase may take; default %(default)s")
    add(
        "--memory",
        type=float,
        metavar="GIB",
        help="memory that the systems may take together; default: 90%% of what is free",
    )
    return parser


def _run(arguments: list[str]) -> int:
    options = _run_parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job starts with it ignored
        signal.signal(number, _interrupt)
    from bench.progress import bars  # noqa: PLC0415 - --help must not wait for these
    from bench.run.execute import execute, make_record  # noqa: PLC0415
    from bench.run.plan import make_plan  # noqa: PLC0415
    from bench.run.store import Store  # noqa: PLC0415

    with bars() as progress:
        plan = make_plan(_request(options), progress.opening)
        store = Store.create(options.out, plan.dataset.name)
        record = make_record(plan, store.folder.name, shlex.join(["python", "-m", "bench", *arguments]))
        record = execute(plan, store, record, progress)
    status = _write_report(store)
    return INTERRUPTED if record.interrupted else status


def _request(options: argparse.Namespace) -> "Request":
    import psutil  # noqa: PLC0415
    from platformdirs import user_cache_path  # noqa: PLC0415

    from bench.run.plan import Request  # noqa: PLC0415

    free = psutil.virtual_memory().available * 0.9
    return Request(
        retrievers=options.retrievers,
        dataset=options.dataset,
        device=options.device,
        cutoffs=tuple(sorted(set(_numbers("--k", options.k)))),
        pool=options.pool,
        seeds=tuple(dict.fromkeys(_numbers("--seeds", options.seeds))),
        threads=options.threads,
        limit=options.limit,
        out=options.out,
        cards=tuple(options.cards),
        plugins=tuple(options.plugin),
        cache=(options.cache or user_cache_path("retrieverbench")).absolute(),
        refit=options.refit,
        timeout=options.timeout,
        memory=free if options.memory is None else options.memory * 2**30,
    )


def _write_report(store: "Store") -> int:
    from bench.report.console import overview  # noqa: PLC0415
    from bench.report.render import render  # noqa: PLC0415

    record, outcomes = store.load()
    path = store.save_report(render(record, outcomes))
    print(overview(record, outcomes))
    print(f"\nreport: {path}")
    failed = any(outcome.status == "failed" or outcome.latency_failure for outcome in outcomes)
    return FAILED_ROWS if failed else OK


def _report(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench report", description=COMMANDS["report"])
    parser.add_argument("name", help="a report's folder, or its name below reports/")
    options = parser.parse_args(arguments)
    from bench.run.store import Store  # noqa: PLC0415

    _write_report(Store.named(options.name))
    return OK


def _list(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench list", description=COMMANDS["list"])
    parser.add_argument("what", nargs="?", choices=("retrievers", "datasets"), help="default: both")
    parser.add_argument("--cards", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE")
    options = parser.parse_args(arguments)
    from bench.listing import datasets, retrievers  # noqa: PLC0415

    if options.what != "datasets":
        print(retrievers(options.plugin))
    if options.what is None:
        print()
    if options.what != "retrievers":
        print(datasets(options.cards))
    return OK


def _info(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench info", description=COMMANDS["info"])
    parser.add_argument("spec", help="a system, such as bm25:k1=0.9+gru")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE")
    options = parser.parse_args(arguments)
    from bench.listing import system  # noqa: PLC0415

    print(system(options.spec, options.plugin))
    return OK


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"{option} {text}: not a comma-separated list of whole numbers") from None


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
