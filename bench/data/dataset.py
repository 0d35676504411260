"""The nouns of a collection: splits of judged questions over one corpus, and the pool that is searched."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bench.api import Doc, Pairs, Qrels, Query
from bench.errors import DataError

POOLS = ("heldout", "all")

_COUNTING = (
    "questions",
    "documents",
    "groups",
    "left in train",
    "later in train",
    "quoted",
    "bodies",
    "questions that are documents",
)
"""Facts that are wrong of a part of the collection."""


@dataclass(frozen=True)
class Split:
    """Questions and their judgements; every query has at least one relevant document."""

    queries: tuple[Query, ...]
    qrels: Qrels

    def judged(self) -> set[str]:
        """Ids of all documents that are judged for a query of this split."""
        return {doc_id for grades in self.qrels.values() for doc_id in grades}


@dataclass(frozen=True)
class Dataset:
    """One corpus, three splits.

    name: as the report prints it, ``python-docs`` or the folder's name.
    pool: the pool that is searched unless the user says otherwise, ``heldout`` or ``all``.
    facts: what the report tells about it (licence, source, versions of packages, counts of dropped records), in order.
    groups: query id -> group (thread, class, near-duplicate cluster); a query without one is its own group.
    """

    name: str
    corpus: tuple[Doc, ...]
    train: Split
    dev: Split
    test: Split
    pool: str = "heldout"
    facts: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that can change a result: documents, questions, judgements, splits, bodies to learn from."""
        digest = hashlib.sha256()
        for doc in self.corpus:
            digest.update("\0".join(doc).encode("utf-8", "surrogatepass") + b"\1")
        for split in (self.train, self.dev, self.test):
            digest.update(b"\2")
            for query in split.queries:
                grades = sorted(split.qrels[query.id].items())
                digest.update(f"{query.id}\0{query.text}\0{grades}\1".encode("utf-8", "surrogatepass"))
        # Nothing is added where there are no bodies, so that what was stored before there were any is still found.
        for query in self.train.queries:
            if query.body:
                digest.update(f"\3{query.id}\0{query.body}\1".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]

    def content(self, pool: str) -> dict[str, str]:
        """Hashes that tell what two collections differ in, by the name of the component."""
        split = self.test
        grades = [sorted(split.qrels[query.id].items()) for query in split.queries]
        learning = [
            (query.text, sorted(part.qrels[query.id]), *filter(None, [query.body]))
            for part in (self.pairs("train"), self.pairs("dev"))
            for query in part.queries
        ]
        return {
            "searched documents": _hash(sorted(self.documents(pool))),
            "held-out questions": _hash(tuple(_Searched(query.id, query.text) for query in split.queries)),
            "judgements": _hash(grades),
            "groups": _hash([self.groups.get(query.id, query.id) for query in split.queries]),
            "training data": _hash([learning, sorted(self.pairs("train").corpus), sorted(self.pairs("dev").corpus)]),
        }

    def documents(self, pool: str) -> tuple[Doc, ...]:
        """Documents to search: those judged for a held-out question (``heldout``) or every one (``all``)."""
        if pool == "all":
            return self.corpus
        return self._select(self.test)

    def pairs(self, split: str) -> Pairs:
        """What ``fit`` may see of ``train`` or ``dev``: the split's questions and the documents judged for them.

        Questions of ``train`` carry their bodies. Those of ``dev`` do not: they stand for what will be searched.
        """
        if split not in ("train", "dev"):
            raise DataError(f"a retriever may learn from train and dev only, not from {split!r}")
        part: Split = getattr(self, split)
        queries = part.queries if split == "train" else tuple(Query(query.id, query.text) for query in part.queries)
        return Pairs(self._select(part), queries, part.qrels)

    def limited(self, limit: int) -> "Dataset":
        """Keep the first ``limit`` held-out questions, four times as many for training, and the documents judged for those.

        Facts that count questions or documents go; what is left tells of the whole collection.
        """
        test, dev, train = (
            _first(split, n) for split, n in ((self.test, limit), (self.dev, limit), (self.train, 4 * limit))
        )
        kept = test.judged() | dev.judged() | train.judged()
        corpus = tuple(doc for doc in self.corpus if doc.id in kept)
        questions = {query.id for split in (test, dev, train) for query in split.queries}
        told = (
            f"first {limit} held-out questions; pool and corpus reduced to {len(corpus):,} of {len(self.corpus):,} "
            "documents; other counts are of the whole collection"
        )
        return Dataset(
            name=self.name,
            corpus=corpus,
            train=train,
            dev=dev,
            test=test,
            pool=self.pool,
            facts={**{name: fact for name, fact in self.facts.items() if name not in _COUNTING}, "limit": told},
            groups={query: group for query, group in self.groups.items() if query in questions},
        )

    def _select(self, split: Split) -> tuple[Doc, ...]:
        wanted = split.judged()
        return tuple(doc for doc in self.corpus if doc.id in wanted)


class _Searched(NamedTuple):
    """A question as it is searched with; written, and so hashed, as questions were before they had bodies."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Query(id={self.id!r}, text={self.text!r})"


def _hash(content: object) -> str:
    return hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _first(split: Split, n: int) -> Split:
    queries: Sequence[Query] = split.queries[:n]
    return Split(tuple(queries), {query.id: split.qrels[query.id] for query in queries})
