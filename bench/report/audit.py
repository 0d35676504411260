"""What the audit of the split found, and how much of it concerns the numbers."""

import re

from bench.outcome import Finding
from bench.report import units
from bench.report.markdown import bullets, code, escape, folded, paragraphs, table
from bench.report.summary import Summary

MATTERS = 0.005
"""Share of the held-out questions or solutions; what concerns fewer moves no mean by more than that."""
SEEN = 0.01
"""Share of held-out questions with a copy in train from which on the answer warns."""
LISTED = 3
TRAIN_QUESTION = "train question"
"""Stands in the names of the findings, exact and near, that count held-out questions with a copy in train."""
_EXAMPLE = 160
_CONCERNED = re.compile("(held-out (?:questions|solutions)) ")


def audit_sentences(summary: Summary) -> list[str]:
    """The findings that matter, the largest share first, with what they mean."""
    found = sorted((f for f in summary.record.audit if _share(f) >= MATTERS and f.found), key=_share, reverse=True)
    rest = len(found) - LISTED
    more = [f"{rest} more {'findings' if rest > 1 else 'finding'} of the audit in Details."] if rest > 0 else []
    return [f"{_told(finding)} {escape(finding.meaning)}" for finding in found[:LISTED]] + more


def seen_before(summary: Summary) -> str:
    """A reservation about the answer where many held-out questions, or near copies of them, stand in train."""
    copies = [finding for finding in summary.record.audit if TRAIN_QUESTION in finding.name]
    asked = len(summary.record.query_ids)
    found = sum(finding.found for finding in copies)
    if found <= SEEN * asked:
        return ""
    return (
        f"{units.count(found)} of {units.count(asked)} held-out questions equal or nearly equal a train question, which "
        "flatters the systems that learn."
    )


def audit_fold(summary: Summary) -> str:
    """Everything that was looked for, and examples; empty where nobody looked."""
    findings = summary.record.audit
    if not findings:
        return ""
    rows = [[escape(f.name), units.count(f.found), units.count(f.of), escape(f.meaning)] for f in findings]
    examples = [
        paragraphs(f"{escape(f.name)}, for example:", bullets(f"{_text(a)} and {_text(b)}" for a, b in f.examples))
        for f in findings
        if f.examples
    ]
    return folded("Audit of the split", table(["looked for", "found", "of", "meaning"], rows, right=1), *examples)


def _told(finding: Finding) -> str:
    """``9 of 400 held-out questions (2%) are also train questions.``, from names that begin with who is concerned."""
    share = units.share(finding.found, finding.of)
    counted = f"{units.count(finding.found)} of {units.count(finding.of)}"
    named = _CONCERNED.match(finding.name)
    if not named:
        return f"{escape(finding.name)}: {counted} ({share})."
    start, rest = f"{counted} {named[1]} ({share})", escape(finding.name[named.end() :])
    verbs = {"that ": f"{start} ", "whose ": f"For {start} the ", "with ": f"{start} have "}
    verb = next((verb for verb in verbs if rest.startswith(verb)), "")
    return f"{verbs.get(verb, f'{start} are ')}{rest.removeprefix(verb)}."


def _share(finding: Finding) -> float:
    return finding.found / max(finding.of, 1)


def _text(text: str) -> str:
    return code(text, _EXAMPLE)
