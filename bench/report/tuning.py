"""Hyper-parameters that were searched on dev before the run: what was found, and what it is worth on held-out questions."""

from bench.measure.statistics import holm, paired_difference
from bench.outcome import Trial, Tuning
from bench.report import units
from bench.report.markdown import bullets, code, escape, folded, html, listing, paragraphs, table
from bench.report.summary import Summary
from bench.report.system import System

SHOWN = 5
"""Trials in a study's table, the best ones."""
FAILURES = 3
"""Reasons of failed trials that are told."""
OTHER_POOL = 2.0
"""From this ratio of documents on, the reader is told that dev was another task than the run."""

LUCK = (
    "The best of many dev values is partly luck (the winner's curse): it promises too much, the more so the more trials there "
    "were and the fewer the questions. Held-out values took no part in the choice and do not flatter."
)


def tuning(summary: Summary) -> str:
    """One row for each tuned system, what its parameters gain on held-out questions, and the best trials in folds."""
    studies = summary.record.tunings
    if not studies:
        return ""
    headers = ["system", "trials", "time (s)", "dev RR@10 as given", "best", "found"]
    return paragraphs(
        "## Tuning",
        table(headers, [_row(study) for study in studies], right=1),
        bullets([*_gains(summary), *_notes(summary)]),
        *(_best(study) for study in studies),
    )


def _row(study: Tuning) -> list[str]:
    failed = len(study.trials) - len(_ended(study))
    kept = "nothing better" if _ended(study) else "every trial failed"
    given = study.trials[0].dev if study.trials else None
    return [
        code(study.spec),
        f"{len(study.trials)}{f' ({failed} failed)' if failed else ''}",
        units.seconds(sum(trial.seconds for trial in study.trials)),
        _dev(given),
        _dev(_ended(study)[0].dev if _ended(study) else None),
        kept if study.found == study.spec else code(study.found),
    ]


def _ended(study: Tuning) -> list[Trial]:
    """Trials that have a value, the best first; of equals the one that came first."""
    return sorted((trial for trial in study.trials if trial.dev is not None), key=lambda trial: -(trial.dev or 0.0))


def _dev(value: float | None) -> str:
    return units.ABSENT if value is None else units.measure(value)


def _gains(summary: Summary) -> list[str]:
    """The main measure of the tuned system minus that of the given one; p corrected over all of these comparisons."""
    systems = {system.label: system for system in summary.ranked}
    pairs = [(systems[s.spec], systems[s.found]) for s in summary.record.tunings if _both(s, systems)]
    tests = [paired_difference(b.scores(summary.main), a.scores(summary.main), summary.groups) for a, b in pairs]
    corrected = holm([test.p for test in tests])
    return [
        f"{code(given.label)}, held-out {summary.main}: {units.measure(given.mean(summary.main))} as given, "
        f"{units.measure(found.mean(summary.main))} tuned, a difference of {units.difference(test.difference)} "
        f"{_interval(test.low, test.high)}, {units.p_value(p)}."
        for (given, found), test, p in zip(pairs, tests, corrected, strict=True)
    ]


def _both(study: Tuning, systems: dict[str, System]) -> bool:
    return study.found != study.spec and {study.spec, study.found} <= systems.keys()


def _interval(low: float, high: float) -> str:
    return f"[{units.difference(low)}, {units.difference(high)}]"


def _notes(summary: Summary) -> list[str]:
    studies = summary.record.tunings
    first, pool = studies[0], summary.record.counts["pool"]
    asked, among = units.count(first.questions), units.count(first.documents)
    notes = [
        f"Chosen by RR@10 of {asked} development questions among their {among} documents; no trial saw a held-out question.",
        LUCK,
    ]
    if not 1 / OTHER_POOL < pool / max(first.documents, 1) < OTHER_POOL:
        notes.append(
            f"The run searches {units.count(pool)} documents; what is best among so many may be something else."
        )
    notes += [f"{code(study.spec)}: ended early: {escape(study.ending)}." for study in studies if study.ending]
    for study in studies:
        reasons = list(dict.fromkeys(trial.failure for trial in study.trials if trial.dev is None))
        if reasons:
            more = f" and {len(reasons) - FAILURES} more reasons" if len(reasons) > FAILURES else ""
            notes.append(f"{code(study.spec)}: trials failed: {listing([*map(escape, reasons[:FAILURES])])}{more}.")
    return notes


def _best(study: Tuning) -> str:
    ended = _ended(study)
    if not ended:
        return ""
    names = list(study.space)
    rows = [
        [
            "as given" if trial is study.trials[0] else str(study.trials.index(trial) + 1),
            _dev(trial.dev),
            units.seconds(trial.seconds),
            *(escape(_text(trial.values[name])) for name in names),
        ]
        for trial in ended[:SHOWN]
    ]
    searched = bullets(f"{code(name)}: {escape(values)}" for name, values in study.space.items())
    pairs = "" if study.train_pairs is None else f", {units.count(study.train_pairs)} training pairs"
    told = f"Searched, with seed {study.seed} on {escape(study.device)}{pairs}, budget {escape(study.budget)}:"
    shown = f"the best {len(rows)} of " if len(rows) < len(study.trials) else ""
    return folded(
        f"Trials of {html(study.spec)}: {shown}{len(study.trials)}",
        table(["trial", "dev RR@10", "time (s)", *map(escape, names)], rows),
        told,
        searched,
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
