"""Why a document matched: occlusion of words, and the shares of compositions, against numbers known beforehand."""

import math
import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.conformance import ConformanceError, check_retriever
from bench.explanation import Explanation, Matrix, Table, Terms, faults
from bench.occlusion import AT_ONCE, explained, without_words
from bench.pipeline import Cascade, Exhaustive, Fusion
from retrievers.bm25 import BM25

DOCS = [Doc(f"d{at}", text) for at, text in enumerate(["open a zip file", "zip", "tar archive", "open door", "file"])]
ENV = Env(threads=1)
NOBODY = Pairs([], [], {})


@dataclass
class Sums(Retriever):
    """The sum of the values of the words that question and document share; no hit at 0 or below."""

    values: dict = field(default_factory=dict)
    name: str = ""

    def index(self, corpus, env):
        self._texts = [set(doc.text.split()) for doc in corpus]

    def table(self, queries):
        return np.array(
            [
                [sum(self.values.get(w, 0) for w in q.text.split() if w in text) for text in self._texts]
                for q in queries
            ],
            dtype=np.float32,
        )

    def search(self, queries, k):
        hits = Hits.top(self.table(queries), k)
        return Hits(np.where(hits.scores > 0, hits.positions, -1), hits.scores)


@dataclass
class Valued(Scorer):
    """The same as a scorer."""

    values: dict = field(default_factory=dict)

    def index(self, corpus, env):
        self._sums = Sums(self.values)
        self._sums.index(corpus, env)

    def score(self, queries, positions):
        return np.take_along_axis(self._sums.table(queries), np.maximum(positions, 0), axis=1)


VALUES = {"open": 1.0, "zip": 3.0, "file": 0.5}
OTHER = {"open": 2.0, "zip": 0.25, "file": 0.75}


def indexed(system):
    system.index(DOCS, ENV)
    return system


def why(system, text, at=0):
    return explained(indexed(system), Query("q", text), DOCS[at], at, len(DOCS))


def weights(part):
    return dict(zip(part.tokens, part.weights, strict=True))


@pytest.mark.parametrize("component", [Sums(VALUES), Valued(VALUES)])
def test_a_word_left_out_costs_what_it_is_worth(component):
    told = why(component, "open zip the file")
    assert told.score == 4.5
    assert weights(told.parts[0]) == {"open": 1.0, "zip": 3.0, "the": 0.0, "file": 0.5}


def test_a_word_without_which_there_is_no_hit_has_the_whole_score():
    assert weights(why(Sums(VALUES), "zip the", 1).parts[0]) == {"zip": 3.0, "the": 0.0}


def test_what_is_no_hit_has_no_score_and_nothing_to_explain():
    told = why(Sums(VALUES), "open file", 2)
    assert math.isnan(told.score)
    assert told.parts == ()


def test_a_word_that_stands_twice_is_left_out_once_at_a_time():
    told = why(Sums(VALUES), "zip zip", 1)
    assert told.parts[0].tokens == ("zip", "zip")
    assert told.parts[0].weights == (3.0, 3.0)


def test_more_words_than_are_asked_at_once():
    words = ["zip", *(f"word{at}" for at in range(2 * AT_ONCE)), "open"]
    assert why(Sums(VALUES), " ".join(words)).parts[0].weights == (3.0, *[0.0] * 2 * AT_ONCE, 1.0)


def test_to_bm25_a_stop_word_left_out_is_worth_nothing():
    told = without_words(indexed(BM25()), Query("q", "how to open the zip file"), 0, len(DOCS))
    found = weights(told.parts[0])
    assert [found[word] for word in ("how", "to", "the")] == [0, 0, 0]
    assert min(found[word] for word in ("open", "zip", "file")) > 0


def test_occlusion_of_bm25_agrees_with_its_own_contributions():
    query = Query("q", "open zip file")
    system = indexed(BM25())
    left_out = without_words(system, query, 0, len(DOCS)).parts[0]
    assert left_out.weights == pytest.approx(system.explain(query, DOCS[0], 0).parts[0].weights, abs=1e-6)


@pytest.mark.parametrize(
    "system",
    [
        Fusion((Sums(VALUES), Sums(OTHER))),
        Fusion((Sums(VALUES), Sums(OTHER)), weights="0.3~0.7"),
        Fusion((Sums(VALUES), Fusion((BM25(), Sums(OTHER))))),
        Cascade(Sums(VALUES), Valued(OTHER), blend="0.25"),
        Cascade(BM25(), Valued(OTHER), depth=2, blend="0"),
        Exhaustive(Valued(VALUES)),
        Fusion((BM25(), Exhaustive(Valued(VALUES)))),
    ],
)
def test_the_shares_of_a_composition_are_the_score_that_search_gives(system):
    hits = indexed(system).search([Query("q", "open zip file")], 2)
    for position, score in zip(hits.positions[0], hits.scores[0], strict=True):
        told = why(system, "open zip file", int(position))
        assert told.score == pytest.approx(score, rel=1e-6)
        assert math.fsum(told.parts[0].weights) == pytest.approx(score, rel=1e-6)
        assert faults(told) == []


def test_the_gains_of_a_fusion_are_reciprocal_ranks():
    told = why(Fusion((Sums(VALUES), Sums(OTHER), Sums({"tar": 1.0})), rrf_k=10), "zip file", 4)
    assert told.parts[0].tokens == ("Sums", "Sums 2", "Sums 3")
    assert told.parts[0].weights == pytest.approx((1 / 13, 1 / 12, 0))
    assert [row[1] for row in told.parts[1].rows] == ["3", "2", "-"]
    assert [name for name, _ in told.inner] == ["Sums", "Sums 2", "Sums 3"]


def test_a_cascade_tells_what_it_did_not_re_rank():
    told = why(Cascade(Sums(VALUES), Valued(OTHER), depth=1, blend="0.5"), "open zip file", 4)
    assert math.isnan(told.score)
    assert "not re-ranked" in told.parts[0].title
    assert told.inner[0][1].score == 0.5


def test_what_no_part_of_a_fusion_finds_has_no_score():
    assert math.isnan(why(Fusion((Sums(VALUES), Sums(OTHER))), "open", 2).score)


def test_a_scorer_that_ranks_the_pool_is_explained_as_itself():
    assert why(Exhaustive(Valued(VALUES)), "open zip") == why(Valued(VALUES), "open zip")


@pytest.mark.parametrize(
    "part",
    [
        Terms("uneven", ("a", "b"), (1.0,)),
        Terms("endless", ("a",), (math.inf,)),
        Matrix("flat", ("a",), ("b", "c"), np.zeros(2)),
        Matrix("unknown", ("a",), ("b",), np.array([[np.nan]])),
        Table("short", ("x", "y"), (("1",),)),
    ],
)
def test_a_malformed_part_is_named(part):
    [fault] = faults(Explanation(1.0, (Terms("good", ("a",), (1.0,)),), (("inner", Explanation(1.0, (part,))),)))
    assert fault.startswith(part.title)


@dataclass
class Boasting(BM25):
    """Explains another score than it gives."""

    def explain(self, query, doc, position):
        return super().explain(query, doc, position)._replace(score=99.0)


@dataclass
class Sloppy(BM25):
    """Has a token too many."""

    def explain(self, query, doc, position):
        told = super().explain(query, doc, position)
        return told._replace(parts=(told.parts[0]._replace(tokens=("more", *told.parts[0].tokens)),))


@pytest.mark.parametrize(("component", "why"), [(Boasting(), "the score of search()"), (Sloppy(), "one finite weight")])
def test_the_conformance_kit_catches_a_wrong_explanation(component, why):
    with pytest.raises(ConformanceError, match=rf"^explains_its_scores: .*{re.escape(why)}"):
        check_retriever(component)
