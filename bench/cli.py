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
    add("--k", type=_numbers, default=(1, 5, 10, 100), metavar="K,...", help="cutoffs of Success@k; default 1,5,10,100")
    add("--pool", help="what is searched: heldout (solutions of held-out questions) or all; default: the dataset's")
    add("--seeds", type=_numbers, default=(0,), metavar="N,...", help="seeds of whatever is random; default 0")
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
    add("--memory", type=float, metavar="GIB", help="memory a system may take; default: 90%% of what is free")
    return parser


def _run(arguments: list[str]) -> int:
    options = _run_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    from bench.progress import bars  # noqa: PLC0415 - --help must not wait for these
    from bench.run.execute import execute, make_record  # noqa: PLC0415
    from bench.run.plan import make_plan  # noqa: PLC0415
    from bench.run.store import Store  # noqa: PLC0415

    interrupted = False
    with bars() as progress:
        try:
            plan = make_plan(_request(options), progress.opening)
        except KeyboardInterrupt:
            print("bench: interrupted before anything was measured", file=sys.stderr)
            return INTERRUPTED
        store = Store.create(options.out, plan.dataset.name)
        command = shlex.join(["python", "-m", "bench", *arguments])
        record = make_record(plan, store.folder.name, command)
        try:
            execute(plan, store, record, progress)
        except KeyboardInterrupt:
            interrupted = True
    failed = _write_report(store)
    return INTERRUPTED if interrupted else failed


def _request(options: argparse.Namespace) -> "Request":
    import psutil  # noqa: PLC0415
    from platformdirs import user_cache_path  # noqa: PLC0415

    from bench.run.plan import Request  # noqa: PLC0415

    free = psutil.virtual_memory().available * 0.9
    return Request(
        retrievers=options.retrievers,
        dataset=options.dataset,
        device=options.device,
        cutoffs=tuple(sorted(set(options.k))),
        pool=options.pool,
        seeds=tuple(dict.fromkeys(options.seeds)),
        threads=options.threads,
        limit=options.limit,
        out=options.out,
        cards=tuple(options.cards),
        plugins=tuple(options.plugin),
        cache=(options.cache or user_cache_path("retrieverbench")).absolute(),
        refit=options.refit,
        timeout=options.timeout,
        memory=int(options.memory * 2**30 if options.memory else free),
    )


def _write_report(store: "Store") -> int:
    from bench.report.console import overview  # noqa: PLC0415
    from bench.report.render import render  # noqa: PLC0415

    record, outcomes = store.load()
    path = store.save_report(render(record, outcomes))
    print(overview(record, outcomes))
    print(f"\nreport: {path}")
    return FAILED_ROWS if any(outcome.status == "failed" for outcome in outcomes) else OK


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


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"{text!r} is not a comma-separated list of whole numbers") from None


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
