"""From question/solution pairs to a Dataset: equal texts joined, related pairs grouped, groups divided into splits."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bench.api import Doc, Query
from bench.data.card import Card, TextRule
from bench.data.cleanup import cleaned
from bench.data.dataset import Dataset, Split
from bench.data.neighbours import clusters, near_duplicates
from bench.data.prose import PASSAGE_WORDS, quotes, repeats, words
from bench.data.split import Parts, by_group, by_time
from bench.errors import DataError

LEAST_QUESTIONS = 30
"""With fewer different questions, the tenth that is held out would be one or two."""

_QUOTED_WORDS = 4


class Pair(NamedTuple):
    """One question with one of its solutions.

    group: what it belongs to (a thread, a class), "" for nothing. date: a number that grows with time, if it is known.
    body: the rest of what was asked, if there is more than the question.
    """

    id: str
    question: str
    solution: str
    title: str = ""
    group: str = ""
    date: float | None = None
    body: str = ""


def folded(text: str) -> str:
    """Text with case and white space evened out; what "the same text" means for questions."""
    return " ".join(text.casefold().split())


def dataset_from_pairs(
    pairs: Sequence[Pair], card: Card, facts: Mapping[str, str], progress: Callable[[float, str], None]
) -> Dataset:
    """Join pairs into questions and documents and split them by the card's rule.

    What the text rule drops is dropped first, and with it the pairs of which nothing is left on one side. Pairs whose
    questions are the same text (``folded``) become one question with several relevant documents and the first body that one
    of them has; solutions that are equal byte for byte become one document, since case and white space have a meaning in
    code. Questions are grouped when they share a group label or a document, or are near duplicates of one another in
    question or solution (``TextRule``); by the rule ``random`` they are not. The facts tell how many solutions quote their
    question, in four words or more, and its body. Raises DataError for fewer questions than ``LEAST_QUESTIONS``, and when
    none can be held out.
    """
    pairs, dropped = _cleaned(pairs, card.text)
    questions: dict[str, Pair] = {}
    documents: dict[str, Doc] = {}
    qrels: dict[str, dict[str, int]] = {}
    for pair in pairs:
        first = questions.setdefault(folded(pair.question), pair)
        doc = documents.setdefault(pair.solution, Doc(pair.id, pair.solution, pair.title))
        qrels.setdefault(first.id, {})[doc.id] = 1
    if len(questions) < LEAST_QUESTIONS:
        raise DataError(
            f"{card.name}: {len(questions)} different questions; there must be {LEAST_QUESTIONS} or more to hold some out"
        )
    links = [] if card.split.rule == "random" else _links(pairs, questions, documents, card, progress)
    groups = _groups(pairs, questions, links)
    bodies = _bodies(pairs)
    queries = [Query(pair.id, pair.question, bodies.get(text, "")) for text, pair in questions.items()]
    latest = _latest(pairs, questions)
    rule = _rule(card, dated=bool(latest))
    parts = by_time(groups, latest, card.split) if rule == "by-time" else by_group(groups, card.split)
    if not parts.test or not parts.dev:
        raise DataError(
            f"{card.name}: no question can be held out; the largest of the groups of related questions holds "
            f"{max(Counter(groups.values()).values(), default=0)} of {len(queries)}; add pairs that differ from these"
        )
    joined = {"questions": f"{len(queries):,} from {len(pairs):,} pairs", "documents": f"{len(documents):,}"}
    return Dataset(
        name=card.name,
        corpus=tuple(documents.values()),
        train=_split(parts.train, queries, qrels),
        dev=_split(parts.dev, queries, qrels),
        test=_split(parts.test, queries, qrels),
        pool=card.pool or "heldout",
        facts={
            **facts,
            **_quoted(pairs),
            **_body_facts(len(bodies), len(questions), pairs),
            **dropped,
            **joined,
            **_split_facts(groups, parts, rule, card),
            **(_time_facts(parts, latest) if rule == "by-time" else {}),
        },
        groups=groups,
    )


def _rule(card: Card, *, dated: bool) -> str:
    """The card's rule for splits; DataError for one that pairs do not admit."""
    rule = card.split.rule
    if rule == "official":
        raise DataError(
            f"{card.name}: pairs come without splits; choose by-group, by-time or random instead of official"
        )
    if rule == "by-time" and not dated:
        raise DataError(f"{card.name}: split by time, but not every pair has a date")
    return ("by-time" if dated else "by-group") if rule == "auto" else rule


def _cleaned(pairs: Sequence[Pair], rule: TextRule) -> tuple[Sequence[Pair], dict[str, str]]:
    """Pairs after the clean-up that the rule asks for, and what the report tells of it."""
    what = [name for name in ("numbers", "single letters") if getattr(rule, f"drop_{name.replace(' ', '_')}")]
    if not what:
        return pairs, {}
    kept = [
        pair
        for pair in (
            pair._replace(
                question=cleaned(pair.question, rule),
                solution=cleaned(pair.solution, rule),
                title=cleaned(pair.title, rule),
                body=cleaned(pair.body, rule),
            )
            for pair in pairs
        )
        if pair.question.strip() and pair.solution.strip()
    ]
    lost = len(pairs) - len(kept)
    return kept, {"clean-up": f"{' and '.join(what)} dropped, which left nothing of {lost:,} pairs"}


def _quoted(pairs: Sequence[Pair]) -> dict[str, str]:
    count = sum(len(words(pair.question)) >= _QUOTED_WORDS and quotes(pair.solution, pair.question) for pair in pairs)
    told = f"{count:,} solutions hold their own question word for word, which helps lexical retrievers"
    return {"quoted": told} if count else {}


def _bodies(pairs: Sequence[Pair]) -> dict[str, str]:
    """Folded question -> the first body that tells more than the question."""
    found: dict[str, str] = {}
    for pair in pairs:
        text = folded(pair.question)
        if folded(pair.body) not in ("", text):
            found.setdefault(text, pair.body)
    return found


def _body_facts(bodies: int, questions: int, pairs: Sequence[Pair]) -> dict[str, str]:
    """How many questions have a body, and how many solutions repeat a passage of it."""
    if not bodies:
        return {}
    count = sum(bool(pair.body) and repeats(pair.solution, pair.body) for pair in pairs)
    repeated = f"; {count:,} solutions repeat {PASSAGE_WORDS} words of it in a row or more" if count else ""
    return {"bodies": f"{bodies:,} of {questions:,} questions have one, to learn from alone{repeated}"}


def _links(
    pairs: Sequence[Pair],
    questions: Mapping[str, Pair],
    documents: Mapping[str, Doc],
    card: Card,
    progress: Callable[[float, str], None],
) -> list[tuple[int, int]]:
    """Positions of questions that belong together."""
    position = {text: at for at, text in enumerate(questions)}
    at = [position[folded(pair.question)] for pair in pairs]
    links = _same(at, [pair.group for pair in pairs]) + _same(at, [pair.solution for pair in pairs])
    progress(0.7, "looking for near duplicates among the questions")
    links += near_duplicates(list(questions), ngram=1, threshold=card.text.near_question)
    progress(0.8, "looking for near duplicates among the solutions")
    owner = {pair.solution: a for pair, a in zip(reversed(pairs), reversed(at), strict=True)}
    solutions = list(documents)
    near = near_duplicates(solutions, ngram=card.text.ngram, threshold=card.text.near_solution)
    return links + [(owner[solutions[a]], owner[solutions[b]]) for a, b in near]


def _groups(pairs: Sequence[Pair], questions: Mapping[str, Pair], links: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Question id -> group, named by the smallest id of its pairs so that their order does not matter."""
    roots = dict(zip(questions, clusters(len(questions), links), strict=True))
    names: dict[int, str] = {}
    for pair in pairs:
        root = roots[folded(pair.question)]
        names[root] = min(names.get(root, pair.id), pair.id)
    return {pair.id: names[roots[text]] for text, pair in questions.items()}


def _same(positions: Sequence[int], labels: Sequence[str]) -> list[tuple[int, int]]:
    """Links between the first position of each label and its others."""
    known: dict[str, int] = {}
    firsts = ((known.setdefault(label, at), at) for at, label in zip(positions, labels, strict=True) if label)
    return [(first, at) for first, at in firsts if first != at]


def _latest(pairs: Sequence[Pair], questions: Mapping[str, Pair]) -> dict[str, float]:
    """Question id -> latest date of its pairs; empty unless every pair has one."""
    found: dict[str, float] = {}
    for pair in pairs:
        if pair.date is None:
            return {}
        name = questions[folded(pair.question)].id
        found[name] = max(found.get(name, pair.date), pair.date)
    return found


def _split(ids: Sequence[str], queries: Sequence[Query], qrels: Mapping[str, Mapping[str, int]]) -> Split:
    wanted = set(ids)
    chosen = tuple(query for query in queries if query.id in wanted)
    return Split(chosen, {query.id: qrels[query.id] for query in chosen})


def _split_facts(groups: Mapping[str, str], parts: Parts, rule: str, card: Card) -> dict[str, str]:
    sizes = Counter(groups.values())
    heldout = Counter(groups[query] for query in parts.test)
    kept = [size for size in sizes.values() if size > card.split.largest_group]
    facts = {
        "split": f"{rule.replace('-', ' ')}, {'each question by itself' if rule == 'random' else 'related questions kept together'}",
        "groups": f"{len(sizes):,}, of which {sum(size == 1 for size in sizes.values()):,} of one question; "
        f"held-out questions in {len(heldout):,}, the largest of {max(heldout.values())}",
    }
    if kept:
        facts["left in train"] = (
            f"{len(kept)} groups of more than {card.split.largest_group} questions, {sum(kept):,} questions; "
            f"the largest has {max(kept):,}"
        )
    return facts


def _time_facts(parts: Parts, dates: Mapping[str, float]) -> dict[str, str]:
    first = min(dates[query] for query in parts.test)
    later = sum(dates[query] > first for query in parts.train)
    return {"later in train": f"{later:,} training questions are later than the first held-out one"}
