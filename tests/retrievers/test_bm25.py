"""BM25 by hand, and what must hold of every variant."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.api import Doc, Env, Query
from bench.errors import SpecError
from retrievers.bm25 import BM25
from retrievers.lexical.formulas import VARIANTS

words = st.lists(st.sampled_from(["ant", "bee", "cat", "dog", "eel", "fox"]), max_size=8).map(" ".join)
corpora = st.lists(words, min_size=1, max_size=12)
variants = pytest.mark.parametrize("variant", VARIANTS)

ANIMALS = ["cat sat mat", "cat cat dog", "bird flew away home"]


def indexed(texts, **parameters):
    retriever = BM25(**{"stemmer": "none", "stop": "none", **parameters})
    retriever.index([Doc(str(i), text) for i, text in enumerate(texts)], Env())
    return retriever


def ask(retriever, *texts, k=1000):
    return retriever.search([Query(str(i), text) for i, text in enumerate(texts)], k)


def scores(texts, question, **parameters):
    """Score of every document, 0 for those that are no hit."""
    hits = ask(indexed(texts, **parameters), question, k=len(texts))
    dense = np.zeros(len(texts) + 1, dtype=np.float32)
    dense[hits.positions[0]] = hits.scores[0]
    return dense[:-1]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        # norm = .25 + .75 * 3 / (10 / 3) = .925; cat: df 2, once in the first, twice in the second; dog: df 1
        ("lucene", [0.2228, 0.7671, 0]),  # ln(1 + 1.5/2.5) / 2.11; ln(1.6) * 2 / 3.11 + ln(1 + 2.5/1.5) / 2.11
        ("robertson", [0, 0.2421, 0]),  # cat in two of three: IDF < 0; ln(2.5/1.5) / 2.11
        ("atire", [0.4228, 1.7191, 0]),  # ln(3/2) * 2.2 / 2.11; ln(1.5) * 4.4 / 3.11 + ln(3) * 2.2 / 2.11
        ("plus", [1.4159, 4.5055, 0]),  # ln(4/2) (1.0427 + 1); ln(2) (1.4148 + 1) + ln(4) (1.0427 + 1)
        (
            "l",
            [0.5878, 1.9395, 0],
        ),  # tf/norm + .5 = 1.5811 and 2.6622: ln(4/2.5) 1.2508; ln(1.6) 1.5165 + ln(4/1.5) 1.2508
    ],
)
def test_scores_by_hand(variant, expected):
    assert scores(ANIMALS, "cat dog", variant=variant) == pytest.approx(expected, abs=5e-5)


def test_a_word_repeated_in_the_question_counts_twice():
    assert scores(ANIMALS, "dog cat dog") == pytest.approx(scores(ANIMALS, "cat") + 2 * scores(ANIMALS, "dog"))


@variants
@given(corpora, words)
def test_only_documents_that_share_a_word_are_hits(variant, texts, question):
    shared = [bool(set(text.split()) & set(question.split())) for text in texts]
    assert not np.any(scores(texts, question, variant=variant)[~np.array(shared)])


@variants
@given(corpora, words, st.randoms())
def test_the_order_of_the_questions_words_changes_no_bit(variant, texts, question, random):
    shuffled = question.split()
    random.shuffle(shuffled)
    first, second = scores(texts, question, variant=variant), scores(texts, " ".join(shuffled), variant=variant)
    assert first.tobytes() == second.tobytes()


@variants
@given(corpora, st.lists(words, max_size=5), st.integers(1, 15))
def test_a_batch_gives_the_bits_of_one_by_one_and_k_cuts_the_ranking(variant, texts, questions, k):
    retriever = indexed(texts, variant=variant)
    batch = ask(retriever, *questions, k=k)
    for row, question in enumerate(questions):
        alone = ask(retriever, question, k=len(texts))
        assert batch.positions[row].tolist() == alone.positions[0, :k].tolist()
        assert batch.scores[row].tobytes() == alone.scores[0, :k].tobytes()


@given(corpora, words)
def test_doubling_the_corpus_changes_no_score_where_idf_is_a_ratio(texts, question):
    once = scores(texts, question, variant="atire")
    assert scores(texts * 2, question, variant="atire") == pytest.approx(np.tile(once, 2), rel=1e-5)


@pytest.mark.parametrize("variant", ["lucene", "robertson", "atire", "plus", "l"])
def test_in_texts_of_one_length_more_occurrences_score_higher(variant):
    texts = ["cat ant ant ant", "cat cat ant ant", "cat cat cat ant", "eel eel eel eel", *["fox fox fox fox"] * 5]
    assert ask(indexed(texts, variant=variant), "cat").positions[0, :4].tolist() == [2, 1, 0, -1]


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant != "rank-l"])
def test_k1_0_forgets_frequency_and_b_0_forgets_length(variant):
    others = ["eel fox"] * 4
    assert len({*scores(["cat cat cat", "cat", *others], "cat", variant=variant, k1=0.0)[:2].tolist()}) == 1
    assert len({*scores(["cat dog ant bee", "cat", *others], "cat", variant=variant, b=0.0)[:2].tolist()}) == 1


def test_delta_of_plus_goes_to_documents_that_hold_the_word():
    plain, more = (scores(ANIMALS, "dog", variant="plus", delta=delta) for delta in (0.0, 2.0))
    assert more - plain == pytest.approx([0, 2 * np.log(4), 0])


def test_equal_scores_keep_the_order_of_the_corpus():
    assert ask(indexed(["cat"] * 500 + ["dog"]), "cat", k=7).positions[0].tolist() == list(range(7))


def test_the_title_belongs_to_the_document():
    retriever = BM25()
    retriever.index([Doc("a", "no word of it"), Doc("b", "text", title="Segmentation fault")], Env())
    assert ask(retriever, "segmentation").positions[0].tolist() == [1, -1]


@pytest.mark.parametrize("question", ["", "zebra", "?!", "the of"])
@variants
def test_a_question_without_known_words_gets_no_hits(variant, question):
    hits = ask(indexed(ANIMALS, variant=variant, stop="english"), question, k=2)
    assert hits.positions.tolist() == [[-1, -1]]


@variants
@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_a_corpus_without_words_has_no_hits(variant, texts):
    hits = ask(indexed(texts, variant=variant), "cat", k=5)
    assert hits.positions.shape == hits.scores.shape == (1, len(texts))
    assert (hits.positions == -1).all()


def test_shapes_types_and_a_single_document():
    hits = ask(indexed(["cat", ""]), "cat", "dog", k=10)
    assert hits.positions.dtype == np.int64
    assert hits.scores.dtype == np.float32
    assert hits.positions.tolist() == [[0, -1], [-1, -1]]
    assert ask(indexed(["cat"])).positions.shape == (0, 1)
    assert ask(indexed(["cat"]), "cat", k=1).positions.tolist() == [[0]]


def test_documents_are_read_while_indexing_only():
    corpus = [Doc("a", "cat"), Doc("b", "dog")]
    retriever = BM25()
    retriever.index(corpus, Env())
    corpus.clear()
    assert ask(retriever, "dogs").positions[0].tolist() == [1, -1]


def test_indexing_again_forgets_the_first_corpus():
    retriever = indexed(["cat", "dog"])
    retriever.index([Doc("a", "eel")], Env())
    assert ask(retriever, "cat", "eel").positions.tolist() == [[-1], [0]]


def test_stages_and_progress_are_reported():
    seen = []
    env = Env(progress=lambda fraction, note: seen.append((fraction, note)))
    retriever = BM25()
    retriever.index([Doc(str(i), "cat") for i in range(10_000)], env)
    ask(retriever, "cat", k=1)
    assert seen == [(0.5, "read 5,000 of 10,000 documents"), (1.0, "read 10,000 of 10,000 documents")]
    assert set(env.stages) == {"tokenise", "score"}


@pytest.mark.parametrize(
    "bad",
    [
        {"variant": "okapi"},
        {"k1": -0.1},
        {"k1": float("nan")},
        {"k1": float("inf")},
        {"b": 1.01},
        {"b": float("nan")},
        {"delta": 1.0},
        {"variant": "rank-plus", "delta": 1.0},
        {"variant": "plus", "delta": -1.0},
        {"stemmer": "porter9"},
        {"stop": "all"},
    ],
)
def test_bad_parameters_are_named(bad):
    with pytest.raises(SpecError, match=f"{[*bad][-1]}={[*bad.values()][-1]}"):
        BM25(**bad)


def test_hyper_parameters_are_the_fields_alone():
    retriever = indexed(ANIMALS, k1=0.9)
    copy = replace(retriever, b=0.4)
    assert (copy.k1, copy.b, copy.stop) == (0.9, 0.4, "none")
    assert not hasattr(copy, "_impacts")
