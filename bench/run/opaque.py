"""Ids as retrievers see them: a document's tells nothing of its question, in whatever way a collection names the two."""

from collections.abc import Sequence

from bench.api import Doc, Pairs, Query, opaque_id


def opaque_docs(docs: Sequence[Doc]) -> list[Doc]:
    """The same documents under ids that cannot be matched with those of queries."""
    return [doc._replace(id=opaque_id("document", doc.id)) for doc in docs]


def opaque_queries(queries: Sequence[Query]) -> list[Query]:
    """Held-out questions under ids that cannot be matched with those of documents, and without their bodies."""
    return [Query(opaque_id("query", query.id), query.text) for query in queries]


def opaque_pairs(pairs: Pairs) -> Pairs:
    """Documents, questions with their bodies, and judgements, all under opaque ids."""
    qrels = {
        opaque_id("query", query_id): {opaque_id("document", doc_id): grade for doc_id, grade in grades.items()}
        for query_id, grades in pairs.qrels.items()
    }
    queries = [query._replace(id=opaque_id("query", query.id)) for query in pairs.queries]
    return Pairs(opaque_docs(pairs.corpus), queries, qrels)
