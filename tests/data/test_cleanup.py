"""The classic clean-up: what counts as a number or a single letter, and that a collection cleaned is another collection."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.card import TextRule, read_card
from bench.data.cleanup import cleaned
from bench.data.load import open_dataset
from bench.errors import CardError

NUMBERS = TextRule(drop_numbers=True)
LETTERS = TextRule(drop_single_letters=True)
BOTH = TextRule(drop_numbers=True, drop_single_letters=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I have 3 layers", "I have layers"),
        ("3.14 and 1,000 and 1e-5 and .5 and -7 and +2 and 50%", "and and and and and and"),
        ("on 2020-01-02 at 10:30, version 1.13.1, half is 1/2", "on at , version , half is"),
        ("mask 0x1F or 0b101", "mask or"),
        ("conv2d, x1, 1st, 3x, utf-8, resnet-50 and layers.0.weight stay", None),
        ("ends with 3.", "ends with ."),
        ("f(10, y=2)\n    3 + z[0]\nend 4", "f(, y=)\n    + z[]\nend"),
        ("\u0661\u0662 items", "items"),
    ],
)
def test_numbers(text, kept):
    assert cleaned(text, NUMBERS) == (text if kept is None else kept)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I have a tensor x of size n", "have tensor of size"),
        ("write C++ or C# with -v, don't, I'm, e.g. x.shape or x-ray", None),
        ("the 'a' key", "the '' key"),
        ("\u00e9 \u03b1 \u0436 word", "word"),
        ("\u6211 \u0915\u093f stay, being words", None),
        ("if x:\n    y = 1", "if :\n    = 1"),
    ],
)
def test_single_letters(text, kept):
    assert cleaned(text, LETTERS) == (text if kept is None else kept)


def test_each_option_leaves_the_other_kind_alone_and_both_may_be_set():
    assert (cleaned("a 1 word", NUMBERS), cleaned("a 1 word", LETTERS), cleaned("a 1 word", BOTH)) == (
        "a word",
        "1 word",
        "word",
    )


@given(st.text())
def test_without_options_a_text_stays_as_it_is(text):
    assert cleaned(text, TextRule()) is text


@given(st.lists(st.sampled_from(["word", "conv2d", "7", "3.5", "x", "\n", "1,000", "Q", "it's"])))
def test_exactly_the_tokens_that_are_numbers_or_letters_go(tokens):
    text = " ".join(tokens)
    assert cleaned(text, BOTH).split() == [token for token in text.split() if token in ("word", "conv2d", "it's")]
    assert cleaned(text, BOTH).count("\n") == text.count("\n")


@pytest.fixture
def opened(tmp_path):
    """Opens the same pairs by a card with the given text rule."""

    def open_with(pairs, rule):
        rows = [{"question": question, "answer": answer} for question, answer in pairs]
        (tmp_path / "forum.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        head = 'schema = 1\nname = "our-forum"\nversion = 1\ntitle = "T"\ndescription = "D"\nlanguage = "en"\nlicence = "CC0-1.0"\n'
        source = f'[source]\nkind = "pairs"\npath = "{(tmp_path / "forum.jsonl").as_posix()}"\n'
        (tmp_path / "our-forum.toml").write_text(f"{head}{source}[text]\n{rule}", encoding="utf-8")
        return open_dataset("our-forum", cards=[tmp_path], cache=tmp_path / "cache")

    return open_with


def test_a_collection_that_was_cleaned_has_another_fingerprint_and_says_so(opened, topics):
    pairs = [(f"{question} {i}", f"{answer} x") for i, (question, answer) in enumerate(topics)]
    rules = [
        "",
        "drop_numbers = true\n",
        "drop_single_letters = true\n",
        "drop_numbers = true\ndrop_single_letters = true\n",
    ]
    plain, numbers, letters, both = (opened(pairs, rule) for rule in rules)
    assert len({data.fingerprint for data in (plain, numbers, letters, both)}) == 4
    assert opened(pairs, "drop_numbers = false\n").fingerprint == plain.fingerprint
    assert "clean-up" not in plain.facts
    assert both.facts["clean-up"] == "numbers and single letters dropped, which left nothing of 0 pairs"
    queries = [query.text for split in (both.train, both.dev, both.test) for query in split.queries]
    assert set(queries) == {question for question, _ in topics}
    assert {doc.text for doc in both.corpus} == {answer for _, answer in topics}
    assert any(doc.text.endswith(" x") for doc in numbers.corpus)


def test_texts_that_become_equal_are_joined_and_pairs_of_which_nothing_is_left_are_counted(opened, topics):
    pairs = [*topics, (f"{topics[0][0]} 7", f"{topics[0][1]} 8"), ("1 2 3", "some answer"), ("some question", "42")]
    data = opened(pairs, "drop_numbers = true\n")
    assert data.facts["questions"] == "50 from 51 pairs"
    assert len(data.corpus) == 50
    assert data.facts["clean-up"] == "numbers dropped, which left nothing of 2 pairs"


def test_the_options_are_flags(tmp_path, opened, topics):
    opened(topics, "")
    path = tmp_path / "our-forum.toml"
    path.write_text(path.read_text(encoding="utf-8") + "drop_numbers = 1\ndrop_letters = true\n", encoding="utf-8")
    with pytest.raises(CardError) as caught:
        read_card(path)
    assert str(caught.value).split("\n")[0] == f"{path}: text.drop_numbers: 1 is not true or false"
    assert "text.drop_letters: unknown" in str(caught.value)
