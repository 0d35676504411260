"""What each system was set to and what it learned, short enough to be read; the whole of it is in outcomes/."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.outcome import Outcome
from bench.report import units
from bench.report.markdown import code, escape, listing
from bench.report.status import told
from bench.report.summary import Summary
from bench.report.system import System

Values = Mapping[str, Any]
Known = Mapping[str, Values]


def settings(summary: Summary) -> str:
    """A list item for each system, below it its settings and what its jobs learned.

    A part of a system that is set, or learned, as the system of that name alone is not spelled out again.
    """
    alone = {system.spec: system.outcomes[0].parameters for system in summary.systems if system.outcomes}
    jobs = {(job.spec, job.seed, job.device): _own(job) for system in summary.systems for job in system.outcomes}
    lines = (line for system in summary.systems for line in _system(system, alone, jobs))
    return "\n".join([*_given(summary), *lines])


def _given(summary: Summary) -> Iterator[str]:
    """How many pairs there were to learn from, and by which rule they were drawn where they are not all."""
    drawn = summary.record.facts.get("training pairs")
    pairs = max((job.timings.fit_pairs for system in summary.systems for job in system.outcomes), default=0)
    if drawn or pairs:
        yield f"- question/solution pairs to learn from: {escape(drawn) if drawn else units.count(pairs)}"


def _system(system: System, alone: Known, jobs: Mapping[tuple[str, int, str], Values]) -> Iterator[str]:
    if not system.outcomes:
        yield f"- {code(system.label)}: not run"
        return
    first = system.outcomes[0]
    described = escape(first.description.replace("``", ""))
    source = f" (source {code(first.source_hash)})" if first.source_hash else ""
    yield f"- {code(system.label)}{source}{f': {described}' if described else ''}"
    for line in _lines(first.parameters, {name: values for name, values in alone.items() if name != system.spec}):
        yield f"  - {line}"
    learned: dict[str, list[Outcome]] = {}
    for job in system.outcomes:
        known = {s: v for (s, seed, device), v in jobs.items() if (seed, device) == (job.seed, job.device) and v}
        text = "; ".join(_lines(_own(job), {name: values for name, values in known.items() if name != job.spec}))
        if job.status != "ok":
            text = escape(told(job.status, job.failure))
        learned.setdefault(f"learned {text}" if text and job.status == "ok" else text, []).append(job)
    for text, same in learned.items():
        if text:
            yield f"  - {listing([_where(job) for job in same])}: {text}"


def _own(job: Outcome) -> Values:
    """What a job learned; a scorer that ranks alone tells it under its name."""
    inner = job.learned.get(job.spec)
    return inner if isinstance(inner, Mapping) and len(job.learned) == 1 else job.learned


def _where(job: Outcome) -> str:
    return f"seed {job.seed}, {escape(job.device)}" if job.seeded else escape(job.device)


def _lines(values: Values, known: Known) -> list[str]:
    """The values of a system itself, then those of each of its parts; parts as known in one line."""
    parts = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    same = [name for name, value in parts.items() if known.get(name) == value]
    own = _spelled({name: value for name, value in values.items() if name not in parts})
    lines = [own] if own else []
    lines += [f"{code(name)}: {_spelled(value)}" for name, value in parts.items() if name not in same]
    return lines + ([f"as alone: {listing([code(name) for name in same])}"] if same else [])


def _spelled(values: Values) -> str:
    return ", ".join(code(f"{name}={_short(value)}") for name, value in _flat(values))


def _flat(values: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _short(value: Any) -> str:
    """Six digits of a number; of a list of records how many, and each number of the first and the last."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Sequence) and value and all(isinstance(entry, Mapping) for entry in value):
        return f"{len(value)} entries ({', '.join(_ends(value[0], value[-1]))})"
    return json.dumps(value, ensure_ascii=False, default=str)


def _ends(first: Values, last: Values) -> list[str]:
    return [f"{name} {_brief(value)} to {_brief(last.get(name))}" for name, value in first.items()]


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False, default=str)
