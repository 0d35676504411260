"""The audit of questions with bodies: what those that are learned from tell of held-out ones, and what answers repeat."""

from collections.abc import Iterator, Sequence

from bench.api import Query
from bench.data.dataset import Split
from bench.data.findings import Case, finding
from bench.data.prose import PASSAGE_WORDS, repeats, spoken
from bench.outcome import Finding

QUOTED_WORDS = 4
"""Shorter questions stand in a body by chance."""


def audit_bodies(train: Split, heldout: Split, right: dict[str, list[str]]) -> tuple[Finding, ...]:
    """Findings on bodies; none where no question has one. right: held-out question id -> texts of its solutions."""
    questions = heldout.queries
    if not any(query.body for query in (*train.queries, *questions)):
        return ()
    return (
        finding(
            "held-out questions that stand in the body of a train question",
            len(questions),
            _told(questions, train.queries),
            "Systems that learn from bodies have read these questions, perhaps with what solves them.",
        ),
        finding(
            f"held-out questions whose right answer repeats {PASSAGE_WORDS} words or more of their body",
            len(questions),
            _repeated(questions, right),
            "No system is given these bodies, but such an answer holds words of the question that others may lack.",
        ),
    )


def _told(questions: Sequence[Query], learned: Sequence[Query]) -> Iterator[Case]:
    """Questions that stand word for word in a body, each beside the first."""
    waiting: dict[tuple[str, ...], list[tuple[int, list[str]]]] = {}
    for at, query in enumerate(questions):
        words = spoken(query.text).split()
        if len(words) >= QUOTED_WORDS:
            waiting.setdefault(tuple(words[:QUOTED_WORDS]), []).append((at, words))
    found: dict[int, str] = {}
    for other in learned:
        words = spoken(other.body).split()
        for start in range(len(words) - QUOTED_WORDS + 1):
            for at, wanted in waiting.get(tuple(words[start : start + QUOTED_WORDS]), ()):
                if words[start : start + len(wanted)] == wanted:
                    found.setdefault(at, other.body)
    return ((questions[at].text, found[at]) for at in sorted(found))


def _repeated(questions: Sequence[Query], right: dict[str, list[str]]) -> Iterator[Case]:
    for query in questions:
        answer = next((text for text in right[query.id] if query.body and repeats(text, query.body)), None)
        if answer is not None:
            yield query.body, answer
