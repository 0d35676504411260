"""From documents, questions and judgements to a Dataset: splits as given, or divided by the card's rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bench.api import Doc, Query
from bench.data.card import Card
from bench.data.cleanup import cleaned
from bench.data.dataset import Dataset, Split
from bench.data.neighbours import clusters, near_duplicates
from bench.data.pairing import folded
from bench.data.split import by_group, salted
from bench.errors import DataError


class Judgement(NamedTuple):
    """A grade, above 0 for a relevant document. place: file and line, or what else tells where it stands."""

    query: str
    doc: str
    grade: int
    place: str


@dataclass(frozen=True)
class Judged:
    """A collection before it is divided. names: what messages and facts call the judgements of a split."""

    docs: Mapping[str, Doc]
    queries: Mapping[str, Query]
    card: Card
    names: Mapping[str, str]
    dropped: dict[str, int] = field(default_factory=dict)

    def given(self, judgements: Mapping[str, Iterable[Judgement]], facts: Mapping[str, str]) -> Dataset:
        """Take the splits as given: judgements of ``test``, and of ``train`` and ``dev`` where there are.

        Without ``dev`` a share of train serves, by the card's rule. Questions of train and dev that stand word for word in
        a later split are left out, and so are questions without a relevant document. DataError where none is left to hold
        out, and for judgements of what is not there.
        """
        return _cleaned(self)._given(judgements, facts)  # noqa: SLF001 - of its own class

    def divided(self, judgements: Iterable[Judgement], facts: Mapping[str, str]) -> Dataset:
        """Divide questions that were judged together by the card's rule; near duplicates stay on one side but at random."""
        return _cleaned(self)._divided(judgements, facts)  # noqa: SLF001 - of its own class

    def _given(self, judgements: Mapping[str, Iterable[Judgement]], facts: Mapping[str, str]) -> Dataset:
        if self.card.split.rule not in ("auto", "official"):
            raise DataError(
                f"{self.card.name}: split by {self.card.split.rule!r}, but it comes with its splits; choose official"
            )
        parts = {name: self._split(name, rows) for name, rows in judgements.items()}
        test, train = parts["test"], parts.get("train", Split((), {}))
        if not test.queries:
            raise DataError(f"{self.names['test']}: no question has a relevant document (a grade above 0)")
        train = self._without(train, test, "train")
        if "dev" in parts:
            dev = self._without(parts["dev"], test, "dev")
            train = self._without(train, dev, "train")
            how = f"as given: held out is {self.names['test']}"
        else:
            train, dev = self._dev_from(train)
            how = f"as given: held out is {self.names['test']}, dev is {len(dev.queries):,} questions of train"
        return self._dataset(train, dev, test, {**facts, "split": how})

    def _divided(self, judgements: Iterable[Judgement], facts: Mapping[str, str]) -> Dataset:
        rule = self.card.split.rule
        if rule in ("official", "by-time"):
            raise DataError(
                f"{self.card.name}: split by {rule!r}, but no question has a split or a date; choose by-group"
            )
        whole = self._split("all", judgements)
        ids, texts = [query.id for query in whole.queries], [query.text for query in whole.queries]
        near = near_duplicates(texts, ngram=1, threshold=self.card.text.near_question) if rule != "random" else []
        groups = {query: ids[root] for query, root in zip(ids, clusters(len(ids), near), strict=True)}
        parts = by_group(groups, self.card.split)
        if not parts.test or not parts.dev:
            raise DataError(f"{self.names['all']}: {len(ids)} questions are too few to hold some out")
        train, dev, test = (_part(whole, part) for part in parts)
        return self._dataset(train, dev, test, {**facts, "split": f"by group, from {self.names['all']}"}, groups)

    def _split(self, name: str, judgements: Iterable[Judgement]) -> Split:
        qrels: dict[str, dict[str, int]] = {}
        for query, doc, grade, place in judgements:
            if query not in self.queries:
                raise DataError(f"{place}: no question {query!r} among the {len(self.queries):,} there are")
            if doc not in self.docs:
                raise DataError(f"{place}: no document {doc!r} among the {len(self.docs):,} there are")
            known = qrels.setdefault(query, {}).setdefault(doc, grade)
            if known != grade:
                raise DataError(
                    f"{place}: question {query!r}, document {doc!r} was judged {known} before and {grade} here"
                )
        kept = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
        self._drop(f"questions of {self.names[name]} without a relevant document", len(qrels) - len(kept))
        return Split(tuple(self.queries[query] for query in kept), kept)

    def _without(self, split: Split, later: Split, name: str) -> Split:
        texts = {folded(query.text) for query in later.queries}
        kept = [query.id for query in split.queries if folded(query.text) not in texts]
        self._drop(f"questions of {name} that stand word for word in a later split", len(split.queries) - len(kept))
        distinct = _part(split, kept)
        return self._apart(distinct, later, name) if self.card.text.drop_near else distinct

    def _apart(self, split: Split, later: Split, name: str) -> Split:
        """The questions that resemble none of a later split, neither in words nor in their solutions."""
        from bench.data.overlaps import near_duplicates_between  # noqa: PLC0415 - loads scipy, and few cards ask for it

        rule = self.card.text
        texts, others = ([query.text for query in one.queries] for one in (split, later))
        near = near_duplicates_between(texts, others, ngram=1, threshold=rule.near_question)
        lost = {split.queries[at].id for at, _ in near}
        mine, theirs = (sorted(one.judged()) for one in (split, later))
        texts, others = ([self.docs[doc].text for doc in ids] for ids in (mine, theirs))
        near = near_duplicates_between(texts, others, ngram=rule.ngram, threshold=rule.near_solution)
        copies = {mine[at] for at, _ in near}
        lost |= {query for query, grades in split.qrels.items() if any(grades[d] > 0 and d in copies for d in grades)}
        self._drop(f"questions of {name} near a later split's, in words or solution", len(lost))
        return _part(split, [query.id for query in split.queries if query.id not in lost])

    def _dev_from(self, train: Split) -> tuple[Split, Split]:
        """Set a share of the training questions apart; the same text goes to the same side."""
        rule = self.card.split
        texts = {query.id: folded(query.text) for query in train.queries}
        order = sorted(set(texts.values()), key=lambda text: salted(text, rule.salt))
        chosen = set(order[: min(rule.dev, round(rule.fraction * len(order)))])
        return (
            _part(train, [query for query, text in texts.items() if text not in chosen]),
            _part(train, [query for query, text in texts.items() if text in chosen]),
        )

    def _drop(self, why: str, count: int) -> None:
        if count:
            self.dropped[why] = self.dropped.get(why, 0) + count

    def _dataset(
        self, train: Split, dev: Split, test: Split, facts: Mapping[str, str], groups: Mapping[str, str] | None = None
    ) -> Dataset:
        docs = tuple(self.docs.values())
        empty = sum(not doc.content.strip() for doc in docs)
        told = {**facts, "documents": f"{len(docs):,}, of which {empty:,} are empty"}
        questions = [*train.queries, *dev.queries, *test.queries]
        if bodies := sum(bool(query.body) for query in questions):
            told["bodies"] = f"{bodies:,} of {len(questions):,} questions have one, to learn from alone"
        if self.dropped:
            told["dropped"] = "; ".join(f"{count:,} {why}" for why, count in self.dropped.items())
        return Dataset(self.card.name, docs, train, dev, test, self.card.pool or "all", told, groups or {})


def _cleaned(whole: Judged) -> Judged:
    """After the clean-up that the card asks for, and before texts are compared."""
    rule = whole.card.text
    if not (rule.drop_numbers or rule.drop_single_letters):
        return whole
    docs = {
        name: doc._replace(text=cleaned(doc.text, rule), title=cleaned(doc.title, rule))
        for name, doc in whole.docs.items()
    }
    queries = {
        name: query._replace(text=cleaned(query.text, rule), body=cleaned(query.body, rule))
        for name, query in whole.queries.items()
    }
    return replace(whole, docs=docs, queries=queries)


def _part(split: Split, ids: Sequence[str]) -> Split:
    kept = set(ids)
    queries = tuple(query for query in split.queries if query.id in kept)
    return Split(queries, {query.id: split.qrels[query.id] for query in queries})
