"""What the audit of the split found, and how much of it concerns the numbers."""

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


def audit_sentence(summary: Summary) -> str:
    """The findings that matter, the largest share first; empty where there is none."""
    found = sorted((f for f in summary.record.audit if _share(f) >= MATTERS and f.found), key=_share, reverse=True)
    parts = [f"{escape(f.name)}: {units.count(f.found)} of {units.count(f.of)}" for f in found[:LISTED]]
    more = f"; {len(found) - LISTED} more in Details" if found[LISTED:] else ""
    return f"Audit of the split: {'; '.join(parts)}{more}." if parts else ""


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


def _share(finding: Finding) -> float:
    return finding.found / max(finding.of, 1)


def _text(text: str) -> str:
    return code(text, _EXAMPLE)
