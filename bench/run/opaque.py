"""Ids as retrievers see them: a document's tells nothing of its question, in whatever way a collection names the two."""

from collections.abc import Sequence
from hashlib import blake2b

from bench.api import Doc, Pairs, Query


def opaque_docs(docs: Sequence[Doc]) -> list[Doc]:
    """The same documents under ids that cannot be matched with those of queries."""
    return [doc._replace(id=_hidden("document", doc.id)) for doc in docs]


def opaque_queries(queries: Sequence[Query]) -> list[Query]:
    """The same questions under ids that cannot be matched with those of documents."""
    return [query._replace(id=_hidden("query", query.id)) for query in queries]


def opaque_pairs(pairs: Pairs) -> Pairs:
    """Documents, questions and judgements, all under opaque ids."""
    qrels = {
        _hidden("query", query_id): {_hidden("document", doc_id): grade for doc_id, grade in grades.items()}
        for query_id, grades in pairs.qrels.items()
    }
    return Pairs(opaque_docs(pairs.corpus), opaque_queries(pairs.queries), qrels)


def _hidden(role: str, name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12, person=role.encode()).hexdigest()
