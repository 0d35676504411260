"""The audit of a split: how many held-out questions and solutions a system may know already, or is judged wrongly on."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.api import Query
from bench.data.bodies import audit_bodies
from bench.data.dataset import Dataset
from bench.data.findings import Case, finding
from bench.data.language import foreign, languages_in
from bench.data.overlaps import Overlaps, near_duplicates_between, overlaps_between
from bench.data.pairing import folded
from bench.data.prose import quotes
from bench.data.replies import is_address_alone, is_thanks_alone
from bench.outcome import Finding

NEAR_QUESTION = 0.8
"""Jaccard similarity of two questions' sets of words from which on they are near duplicates: of nine words one may differ."""
NEAR_SOLUTION = 0.8
"""Jaccard similarity of two solutions' sets of word trigrams from which on they are near duplicates."""
NGRAM = 3
QUOTED_WORDS = 4
"""Shorter questions stand in an answer by chance."""
CONTAINED_WORDS = 8
"""Shorter solutions stand in another by chance."""
SHORT_WORDS = 3
"""Questions of fewer words are very short."""

# Han characters, Hiragana and Katakana are written without spaces.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def audit(dataset: Dataset, pool: str) -> tuple[Finding, ...]:
    """Look for what makes the held-out questions easier or harder than they should be; ``pool`` is what is searched.

    Solutions are compared without their titles, which several may share, unless they have nothing else. Equal means equal
    but for case and white space; near duplicates are alike in words, so that punctuation does not count, and are not counted
    where an equal one is. Every finding is listed, also those that concern nothing, but for languages only where the card
    names one that is known. The result depends on the collection alone.
    """
    heldout = _Heldout(dataset, pool)
    return (
        *_known_questions(dataset),
        *_known_solutions(heldout),
        _copied(heldout),
        _contained(heldout),
        _quoted(heldout),
        *audit_bodies(dataset.train, dataset.test, heldout.answered()),
        *_wordless(heldout),
        *_empty_replies(heldout),
        *_foreign(heldout, languages_in(dataset.facts.get("language", ""))),
    )


class _Heldout:
    """The held-out questions and their solutions beside the documents that were trained on or are searched."""

    def __init__(self, dataset: Dataset, pool: str) -> None:
        self.queries = dataset.test.queries
        grades = dataset.test.qrels
        self.right: Mapping[str, Sequence[str]] = {
            query.id: [doc_id for doc_id, grade in grades[query.id].items() if grade > 0] for query in self.queries
        }
        self.trained = dataset.train.judged()
        self.pool = {doc.id for doc in dataset.documents(pool)}
        wanted = {doc_id for ids in self.right.values() for doc_id in ids}
        compared = self.trained | self.pool | wanted
        self.text = {
            doc.id: doc.text if doc.text.strip() else doc.title for doc in dataset.corpus if doc.id in compared
        }
        self.content = {doc.id: doc.content for doc in dataset.corpus if doc.id in wanted}
        self.solutions = list(self.content)

    def answered(self) -> dict[str, list[str]]:
        """Question id -> texts of its right answers."""
        return {query_id: [self.text[doc_id] for doc_id in ids] for query_id, ids in self.right.items()}

    @cached_property
    def equal(self) -> Mapping[str, Sequence[str]]:
        """Solution -> documents of the same text, itself included."""
        # Nothing is not a copy of nothing.
        key = {doc_id: folded(text) or f"\0{doc_id}" for doc_id, text in self.text.items()}
        same: dict[str, list[str]] = {}
        for doc_id, text in key.items():
            same.setdefault(text, []).append(doc_id)
        return {doc_id: same[key[doc_id]] for doc_id in self.solutions}

    @cached_property
    def near(self) -> Mapping[str, Sequence[str]]:
        """Solution -> its near duplicates, without its equals; of fewer words than an n-gram has, punctuation is the text."""
        return {
            solution: [doc_id for doc_id in ids if doc_id not in self.equal[solution]]
            for solution, ids in self._linked(self._overlaps.resemblance >= NEAR_SOLUTION).items()
            if _length(self.text[solution]) >= NGRAM
        }

    @cached_property
    def around(self) -> Mapping[str, Sequence[str]]:
        """Solution -> longer documents in which it stands as it is but for case and white space."""
        longer = (self._overlaps.containment >= 1) & (self._overlaps.resemblance < NEAR_SOLUTION)
        return {
            solution: [
                doc_id for doc_id in ids if f" {folded(self.text[solution])} " in f" {folded(self.text[doc_id])} "
            ]
            for solution, ids in self._linked(longer).items()
            if _length(self.text[solution]) >= CONTAINED_WORDS
        }

    @cached_property
    def _overlaps(self) -> Overlaps:
        solutions = [self.text[doc_id] for doc_id in self.solutions]
        return overlaps_between(solutions, list(self.text.values()), ngram=NGRAM, containment=NEAR_SOLUTION)

    def _linked(self, kept: NDArray[np.bool_]) -> dict[str, list[str]]:
        ids = list(self.text)
        linked: dict[str, list[str]] = {}
        for a, b in zip(self._overlaps.text[kept].tolist(), self._overlaps.other[kept].tolist(), strict=True):
            linked.setdefault(self.solutions[a], []).append(ids[b])
        return linked

    def rivals(self, query: Query, linked: Mapping[str, Sequence[str]]) -> list[Case]:
        """Right answers of a question, each beside a linked document of the pool that is not judged right for it."""
        right = self.right[query.id]
        return [
            (self.text[solution], self.text[other])
            for solution in right
            for other in linked.get(solution, ())
            if other in self.pool and other not in right
        ]

    def beside(self, query: Query) -> Case:
        """A question beside its first right answer."""
        return query.text, next((self.text[doc_id] for doc_id in self.right[query.id]), "")

    def answers(self, is_so: Callable[[str], bool]) -> list[Case]:
        """Solutions of which something is so, each beside the first question that it answers."""
        asked = {doc_id: query.text for query in reversed(self.queries) for doc_id in self.right[query.id]}
        return [(asked[doc_id], self.text[doc_id]) for doc_id in self.solutions if is_so(self.text[doc_id])]


def _known_questions(dataset: Dataset) -> tuple[Finding, Finding]:
    texts = [query.text for query in dataset.test.queries]
    trained = {folded(query.text): query.text for query in reversed(dataset.train.queries)}
    near: dict[int, str] = {}
    others = list(trained.values())
    for a, b in near_duplicates_between(texts, others, ngram=1, threshold=NEAR_QUESTION):
        near.setdefault(a, others[b])
    return (
        finding(
            "held-out questions that are also train questions",
            len(texts),
            ((text, trained[folded(text)]) for text in texts if folded(text) in trained),
            "Systems that learn have seen these questions with their answers, which flatters them beside systems that do not.",
        ),
        finding(
            "held-out questions that nearly equal a train question",
            len(texts),
            ((texts[at], other) for at, other in near.items() if folded(texts[at]) not in trained),
            "Systems that learn have seen almost the same question with its answer, which may flatter them.",
        ),
    )


def _known_solutions(heldout: _Heldout) -> tuple[Finding, Finding]:
    equal: dict[str, Case] = {}
    near: dict[str, Case] = {}
    for found, linked in ((equal, heldout.equal), (near, heldout.near)):
        for solution in heldout.solutions:
            other = next((doc_id for doc_id in linked.get(solution, ()) if doc_id in heldout.trained), None)
            if other is not None:
                found[solution] = (heldout.text[solution], heldout.text[other])
    return (
        finding(
            "held-out solutions that are also train solutions",
            len(heldout.solutions),
            equal.values(),
            "Systems that learn have seen these solutions as answers and may prefer them for that alone.",
        ),
        finding(
            "held-out solutions that nearly equal a train solution",
            len(heldout.solutions),
            (case for solution, case in near.items() if solution not in equal),
            "Systems that learn have seen almost the same text as an answer and may prefer it for that alone.",
        ),
    )


def _copied(heldout: _Heldout) -> Finding:
    copies = {doc_id: [*heldout.equal[doc_id], *heldout.near.get(doc_id, ())] for doc_id in heldout.solutions}
    return finding(
        "held-out questions with an unjudged copy of a right answer in the pool",
        len(heldout.queries),
        (cases[0] for query in heldout.queries if (cases := heldout.rivals(query, copies))),
        "A system that returns the copy is counted as wrong, so every score may be too low, by this share at most.",
    )


def _contained(heldout: _Heldout) -> Finding:
    return finding(
        "held-out questions whose right answer stands inside a longer document of the pool",
        len(heldout.queries),
        (cases[0] for query in heldout.queries if (cases := heldout.rivals(query, heldout.around))),
        "A system that returns the longer document is counted as wrong, although the answer is in it.",
    )


def _quoted(heldout: _Heldout) -> Finding:
    cases = []
    for query in heldout.queries:
        if _length(query.text) < QUOTED_WORDS:
            continue
        texts = (heldout.content[doc_id] for doc_id in heldout.right[query.id])
        quoting = next((text for text in texts if quotes(text, query.text)), None)
        if quoting is not None:
            cases.append((query.text, quoting))
    return finding(
        "held-out questions quoted in their right answer",
        len(heldout.queries),
        cases,
        "Systems that match words find these answers by the quotation alone, which real questions do not offer.",
    )


def _wordless(heldout: _Heldout) -> tuple[Finding, Finding]:
    lengths = {query: _length(query.text) for query in heldout.queries}
    return (
        finding(
            "held-out questions without words",
            len(lengths),
            (heldout.beside(query) for query, length in lengths.items() if length == 0),
            "No system that reads words can do better on these than chance.",
        ),
        finding(
            f"held-out questions of fewer than {SHORT_WORDS} words",
            len(lengths),
            (heldout.beside(query) for query, length in lengths.items() if 0 < length < SHORT_WORDS),
            "So few words fit many answers of which one is judged right, so that even a good system must guess.",
        ),
    )


def _empty_replies(heldout: _Heldout) -> tuple[Finding, Finding]:
    return (
        finding(
            "held-out solutions that are only an address",
            len(heldout.solutions),
            heldout.answers(is_address_alone),
            "What answers the question is on another page, so that only chance or the words of the address find these.",
        ),
        finding(
            "held-out solutions that only say thanks",
            len(heldout.solutions),
            heldout.answers(is_thanks_alone),
            "These answer nothing and fit every question, so that no system can find the right one.",
        ),
    )


def _foreign(heldout: _Heldout, own: frozenset[str]) -> tuple[Finding, ...]:
    if not own:
        return ()
    named = "/".join(sorted(own))
    return (
        finding(
            f"held-out questions in another language than {named}",
            len(heldout.queries),
            (heldout.beside(query) for query in heldout.queries if foreign(query.text, own)),
            "Systems that match words find nothing where the answer is in the collection's language; counted is what is sure.",
        ),
        finding(
            f"held-out solutions in another language than {named}",
            len(heldout.solutions),
            heldout.answers(lambda text: bool(foreign(text, own))),
            "Systems that match words cannot find these for a question in the collection's language; counted is what is sure.",
        ),
    )


def _length(text: str) -> int:
    return len(_WORD.findall(text))
