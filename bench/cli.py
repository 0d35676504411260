"""The command line: the only place that prints or exits. Nothing heavy is imported before a run really begins."""

import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import options, run_options
from bench.errors import BenchError

if TYPE_CHECKING:  # these cost start-up time
    from bench.outcome import RunRecord
    from bench.report.comparison import Side
    from bench.run.plan import Request
    from bench.run.store import Store

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 1 when a system or a gate failed, 2 for bad input, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands: dict[str, Callable[[list[str]], int]] = {
        "list": _list,
        "info": _info,
        "report": _report,
        "compare": _compare,
        "reproduce": _reproduce,
        "data": _data,
        "evaluate": _evaluate,
        "explain": _explain,
        "selftest": _selftest,
    }
    try:
        if arguments and arguments[0] in commands:
            return commands[arguments[0]](arguments[1:])
        return _run(arguments)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as error:
        print(f"bench: {str(error) or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `bench list | head`
        sys.stderr.close()
        return OK


def _run(arguments: list[str]) -> int:
    request = run_options.request_of(run_options.run_parser().parse_args(arguments))
    record, store = _carried_out(request, shlex.join(["python", "-m", "bench", *map(_told, arguments)]))
    status = _write_report(store)
    return INTERRUPTED if record.interrupted else status


def _told(argument: str) -> str:
    """An argument as reports may repeat it: what stands behind the ``?`` of an address may be a token."""
    return re.sub(r"(https?://[^\s,?#]*)[?#][^\s,]*", r"\1", argument)


def _carried_out(request: "Request", command: str) -> "tuple[RunRecord, Store]":
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell's background job starts with it ignored
        signal.signal(number, _interrupt)
    from bench.progress import bars  # noqa: PLC0415 - --help must not wait for these
    from bench.run.execute import execute  # noqa: PLC0415
    from bench.run.plan import make_plan  # noqa: PLC0415
    from bench.run.record import make_record  # noqa: PLC0415
    from bench.run.store import Store  # noqa: PLC0415
    from bench.run.tuning import tuned  # noqa: PLC0415

    with bars() as progress:
        plan = tuned(make_plan(request, progress.opening), progress)
        store = Store.create(request.out, plan.dataset.name)
        record = make_record(plan, store.folder.name, command)
        return execute(plan, store, record, progress), store


def _write_report(store: "Store", prices: dict[str, float] | None = None) -> int:
    from bench.report.console import overview  # noqa: PLC0415
    from bench.report.render import render  # noqa: PLC0415

    record, outcomes = store.load()
    if prices:
        record = replace(record, prices=prices)
    path = store.save_report(render(record, outcomes))
    print(overview(record, outcomes))
    print(f"\nreport: {path}")
    failed = any(outcome.status == "failed" or outcome.latency_failure for outcome in outcomes)
    return FAILED if failed else OK


def _report(arguments: list[str]) -> int:
    given = options.report_parser().parse_args(arguments)
    from bench.run.store import Store  # noqa: PLC0415

    _write_report(Store.named(given.name), options.prices(given.price))
    return OK


def _compare(arguments: list[str]) -> int:
    given = options.compare_parser().parse_args(arguments)
    kinds, limits = options.gate_of(given)
    from bench.report.changes import changes  # noqa: PLC0415
    from bench.report.comparison import compare  # noqa: PLC0415
    from bench.report.gate import regressions, unjudged  # noqa: PLC0415

    found = compare([_side(name) for name in given.runs], anyway=given.anyway)
    print(changes(found))
    if not kinds:
        return OK
    lost = [line for one in found for line in regressions(one, kinds, limits)]
    unknown = [line for one in found for line in unjudged(one, kinds)]
    print()
    for line in lost:
        print(f"gate: failed: {line}")
    for line in unknown:
        print(f"gate: cannot tell: {line}")
    if not lost and not unknown:
        print(f"gate: passed ({', '.join(kinds)})")
    return FAILED if lost else BAD_INPUT if unknown else OK


def _side(text: str) -> "Side":
    from bench.report.comparison import Side  # noqa: PLC0415
    from bench.report.summary import summarise  # noqa: PLC0415
    from bench.run.store import Store  # noqa: PLC0415

    name, _, spec = (text, "", "") if "@" in text and (Path(text) / "run.json").is_file() else text.partition("@")
    return Side(name, summarise(*Store.named(name).load()), spec)


def _reproduce(arguments: list[str]) -> int:
    given = options.reproduce_parser().parse_args(arguments)
    from bench.report.agreement import agreement  # noqa: PLC0415
    from bench.report.comparison import Side, compare  # noqa: PLC0415
    from bench.report.summary import summarise  # noqa: PLC0415
    from bench.run.store import Store  # noqa: PLC0415
    from bench.run.tuning_request import repeated  # noqa: PLC0415

    first = Store.named(given.name)
    record, outcomes = first.load()
    typed = shlex.split(record.command)[3:]
    request = run_options.request_of(run_options.run_parser().parse_args(typed))
    request = replace(
        request,
        out=given.out,
        refit=given.refit,
        threads=int(record.environment["threads"]),
        device=",".join(record.devices),
        tune=repeated(request.tune, record.tunings),
    )
    again, store = _carried_out(request, record.command)
    if again.interrupted:
        return INTERRUPTED
    _write_report(store)
    before = Side(given.name, summarise(record, outcomes))
    after = Side(str(store.folder), summarise(*store.load()))
    if not set(before.specs) & set(after.specs):
        print("\nnot reproduced: no system has a result in both runs")
        return FAILED
    [one] = compare([before, after], anyway=True)
    found = agreement(one)
    print()
    for line in found.lines:
        print(line)
    print("reproduced" if found.same else "not reproduced")
    return OK if found.same else FAILED


def _data(arguments: list[str]) -> int:
    given = options.data_parser().parse_args(arguments)
    from bench import catalogue  # noqa: PLC0415
    from bench.data.cards import card_paths  # noqa: PLC0415

    if given.action == "list":
        print(catalogue.listing(given.cards))
        return OK
    if given.action == "check":
        known = card_paths(given.cards)
        paths = [known.get(name, Path(name)) for name in given.names] or [*known.values()]
        found = catalogue.mistakes(paths)
        print("\n".join(found) or f"{len(paths)} cards, no mistake")
        return FAILED if found else OK
    from bench.data.load import open_card, open_dataset  # noqa: PLC0415

    if given.action == "info":
        print(catalogue.info(open_card(given.name, cards=given.cards)))
        return OK
    from bench.progress import bars  # noqa: PLC0415

    with bars() as progress:
        dataset = open_dataset(given.name, cards=given.cards, cache=given.cache, progress=progress.opening)
    pool = given.pool or dataset.pool
    print(catalogue.audited(dataset, pool) if given.action == "audit" else catalogue.opened(dataset, pool))
    return OK


def _evaluate(arguments: list[str]) -> int:
    given = options.evaluate_parser().parse_args(arguments)
    from bench.evaluation import evaluation  # noqa: PLC0415

    print(evaluation(given.qrels, given.runs, options.separated(given.measures)))
    return OK


def _explain(arguments: list[str]) -> int:
    from bench.explain_options import asked_of, explain_parser  # noqa: PLC0415

    given = explain_parser().parse_args(arguments)
    from bench.progress import bars  # noqa: PLC0415
    from bench.report.explain import brief, page  # noqa: PLC0415
    from bench.run.explain import explain, save  # noqa: PLC0415

    with bars() as progress:
        found = explain(
            asked_of(given), shlex.join(["python", "-m", "bench", "explain", *map(_told, arguments)]), progress
        )
    path = save(found, page(found), given.out)
    print(brief(found))
    print(f"\nexplanation: {path}")
    return OK


def _selftest(arguments: list[str]) -> int:
    options.selftest_parser().parse_args(arguments)
    from bench.selftest import selftest  # noqa: PLC0415

    kept = True
    for check in selftest():
        print(check.line, flush=True)
        kept = kept and check.kept
    return OK if kept else FAILED


def _list(arguments: list[str]) -> int:
    given = options.list_parser().parse_args(arguments)
    from bench.catalogue import listing  # noqa: PLC0415
    from bench.listing import retrievers  # noqa: PLC0415

    if given.what != "datasets":
        print(retrievers(given.plugin))
    if given.what is None:
        print()
    if given.what != "retrievers":
        print(listing(given.cards))
    return OK


def _info(arguments: list[str]) -> int:
    given = options.info_parser().parse_args(arguments)
    from bench.listing import system  # noqa: PLC0415

    print(system(given.spec, given.plugin))
    return OK


def _interrupt(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # a second one must not keep what is finished from being stored
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
