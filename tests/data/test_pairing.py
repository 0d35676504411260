"""What holds for pairs from any source: enough questions, equal texts, splits by time."""

import pytest

from bench.data.card import Card, SourceSpec, SplitRule
from bench.data.pairing import LEAST_QUESTIONS, Pair, dataset_from_pairs
from bench.errors import DataError


@pytest.fixture
def made(topics):
    def make(count, rule="auto", **changes):
        card = Card("forum", "Forum", SourceSpec("pairs"), split=SplitRule(rule))
        pairs = [Pair(f"p{i}", *topic)._replace(**changes) for i, topic in enumerate(topics[:count])]
        return dataset_from_pairs(pairs, card, {"from": "here"}, lambda fraction, note: None)

    return make


def test_thirty_questions_are_the_least(made):
    assert len(made(LEAST_QUESTIONS).test.queries) == 3
    with pytest.raises(DataError, match=r"^forum: 29 different questions; there must be 30 or more to hold some out$"):
        made(LEAST_QUESTIONS - 1)


def test_solutions_that_quote_their_question_are_counted(made, topics):
    topics[:3] = [(question, f"you ask: {question}?") for question, _ in topics[:3]]
    topics[3] = ("two words", "these two words are too few to tell")
    assert made(50).facts["quoted"].startswith("3 solutions hold their own question")


def test_at_random_each_question_is_its_own_group_and_otherwise_a_shared_label_joins(made):
    assert len(set(made(50, "random", group="thread").groups.values())) == 50
    with pytest.raises(DataError, match="the largest of the groups of related questions holds 50 of 50"):
        made(50, group="thread")


@pytest.mark.parametrize(("rule", "message"), [("official", "pairs come without splits"), ("by-time", "a date")])
def test_rules_that_pairs_do_not_admit(made, rule, message):
    with pytest.raises(DataError, match=message):
        made(50, rule)
