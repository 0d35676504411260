"""What lexical signals learn from pairs: word translations, and the worth of words and n-grams."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bench.api import Doc, Query
from retrievers.lexical.counts import TermCounts
from retrievers.lexical.relevance import CLASSES, Relevance
from retrievers.lexical.translation import Translations

Terms = list[str]


class Reading(NamedTuple):
    """Questions and solutions by one analysis, and of how many solutions hold each term."""

    questions: list[Terms]
    solutions: list[Terms]
    frequencies: dict[str, int]

    @classmethod
    def of(cls, queries: Sequence[Query], corpus: Sequence[Doc], analyze: Callable[[str], Terms]) -> Self:
        """Analyse."""
        solutions = [analyze(doc.content) for doc in corpus]
        counts = TermCounts.of(solutions)
        frequencies = dict(zip(counts.terms, counts.document_frequencies.tolist(), strict=True))
        return cls([analyze(query.text) for query in queries], solutions, frequencies)

    def relevance(self, pairs: Sequence[tuple[int, int]]) -> Relevance:
        """Learn from these rows of questions and solutions."""
        texts = ((self.questions[asked], self.solutions[solved]) for asked, solved in pairs)
        return Relevance.learn(texts, self.frequencies, len(self.solutions))


class Lessons(NamedTuple):
    """All learned from the same pairs."""

    translations: Translations
    words: Relevance
    grams: Relevance

    @classmethod
    def learn(cls, pairs: Sequence[tuple[int, int]], words: Reading, grams: Reading) -> Self:
        """Learn from these rows of questions and solutions, which are given as words and as n-grams."""
        questions, solutions = [words.questions[q] for q, _ in pairs], [words.solutions[s] for _, s in pairs]
        return cls(Translations.learn(questions, solutions), words.relevance(pairs), grams.relevance(pairs))

    def save(self, folder: Path) -> None:
        """Write two files into the folder."""
        table = dict(zip(Translations._fields[1:], self.translations[1:], strict=True))
        priors = {"words": self.words.prior, "grams": self.grams.prior}
        np.savez(folder / "lessons.npz", allow_pickle=False, **table, **priors)
        counts = {name: [dict(part.asked), dict(part.kept)] for name, part in self._asdict().items() if name in priors}
        facts = {"translations": self.translations.words, **counts}
        (folder / "lessons.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Inverse of ``save``; OSError, EOFError, BadZipFile, ValueError, TypeError or KeyError where a file is missing or damaged."""
        facts = json.loads((folder / "lessons.json").read_text(encoding="utf-8"))
        with np.load(folder / "lessons.npz", allow_pickle=False) as arrays:
            table = [arrays[name] for name in Translations._fields[1:]]
            words, grams = (_relevance(facts[name], arrays[name]) for name in ("words", "grams"))
        translations = Translations(tuple(facts["translations"]), *table)
        translations.check()
        return cls(translations, words, grams)


def _relevance(counts: list[dict[str, int]], prior: NDArray[np.float64]) -> Relevance:
    asked, kept = counts
    if prior.shape != (CLASSES,):
        raise ValueError(f"a prior for each of {CLASSES} classes of terms expected")
    return Relevance(asked, kept, prior)
