"""Measures of runs that are files already, by whatever system they were made: a table for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from bench.errors import DataError
from bench.measure.judged import Values
from bench.measure.qrels import read_qrels
from bench.measure.quality import evaluate, parse_measure
from bench.measure.ranking import read_trec
from bench.measure.statistics import bootstrap_interval
from bench.measure.ties import tie_bounds
from bench.report import units


class _Evaluated(NamedTuple):
    """One run file: values and (pessimistic, optimistic) values by measure, judged queries without any hit, others."""

    path: Path
    values: Mapping[str, Values]
    bounds: Mapping[str, tuple[Values, Values]]
    unanswered: int
    unjudged: int


def evaluation(qrels: Path, runs: Sequence[Path], measures: Sequence[str]) -> str:
    """A padded plain-text table of TREC runs against judgements in TREC's or BEIR's format. No trailing line break.

    measures: their ir-measures names. A row holds the mean over all judged queries, in which one without hits counts 0,
    with its 95% interval. Below stand the number of judged queries, what ties decide, and queries that were
    ignored because nobody judged them. DataError names the damaged file and line, OptionError a measure that does not
    exist.
    """
    wanted = tuple(dict.fromkeys(map(parse_measure, measures)))
    judgements = read_qrels(qrels)
    if not judgements:
        raise DataError(f"{qrels}: no judgements; means are over judged queries")
    query_ids = tuple(judgements)
    rows = []
    for path in runs:
        run = read_trec(path)
        values = evaluate(run, judgements, query_ids, wanted)
        bounds = tie_bounds(run, judgements, query_ids, wanted)
        answered = judgements.keys() & run.query_ids
        unanswered, unjudged = len(query_ids) - len(answered), len(run.query_ids) - len(answered)
        rows.append(_Evaluated(path, values, bounds, unanswered, unjudged))
    headers = ["run", *map(str, wanted), "unanswered"]
    align = ["left", *["right"] * (len(headers) - 1)]
    cells = [[str(row.path), *map(_cell, row.values.values()), units.count(row.unanswered)] for row in rows]
    table = tabulate(cells, headers, tablefmt="simple", colalign=align if cells else None, disable_numparse=True)
    judged = f"{qrels}: {_queries(len(query_ids))} judged; means over all of them, with 95% intervals"
    return "\n".join([table, "", judged, *(note for row in rows for note in _notes(row))])


def _cell(values: Values) -> str:
    return f"{units.measure(float(values.mean()))} {units.interval(*bootstrap_interval(values))}"


def _notes(row: _Evaluated) -> list[str]:
    """What the numbers of a row hide; bounds that are printed alike are no news."""
    notes = []
    for name, bounds in row.bounds.items():
        low, high = (units.measure(float(values.mean())) for values in bounds)
        if low != high:
            notes.append(f"{row.path}: equal scores decide {name}: from {low} to {high} by their order")
    if row.unjudged:
        notes.append(f"{row.path}: {_queries(row.unjudged)} without judgements ignored")
    return notes


def _queries(number: int) -> str:
    return f"{units.count(number)} {'query' if number == 1 else 'queries'}"
