"""The gate between a collection and a retriever: opaque ids, and bodies for learning alone."""

import json

from plugin_examples import broken

from bench.api import Doc, Pairs, Query, opaque_id
from bench.run.opaque import opaque_pairs, opaque_queries

LOOKS = """
    def fit(self, train, dev, env):
        if [query.body for query in train.queries] != ["I tried"] * len(train.queries):
            raise ValueError("training questions without their bodies")
        if any(query.body for query in dev.queries):
            raise ValueError("bodies of dev")
"""
SEARCHES = """if any(query.body for query in queries):
            raise ValueError("bodies of test")
        return Hits.top(np.zeros((len(queries), self._size), dtype=np.float32), k)"""


def test_pairs_keep_the_bodies_they_have_and_questions_to_search_with_lose_them():
    pairs = Pairs([Doc("d", "text", "title")], [Query("q", "why", "I tried")], {"q": {"d": 2}})
    query, doc = opaque_id("query", "q"), opaque_id("document", "d")
    assert opaque_pairs(pairs) == ([Doc(doc, "text", "title")], [Query(query, "why", "I tried")], {query: {doc: 2}})
    assert opaque_queries(pairs.queries) == [Query(query, "why")]


def test_a_retriever_is_given_bodies_of_training_questions_alone(bench, plugin, collection, capsys):
    path = collection / "queries.jsonl"
    rows = [{**json.loads(line), "body": "I tried"} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = broken(SEARCHES, extra=LOOKS)
    status = bench("--retrievers=looks", f"--plugin={plugin('looks', source)}", "--out=looked")
    assert status == 0, capsys.readouterr()
