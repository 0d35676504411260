"""Co-training: further pairs of texts that a collection holds, learned beside its question/solution pairs.

``body``: a question's title and its body. ``title``: a document's title and its text. ``cloze``: a sentence of a document and
the rest of it (the inverse cloze task; Lee, Chang & Toutanova 2019, section 4).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from bench.api import Pairs
from bench.errors import DataError
from retrievers.neural.examples import Examples

LEAST_TERMS = 4
"""Of either side of a pair; fewer terms fit too many texts."""
KEPT = 0.1
"""Share of the sentences that stay in the rest of their document too, so that words in common tell something (ibid.)."""

Terms = list[str]
Analyze = Callable[[str], Terms]


class CoTrained(Examples):
    """Question/solution pairs as they were, behind them the further pairs, whose texts have rows of their own.

    right: ``[questions, solutions]`` of booleans, what is no negative in a batch. counts: further pairs by kind.
    """

    right: sp.csr_array
    counts: dict[str, int]

    def relevance(self) -> sp.csr_array:
        """True for the pairs, and for two texts that come from one document or from a question and a solution of it."""
        return self.right


class Further(NamedTuple):
    """One further pair. question: row of the one whose body ``right`` is, -1 for none. docs: rows of what it comes from."""

    question: int
    left: Terms
    right: Terms
    docs: Sequence[int]


def kinds_of(text: str) -> tuple[str, ...]:
    """Kinds as in ``body-cloze``; ``none`` has none. ValueError for what is no kind, and for one that is there twice."""
    kinds = () if text == "none" else tuple(text.split("-"))
    for at, kind in enumerate(kinds):
        if kind not in KINDS or kind in kinds[:at]:
            raise ValueError(f"cotrain={text} is not none or {', '.join(KINDS)}, several with - between, each once")
    return kinds


def cotrained(
    examples: Examples,
    train: Pairs,
    kinds: Sequence[str],
    analyze: Analyze,
    rng: np.random.Generator,
    *,
    share: float = 1.0,
) -> CoTrained:
    """The examples with further pairs of each kind behind them.

    examples: ``Examples.of(train, analyze)``. share: of one kind at most so many pairs for each pair of the examples; which
    of them is drawn. What is drawn depends on the texts and ``rng`` alone. DataError where a kind finds no pair at all.

    Titles and cloze repeat what stands in the examples: a vocabulary must not count it twice (see ``counted``).
    """
    if len(examples.questions) != len(train.queries) or len(examples.solutions) != len(train.corpus):
        raise ValueError("the examples must be those of the training pairs, row by row")
    solved: list[list[int]] = [[] for _ in train.queries]
    for question, solution in examples.pairs.tolist():
        solved[question].append(solution)
    counts: dict[str, int] = {}
    chosen: list[Further] = []
    most = max(1, round(share * len(examples.pairs)))
    for kind in kinds:
        found = list(KINDS[kind](train, solved, analyze, rng))
        if not found:
            raise DataError(f"cotrain={kind}: {_MISSING[kind]}")
        kept = np.sort(rng.choice(len(found), most, replace=False)) if len(found) > most else range(len(found))
        chosen += [found[at] for at in kept]
        counts[kind] = len(kept)
    return _joined(examples, solved, chosen, counts)


def counted(train: Pairs, examples: Examples, kinds: Sequence[str], analyze: Analyze) -> Iterator[Terms]:
    """Every text that is learned from, once, for a vocabulary: questions, solutions and, with ``body``, the bodies."""
    yield from examples.questions
    yield from examples.solutions
    if "body" in kinds:
        yield from (analyze(query.body) for query in train.queries if query.body)


def _joined(
    examples: Examples, solved: Sequence[Sequence[int]], further: Sequence[Further], counts: dict[str, int]
) -> CoTrained:
    lefts, rights = _Rows(examples.questions), _Rows(examples.solutions)
    pairs = [
        (one.question if one.question >= 0 else lefts.add(one.left, one.docs), rights.add(one.right, one.docs))
        for one in further
    ]
    lefts.docs += [(row, doc) for row, docs in enumerate(solved) for doc in docs]
    rights.docs += [(row, row) for row in range(len(examples.solutions))]
    all_pairs = np.concatenate([examples.pairs, np.array(pairs, dtype=np.int64).reshape(-1, 2)])
    joined = CoTrained(lefts.texts, rights.texts, all_pairs)
    shape = (len(lefts.texts), len(rights.texts))
    count = len(examples.solutions)
    related = _table(lefts.docs, (shape[0], count)) @ _table(rights.docs, (shape[1], count)).T
    joined.right = sp.csr_array((related + _table(pairs, shape)).astype(np.bool_))
    joined.counts = counts
    return joined


class _Rows:
    """Texts of one side; an equal further text is the same row. docs: rows and the documents that they come from."""

    def __init__(self, texts: Sequence[Terms]) -> None:
        self.texts = list(texts)
        self.docs: list[tuple[int, int]] = []
        self._known: dict[tuple[str, ...], int] = {}

    def add(self, text: Terms, docs: Sequence[int]) -> int:
        row = self._known.setdefault(tuple(text), len(self.texts))
        if row == len(self.texts):
            self.texts.append(text)
        self.docs += [(row, doc) for doc in docs]
        return row


def _table(places: Sequence[tuple[int, int]], shape: tuple[int, int]) -> sp.csr_array:
    rows, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return sp.csr_array((np.ones(len(places), dtype=np.int32), (rows, columns)), shape=shape)


def _bodies(
    train: Pairs, solved: Sequence[Sequence[int]], analyze: Analyze, rng: np.random.Generator
) -> Iterator[Further]:
    del rng
    for row, query in enumerate(train.queries):
        body = analyze(query.body) if query.body else []
        if len(body) >= LEAST_TERMS:
            yield Further(row, [], body, solved[row])


def _titles(
    train: Pairs, solved: Sequence[Sequence[int]], analyze: Analyze, rng: np.random.Generator
) -> Iterator[Further]:
    del solved, rng
    for row, doc in enumerate(train.corpus):
        title, text = (analyze(doc.title), analyze(doc.text)) if doc.title else ([], [])
        if title and len(text) >= LEAST_TERMS:
            yield Further(-1, title, text, [row])


def _clozes(
    train: Pairs, solved: Sequence[Sequence[int]], analyze: Analyze, rng: np.random.Generator
) -> Iterator[Further]:
    del solved
    for row, doc in enumerate(train.corpus):
        cut = _cut([analyze(sentence) for sentence in _SENTENCE_END.split(doc.text)], rng)
        if cut is not None:
            sentence, rest = cut
            yield Further(-1, sentence, analyze(doc.title) + rest if doc.title else rest, [row])


def _cut(sentences: Sequence[Terms], rng: np.random.Generator) -> tuple[Terms, Terms] | None:
    """A sentence and the text without it, or with it for one in ten; of a text of one sentence a span of half of it at most.

    None where one of the two sides would have fewer than ``LEAST_TERMS``.
    """
    text = [term for sentence in sentences for term in sentence]
    ends = list(accumulate(map(len, sentences)))
    spans = [
        (end - len(sentence), end)
        for sentence, end in zip(sentences, ends, strict=True)
        if LEAST_TERMS <= len(sentence) <= len(text) - LEAST_TERMS
    ]
    if spans:
        start, stop = spans[int(rng.integers(len(spans)))]
    elif len(text) >= 2 * LEAST_TERMS:
        length = int(rng.integers(LEAST_TERMS, len(text) // 2, endpoint=True))
        start = int(rng.integers(len(text) - length, endpoint=True))
        stop = start + length
    else:
        return None
    rest = text if rng.random() < KEPT else text[:start] + text[stop:]
    return text[start:stop], rest


# Lines, since those of code are its sentences, and ends of sentences in prose.
_SENTENCE_END = re.compile(r"\n+|(?<=[.!?])\s+")

KINDS: dict[str, Callable[[Pairs, Sequence[Sequence[int]], Analyze, np.random.Generator], Iterator[Further]]] = {
    "body": _bodies,
    "title": _titles,
    "cloze": _clozes,
}
_MISSING = {
    "body": "no training question has a body",
    "title": f"no training document has a title and a text of {LEAST_TERMS} words",
    "cloze": f"no training document has {2 * LEAST_TERMS} words",
}
