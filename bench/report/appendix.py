"""What a result depends on: data, settings, machine, how to run it again, and what the measures mean."""

from collections.abc import Mapping

from bench.measure.quality import parse_measure
from bench.measure.slices import CODE, OVERLAP, QUESTION_LENGTH, SOLUTION_LENGTH, UNSEEN
from bench.report import units
from bench.report.audit import audit_fold
from bench.report.markdown import block, bullets, code, escape, folded, html, listing, paragraphs, table
from bench.report.settings import settings
from bench.report.summary import Summary

DEFINITIONS = {
    "Success": "share of questions with a right solution among the first k (top-k accuracy).",
    "RR": "1 / rank of the first right solution, 0 if it is not among the first k; its mean is known as MRR.",
    "nDCG": "discounted cumulative gain of the first k over that of the best possible order.",
    "AP": "precision at the rank of each right solution, averaged over all of them; its mean is known as MAP.",
    "P": "share of right solutions among the first k.",
    "R": "share of a question's right solutions that are among the first k.",
    "Rprec": "precision at rank R, for a question with R right solutions.",
    "Bpref": "for each right solution how few documents judged wrong stand before it; what nobody judged does not count.",
    "Judged": "share of the first k that somebody judged, right or wrong.",
}
"""By the name of the measure; without a cutoff the first k are all that were retrieved."""
WHOLE = "A part of a system that stands as alone is set, or learned, as the system of that name. In full: [outcomes/](outcomes/)."


FEATURES = {
    OVERLAP: "share of a question's distinct words that stand in a right solution, stemmed, without stop words.",
    QUESTION_LENGTH: "in words.",
    SOLUTION_LENGTH: "in words.",
    CODE: "share of the right solution's characters that stand in lines of code, guessed by rules.",
    UNSEEN: "share of a question's distinct words that stand in no training text.",
}
"""By the name of the feature that divides the questions."""


def appendix(summary: Summary) -> str:
    """All of it in folds."""
    record = summary.record
    prints = _fingerprints(summary)
    return paragraphs(
        "## Details",
        folded(f"Dataset: {html(record.dataset)}", _dataset(summary)),
        audit_fold(summary),
        folded("Systems: hyper-parameters and what was learned", settings(summary), WHOLE),
        folded("Fingerprints: numbers with different ones are not compared", prints) if prints else "",
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


def _fingerprints(summary: Summary) -> str:
    """What each fingerprint was made of, by its hash, and the systems that carry it."""
    carriers: dict[tuple[str, str], list[str]] = {}
    made_of: dict[tuple[str, str], Mapping[str, str]] = {}
    for system in summary.systems:
        for job in system.outcomes:
            for name, value in job.fingerprints.items():
                carriers.setdefault((name, value), []).append(code(system.label))
                made_of.setdefault((name, value), job.identity.get(name, {}))
    everyone = len({label for labels in carriers.values() for label in labels})
    rows = []
    for (name, value), labels in carriers.items():
        of = list(dict.fromkeys(labels))
        fingerprint = f"{escape(name)} {code(value)}"
        rows.append([fingerprint, "systems", "all" if len(of) == everyone else listing(of)])
        rows += [[fingerprint, escape(part), escape(str(fact))] for part, fact in made_of[name, value].items()]
    return table(["fingerprint", "component", "value"], rows, left=3) if rows else ""


def _definitions(summary: Summary) -> list[str]:
    measures = [parse_measure(text) for text in summary.record.measures]
    cut = {measure.name: "@k" if measure.cutoff else "" for measure in measures}
    lines = [f"{name}{k}: {DEFINITIONS[name]}" for name, k in cut.items()]
    if any(measure.rel > 1 for measure in measures):
        lines.append("(rel=r): right is what has at least grade r.")
    lines += [f"{escape(name)}: {FEATURES[name]}" for name in summary.record.features if name in FEATURES]
    return [
        *lines,
        "A mean is over all held-out questions; one that a system leaves unanswered counts 0.",
        "Chance: the expected value when the pool is ordered at random, in closed form.",
        "Interval: 95%, Bayesian bootstrap with one more observation at the end of the scale, over questions or groups of them.",
        "p: two-sided paired randomisation test against the best system, corrected by Holm's method over all comparisons.",
        "p <=: as small as the number of resamples allows.",
        "Tier: 1 holds the best and those tied with it; of the others, tier 2 holds the best and those tied with it; ...",
    ]
