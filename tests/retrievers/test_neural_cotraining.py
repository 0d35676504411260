"""Further pairs: what is made of bodies, titles and documents, and what they say is relevant."""

import numpy as np
import pytest
import torch

from bench.api import Doc, Env, Pairs, Query
from bench.errors import DataError
from retrievers.neural.bag import learn_bag
from retrievers.neural.cotraining import cotrained, counted, kinds_of
from retrievers.neural.encoder import encode
from retrievers.neural.examples import Examples
from retrievers.neural.vocabulary import Vocabulary

LINES = ["aa ab ac ad ae.", "ba bb bc bd be bf", "ca cb", "da db dc dd de"]
TRAIN = Pairs(
    (Doc("d0", "\n".join(LINES), "first title"), Doc("d1", "ea eb ec ed"), Doc("d2", "fa fb fc fd fe", "first title")),
    (Query("q0", "why", "ya yb yc yd"), Query("q1", "how"), Query("q2", "what", "za zb")),
    {"q0": {"d0": 1}, "q1": {"d0": 1, "d1": 2, "d2": 0}, "q2": {"d2": 1}},
)


def made(*kinds, train=TRAIN, seed=0, **options):
    examples = Examples.of(train, str.split)
    return examples, cotrained(examples, train, kinds, str.split, np.random.default_rng(seed), **options)


def further(*kinds, **options):
    """Texts of the pairs that were added."""
    before, after = made(*kinds, **options)
    added = after.pairs[len(before.pairs) :].tolist()
    return [(" ".join(after.questions[left]), " ".join(after.solutions[right])) for left, right in added]


@pytest.mark.parametrize(
    ("text", "kinds"), [("none", ()), ("body", ("body",)), ("title-cloze-body", ("title", "cloze", "body"))]
)
def test_kinds_are_named_with_hyphens(text, kinds):
    assert kinds_of(text) == kinds


@pytest.mark.parametrize("text", ["", "bodies", "body-body", "body-none", "body~title"])
def test_other_names_are_refused(text):
    with pytest.raises(ValueError, match=r"is not none or body, title, cloze"):
        kinds_of(text)


def test_a_title_asks_for_its_body_of_four_words_or_more():
    assert further("body") == [("why", "ya yb yc yd")]


def test_a_title_asks_for_its_text_without_the_title():
    text = " ".join(LINES)
    assert further("title") == [("first title", text), ("first title", "fa fb fc fd fe")]


def test_a_sentence_asks_for_the_rest_of_its_document_and_its_title():
    seen = {pair for seed in range(60) for pair in further("cloze", seed=seed)}
    sentences = [LINES[0], LINES[1], LINES[3]]  # the third has too few words, and the other documents are too short
    rest = {sentence: " ".join(line for line in LINES if line != sentence) for sentence in sentences}
    assert {(left, right) for left, right in seen if left not in right} == {
        (sentence, f"first title {rest[sentence]}") for sentence in sentences
    }
    assert {right for left, right in seen if left in right} <= {f"first title {' '.join(LINES)}"}


def test_one_sentence_in_ten_stays_in_the_rest():
    docs = tuple(Doc(f"d{n}", f"a{n} b{n} c{n} d{n}. e{n} f{n} g{n} h{n}") for n in range(2000))
    pairs = further("cloze", train=Pairs(docs, (Query("q", "why"),), {"q": {"d0": 1}}), share=2000)
    kept = np.mean([left in right for left, right in pairs])
    assert len(pairs) == 2000
    assert abs(kept - 0.1) < 4 * (0.1 * 0.9 / 2000) ** 0.5


def test_of_one_sentence_a_span_of_half_of_it_at_most_is_asked():
    words = [f"w{n}" for n in range(11)]
    train = Pairs((Doc("d", " ".join(words)), Doc("e", " ".join(words[:7]))), (Query("q", "why"),), {"q": {"d": 1}})
    spans = [pair for seed in range(200) for pair in further("cloze", train=train, seed=seed)]
    asked = {tuple(left.split()) for left, _ in spans}
    assert asked == {tuple(words[at : at + n]) for n in (4, 5) for at in range(12 - n)}
    assert all(right.split() in (words, [w for w in words if w not in left.split()]) for left, right in spans)


def test_the_examples_stay_as_they_are_in_front():
    before, after = made("body", "title", "cloze")
    assert after.questions[: len(before.questions)] == before.questions
    assert after.solutions[: len(before.solutions)] == before.solutions
    assert after.pairs[: len(before.pairs)].tolist() == before.pairs.tolist()
    assert after.counts == {"body": 1, "title": 2, "cloze": 1}
    block = after.relevance()[: len(before.questions)][:, : len(before.solutions)]
    assert block.toarray().tolist() == before.relevance().toarray().tolist()


def test_texts_of_one_document_or_one_question_are_no_negatives_of_each_other():
    _, after = made("body", "title")
    assert after.questions.count(["first", "title"]) == 1
    relevant = {
        (" ".join(after.questions[left])[:5], " ".join(after.solutions[right])[:7])
        for left, right in zip(*after.relevance().nonzero(), strict=True)
    }
    one, two, three, four, five = "first t", "ea eb e", "ya yb y", "aa ab a", "fa fb f"
    assert relevant == {
        *(("why", text) for text in (one, three, four)),
        *(("how", text) for text in (one, two, three, four)),  # shares a solution with "why", so its body fits as well
        *(("what", text) for text in (one, five)),
        *(("first", text) for text in (one, three, four, five)),  # the title of two documents, one row
    }


def test_every_pair_is_relevant_also_where_a_question_has_no_solution():
    train = TRAIN._replace(queries=(*TRAIN.queries, Query("q3", "whence", "xa xb xc xd")))
    _, after = made("body", "title", "cloze", train=train)
    assert after.relevance().dtype == np.bool_
    assert all(after.relevance()[left, right] for left, right in after.pairs.tolist())


def test_the_generator_decides_and_no_more_are_drawn_than_the_share():
    many = tuple(Doc(f"d{n}", " ".join(f"w{n}x{at}" for at in range(20)), f"title {n}") for n in range(40))
    train = Pairs(
        many, tuple(Query(f"q{n}", f"why {n}") for n in range(40)), {f"q{n}": {f"d{n}": 1} for n in range(40)}
    )
    drawn = [further("title", "cloze", train=train, seed=seed, share=0.25) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 10 + 10
    assert {left for left, _ in drawn[0][:10]} != {left for left, _ in drawn[2][:10]}


@pytest.mark.parametrize(
    ("kind", "told"), [("body", "question has a body"), ("title", "has a title"), ("cloze", "has 8 words")]
)
def test_a_kind_that_the_collection_does_not_have_is_an_error(kind, told):
    bare = Pairs((Doc("d", "ea eb ec ed"),), (Query("q", "why"),), {"q": {"d": 1}})
    with pytest.raises(DataError, match=rf"cotrain={kind}: no training .*{told}"):
        made(kind, train=bare)


def test_examples_of_other_pairs_are_refused():
    with pytest.raises(ValueError, match="row by row"):
        cotrained(
            Examples.of(TRAIN, str.split),
            TRAIN._replace(queries=TRAIN.queries[:1]),
            ["body"],
            str.split,
            np.random.default_rng(0),
        )


def test_a_vocabulary_counts_every_text_once():
    examples, _ = made()
    assert list(counted(TRAIN, examples, ["title", "cloze"], str.split)) == examples.questions + examples.solutions
    with_bodies = list(counted(TRAIN, examples, ["body"], str.split))
    assert with_bodies[len(examples.questions) + len(examples.solutions) :] == [["ya", "yb", "yc", "yd"], ["za", "zb"]]


def success_at_1(kinds, train, test):
    """Of a bag learned with these kinds, on questions and solutions ``test``."""
    rng = np.random.default_rng(0)
    examples = Examples.of(train, str.split)
    vocabulary = Vocabulary.build(counted(train, examples, ["body"], str.split), min_count=1)
    learned = cotrained(examples, train, kinds, str.split, rng) if kinds else examples
    texts = vocabulary.encode_all(learned.questions), vocabulary.encode_all(learned.solutions)
    model, _ = learn_bag(learned, texts, vocabulary, lambda _: None, dimensions=24, epochs=6, rng=rng, env=Env())
    asked, solved = (encode(model, vocabulary.encode_all(side), "cpu") for side in zip(*test, strict=True))
    return ((asked @ solved.T).argmax(1) == torch.arange(len(test))).float().mean().item()


def test_bodies_teach_what_the_solutions_do_not():
    """A synthetic forum whose bodies alone translate the words of titles into those of solutions."""
    rng = np.random.default_rng(0)
    topics = [rng.choice(20, 4, replace=False) for _ in range(450)]
    asked, said = ([[f"{side}{at}" for at in topic] for topic in topics] for side in ("ask", "say"))
    queries = [Query(f"q{n}", " ".join(asked[n]), " ".join(said[n])) for n in range(400)]
    docs = [Doc(f"d{n}", f"noise{n % 7} noise{n % 11}") for n in range(400)]
    train = Pairs(docs, queries, {f"q{n}": {f"d{n}": 1} for n in range(400)})
    test = list(zip(asked[400:], said[400:], strict=True))
    assert success_at_1([], train, test) < 0.2
    assert success_at_1(["body"], train, test) > 0.6  # chance is 1/50
