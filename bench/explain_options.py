"""What ``explain`` takes on the command line, apart from the others: it is told of one question, not of a run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.options import COMMANDS

if TYPE_CHECKING:  # these cost start-up time
    from bench.run.explain import Asked


def explain_parser() -> argparse.ArgumentParser:
    """``explain``."""
    parser = argparse.ArgumentParser(prog="python -m bench explain", description=COMMANDS["explain"])
    add = parser.add_argument
    add("spec", help="a system, such as bm25 or bm25/cnn")
    add("--dataset", default="python-docs", help="card name or KIND:ARGUMENT; default %(default)s")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--query", metavar="TEXT", help="a question in words")
    asked.add_argument("--question", metavar="ID", help="a held-out question by its id, or its number from 1")
    found = parser.add_mutually_exclusive_group()
    found.add_argument("--doc", metavar="ID", help="the document to explain; default: the best hit, and a right answer")
    found.add_argument("--rank", type=int, metavar="N", help="explain the hit at this rank")
    add("--pool", help="what is searched: heldout or all; default: the dataset's")
    add("--seed", type=int, default=0, metavar="N", help="seed of whatever is random; default %(default)s")
    add("--device", default="cpu", help="cpu, cuda or auto; default %(default)s")
    add("--threads", type=int, help="default: all usable cores")
    add("--limit", type=int, metavar="N", help="only the first N held-out questions (and 4 N for training)")
    add("--out", type=Path, metavar="FOLDER", help="where explain.md goes; default reports/explain-DATASET-SYSTEM")
    add("--cards", type=Path, action="append", default=[], metavar="DIR", help="a folder with more dataset cards")
    add("--plugin", type=Path, action="append", default=[], metavar="FILE", help="a file with one more retriever")
    add("--cache", type=Path, metavar="DIR", help="where datasets and fits are kept; default: the user's cache folder")
    add("--refit", action="store_true", help="learn again although a stored fit exists")
    return parser


def asked_of(given: argparse.Namespace) -> "Asked":
    """What is to be explained, as typed."""
    from platformdirs import user_cache_path  # noqa: PLC0415

    from bench.run.explain import Asked  # noqa: PLC0415

    return Asked(
        spec=given.spec,
        dataset=given.dataset,
        query=given.query,
        question=given.question,
        doc=given.doc,
        rank=given.rank,
        seed=given.seed,
        device=given.device,
        pool=given.pool,
        limit=given.limit,
        threads=given.threads,
        cards=tuple(given.cards),
        plugins=tuple(given.plugin),
        cache=(given.cache or user_cache_path("retrieverbench")).absolute(),
        refit=given.refit,
        out=given.out,
    )
