"""What the command line takes: one parser for each command beside the main job, whose options are in ``run_options``."""

import argparse
import re
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import OptionError

if TYPE_CHECKING:  # these cost start-up time
    from bench.report.gate import Thresholds

COMMANDS = {
    "list": "what can be run: retrievers with their parameters, datasets with their licence",
    "info": "one system in full: parameters, documentation, where it comes from",
    "report": "render a stored report again",
    "compare": "stored reports side by side, with intervals; --gate fails on a loss or a slowdown",
    "reproduce": "repeat a stored report's run and tell what agrees",
    "data": "collections: list, info, pull, check, audit",
    "evaluate": "score TREC run files of any system against qrels",
    "explain": "why a document matched: term weights, heat maps and shares of one question and document",
    "selftest": "show that intervals, tests and clock of this harness keep what they promise, here",
}


def report_parser() -> argparse.ArgumentParser:
    """``report``."""
    parser = _parser("report")
    parser.add_argument("name", help="a report's folder, or its name below reports/")
    parser.add_argument("--price", metavar="P", help="price of an hour, or cpu=P,cuda=P, in place of the stored one")
    return parser


def list_parser() -> argparse.ArgumentParser:
    """``list``."""
    parser = _parser("list")
    parser.add_argument("what", nargs="?", choices=("retrievers", "datasets"), help="default: both")
    parser.add_argument("--cards", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE")
    return parser


def info_parser() -> argparse.ArgumentParser:
    """``info``."""
    parser = _parser("info")
    parser.add_argument("spec", help="a system, such as bm25:k1=0.9+gru")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE")
    return parser


def compare_parser() -> argparse.ArgumentParser:
    """``compare``."""
    parser = _parser("compare")
    add = parser.add_argument
    add("runs", nargs="+", metavar="NAME[@SYSTEM]", help="reports; the first is what the others are compared with")
    add("--anyway", action="store_true", help="show numbers that measure different things, marked")
    add(
        "--gate",
        nargs="?",
        const="quality,latency",
        metavar="KINDS",
        help="exit with 1 on a significant loss or a slowdown; KINDS: quality, latency, or both (default)",
    )
    add("--alpha", type=float, default=0.05, help="of the gate: significance after correction; default %(default)s")
    add(
        "--max-loss",
        type=float,
        default=0.0,
        help="of the gate: tolerated loss of the main measure; default %(default)s",
    )
    add("--max-slowdown", type=float, default=1.25, help="of the gate: tolerated ratio of p50; default %(default)s")
    return parser


def gate_of(given: argparse.Namespace) -> "tuple[tuple[str, ...], Thresholds]":
    """What ``compare`` shall judge, nothing without ``--gate``, and what it tolerates."""
    from bench.report.gate import KINDS, Thresholds  # noqa: PLC0415

    kinds = tuple(given.gate.split(",")) if given.gate is not None else ()
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise OptionError(f"--gate {given.gate}: no kind {unknown[0]!r}; there are: {', '.join(KINDS)}")
    if len(given.runs) < 2:  # noqa: PLR2004
        raise OptionError("compare takes two reports or more")
    limits = {
        "--alpha": (given.alpha, 0, 1),
        "--max-loss": (given.max_loss, 0, 1),
        "--max-slowdown": (given.max_slowdown, 1, inf),
    }
    for option, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise OptionError(f"{option} must lie between {least} and {most}")
    return kinds, Thresholds(given.alpha, given.max_loss, given.max_slowdown)


def reproduce_parser() -> argparse.ArgumentParser:
    """``reproduce``."""
    parser = _parser("reproduce")
    parser.add_argument("name", help="a report's folder, or its name below reports/")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the new report goes; default reports/DATASET")
    parser.add_argument("--refit", action="store_true", help="learn again although a stored fit exists")
    return parser


def data_parser() -> argparse.ArgumentParser:
    """``data``."""
    parser = _parser("data")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    told = {
        "list": "every card, and every kind of collection that needs none",
        "info": "one card in full",
        "pull": "download and build a collection, so that later runs need no network",
        "check": "the mistakes of cards; without a name those of all cards",
        "audit": "copies and near copies between train and held-out, quotes, empty questions, with examples",
    }
    for action, text in told.items():
        add = actions.add_parser(action, help=text, description=text).add_argument
        if action == "check":
            add("names", nargs="*", metavar="NAME", help="cards, by name or file")
        elif action != "list":
            add("name", help="card name or KIND:ARGUMENT")
        add("--cards", type=Path, action="append", default=[], metavar="DIR", help="a folder with more dataset cards")
        if action in ("pull", "audit"):
            add(
                "--cache", type=Path, metavar="DIR", help="where collections are kept; default: the user's cache folder"
            )
            add("--pool", choices=("heldout", "all"), help="what is searched; default: the dataset's")
    return parser


def evaluate_parser() -> argparse.ArgumentParser:
    """``evaluate``."""
    parser = _parser("evaluate")
    parser.add_argument("qrels", type=Path, help="judgements: TREC qrels, or the TSV of the BEIR layout")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="TREC run files, plain or .gz")
    parser.add_argument("--measures", default="Success@10,RR@10,nDCG@10", metavar="M,...", help="default %(default)s")
    return parser


def selftest_parser() -> argparse.ArgumentParser:
    """``selftest``."""
    return _parser("selftest")


def prices(text: str | None) -> dict[str, float]:
    """``0.4`` for every device, or ``cpu=0.2,cuda=3``: device -> price of an hour."""
    if text is None:
        return {}
    found = {}
    for part in text.split(","):
        device, equals, number = part.rpartition("=")
        try:
            price = float(number)
        except ValueError:
            price = nan
        if not 0 <= price < inf:
            raise OptionError(f"--price {text}: {part!r} is no price; write 0.4, or cpu=0.2,cuda=3")
        found.update(dict.fromkeys([device] if equals else ["cpu", "cuda"], price))
    if unknown := found.keys() - {"cpu", "cuda"}:
        raise OptionError(f"--price {text}: no device {min(unknown)!r}; there are: cpu, cuda")
    return found


def _parser(command: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m bench {command}", description=COMMANDS[command])


def separated(text: str) -> list[str]:
    """Parts between commas, but not those inside of brackets: ``nDCG(rel=2,dcg=exp-log2)@10`` is one measure."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]
