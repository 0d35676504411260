"""What a card says of texts holds for collections that come with judgements and splits too."""

import pytest

from bench.data.load import open_dataset

CARD = """
schema = 1
name = "ours"
version = 1
title = "x"
description = "x"
language = "en"
licence = "CC0-1.0"
[source]
kind = "beir"
path = "{path}"
[text]
{rules}
"""


@pytest.fixture
def opened(tmp_path):
    def opened(folder, *rules):
        (tmp_path / "ours.toml").write_text(CARD.format(path=folder, rules="\n".join(rules)), encoding="utf-8")
        return open_dataset("ours", cards=[tmp_path], cache=tmp_path / "cache")

    return opened


def learned_from(data):
    return {query.id for split in (data.train, data.dev) for query in split.queries}


@pytest.mark.parametrize(("flag", "lost"), [("false", set()), ("true", {"q1", "q2"})])
def test_training_questions_near_a_held_out_one_are_left_out_if_the_card_says_so(beir, opened, flag, lost):
    names = range(12)
    queries = {f"q{i}": f"how to open file{i} reader{i} writer{i} quickly" for i in names}
    queries["q1"] = queries["q11"] + " now"  # differs in one word from a held-out question
    docs = {f"d{i}": f"call open{i} with mode{i} and then close{i} it after use{i}" for i in names}
    docs["d2"] = docs["d11"] + " again"  # almost a held-out question's solution
    folder = beir(docs, queries, train=[(f"q{i}", f"d{i}", 1) for i in range(10)], test=[("q11", "d11", 1)])
    data = opened(folder, f"drop_near = {flag}")
    assert learned_from(data) == {f"q{i}" for i in range(10)} - lost
    assert ("near a later split's" in data.facts.get("dropped", "")) == bool(lost)


def test_the_clean_up_of_a_card_comes_before_texts_are_compared(beir, opened):
    queries = {"q1": "open file 1 of 20", "q2": "open file 2 of 30", "q3": "close a door", "q4": "shut the lid"}
    docs = {f"d{i}": f"answer {i} x stands here" for i in range(1, 5)}
    folder = beir(docs, queries, train=[(f"q{i}", f"d{i}", 1) for i in (1, 3, 4)], test=[("q2", "d2", 1)])
    data = opened(folder, "drop_numbers = true", "drop_single_letters = true")
    assert data.test.queries[0].text == "open file of"
    assert {doc.text for doc in data.corpus} == {"answer stands here"}
    assert "q1" not in learned_from(data)  # now the same as q2
