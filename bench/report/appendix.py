"""What a result depends on: data, settings, machine, how to run it again, and what the measures mean."""

import json
from collections.abc import Mapping
from typing import Any

from bench.outcome import Outcome
from bench.report import units
from bench.report.answer import told
from bench.report.markdown import block, bullets, code, escape, folded, html, paragraphs, table
from bench.report.summary import Summary, System

DEFINITIONS = {
    "Success": "share of questions with a right solution among the first k (top-k accuracy).",
    "RR": "1 / rank of the first right solution, 0 if it is not among the first k; its mean is known as MRR.",
    "nDCG": "discounted cumulative gain of the first k over that of the best possible order.",
    "AP": "precision at the rank of each right solution, averaged over all of them; its mean is known as MAP.",
    "P": "share of right solutions among the first k.",
    "R": "share of a question's right solutions that are among the first k.",
}
"""By the name of the measure; without a cutoff the first k are all that were retrieved."""


def appendix(summary: Summary) -> str:
    """All of it in folds."""
    record = summary.record
    return paragraphs(
        "## Details",
        folded(f"Dataset: {html(record.dataset)}", _dataset(summary)),
        folded("Systems: hyper-parameters, what was learned, fingerprints", "\n".join(map(_system, summary.systems))),
        folded("Machine and versions", _facts(record.environment)),
        folded("Checks of the harness itself", _canaries(summary)) if record.canaries else "",
        folded(
            "How to run it again", block(record.command, "sh"), f"Run {code(record.name)}, {escape(record.created)}."
        ),
        folded("What the measures mean", bullets(_definitions(summary))),
    )


def _dataset(summary: Summary) -> str:
    record = summary.record
    counts = {name.replace("_", " "): units.count(number) for name, number in record.counts.items()}
    return _facts({**record.facts, **counts, "searched pool": record.pool, "fingerprint": record.fingerprint})


def _facts(facts: Mapping[str, str]) -> str:
    if not facts:
        return "Nothing was recorded."
    return table(["fact", "value"], [[escape(name), escape(str(value))] for name, value in facts.items()], left=2)


def _canaries(summary: Summary) -> str:
    rows = [
        [escape(name), "passed" if passed else "**failed**", escape(line)]
        for name, (passed, line) in summary.record.canaries.items()
    ]
    return table(["check", "result", "expected and measured"], rows, left=3)


def _system(system: System) -> str:
    """A list item and, below it, one for each job, since seeds and devices may learn different things."""
    if not system.outcomes:
        return f"- {code(system.label)}: not run"
    first = system.outcomes[0]
    lines = [f"- {code(system.label)}" + (f": {escape(first.description)}" if first.description else "")]
    if first.parameters:
        lines.append(f"  - hyper-parameters: {_settings(first.parameters)}")
    lines += [f"  - {_job(job)}" for job in system.outcomes]
    return "\n".join(lines)


def _job(job: Outcome) -> str:
    hashes = {**job.fingerprints, **({"source": job.source_hash} if job.source_hash else {})}
    parts = [
        f"learned: {_settings(job.learned)}" if job.learned else "",
        ", ".join(f"{escape(name)} {code(value)}" for name, value in hashes.items()),
        "" if job.status == "ok" else escape(told(job.status, job.failure)),
    ]
    where = f"seed {job.seed}, {escape(job.device)}" if job.seeded else escape(job.device)
    return f"{where}: {'; '.join(part for part in parts if part) or 'nothing learned'}"


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(
        code(f"{name}={json.dumps(value, ensure_ascii=False, default=str)}") for name, value in values.items()
    )


def _definitions(summary: Summary) -> list[str]:
    names = dict.fromkeys(measure.partition("@")[0] for measure in summary.record.measures)
    lines = [f"{escape(name)}@k: {DEFINITIONS[name]}" for name in names if name in DEFINITIONS]
    return [
        *lines,
        "A mean is over all held-out questions; one that a system leaves unanswered counts 0.",
        "Chance: the expected value when the pool is ordered at random, in closed form.",
        "Interval: percentile bootstrap, 95%, 10,000 resamples of questions (of groups where the dataset has groups).",
        "p: two-sided paired randomisation test against the best system, corrected by Holm's method over all comparisons.",
    ]
