"""Which terms a text is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import SpecError
from retrievers.text.analysis import Analyzer
from retrievers.text.stopwords import STOP_WORDS

PLAIN = Analyzer(stemmer="none", stop="none")


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("snake_case", "snake case"),
        ("camelCase", "camel case"),
        ("CamelCase", "camel case"),
        ("HTTPServer", "http server"),
        ("parseHTTPResponse2", "parse http response 2"),
        ("conv2d", "conv 2 d"),
        ("x86_64", "x 86 64"),
        ("MAX_LEN", "max len"),
        ("__init__", "init"),
        ("URLs", "urls"),
        ("getURLs", "get urls"),
        ("IDsAndNames", "ids and names"),
        ("GPUsage", "gp usage"),
        ("iOS", "i os"),
        ("A", "a"),
        ("_", ""),
        ("don't", "don t"),
        ("ΑθήναΠόλη", "αθήνα πόλη"),
        ("naïveBayes", "naïve bayes"),
    ],
)
def test_identifiers_fall_into_their_parts(word, terms):
    assert PLAIN(word) == terms.split()


def test_clean_drops_numbers_and_single_letters():
    assert Analyzer(stemmer="none", stop="none", clean=True)("A conv2d of 16 x 16 in Python 3") == [
        "conv",
        "of",
        "in",
        "python",
    ]


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("snake_case", "snake_case"),
        ("HTTPServer", "httpserver"),
        ("__init__", "__init__"),
        ("conv2d", "conv2d"),
        ("__", ""),
    ],
)
def test_without_splitting_a_word_stays_whole(word, terms):
    assert Analyzer("none", "none", split=False)(word) == terms.split()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("cafe\u0301", ["café"]),  # an accent of its own
        ("e\ufb03cient", ["efficient"]),  # the ligature of a PDF
        ("\uff27\uff30\uff35", ["gpu"]),  # full width
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # vowel signs are combining marks
        ("日本語", ["日", "本", "語"]),
        ("モデルを保存", ["モデル", "を", "保", "存"]),
        ("x ≤ 10²", ["x", "102"]),
        ("❤\ufe0f", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("split", [True, False])
def test_every_script_has_words(text, terms, split):
    assert Analyzer("none", "none", split)(text) == terms


def test_stop_words_are_lucenes_and_fall_before_stemming():
    assert len(STOP_WORDS["english"]) == 33
    assert Analyzer("none")("The loss is not a number") == ["loss", "number"]
    assert Analyzer()("two wills") == ["two", "will"]


def test_words_of_one_stem_are_one_term():
    assert len({*Analyzer()("train trains trained training")}) == 1
    assert Analyzer("german", "none")("Häuser") == Analyzer("german", "none")("Häusern")


@pytest.mark.parametrize(
    ("field", "given"), [("stemmer", {"stemmer": "englich"}), ("stop", {"stop": "french"}), ("stop", {"stop": ""})]
)
def test_an_unknown_name_answers_with_what_exists(field, given):
    with pytest.raises(SpecError, match=rf"{field}=.*choose from .*\benglish\b"):
        Analyzer(**given)


@given(st.lists(st.text(max_size=30), max_size=4))
def test_terms_of_a_text_are_the_terms_of_its_lines(lines):
    assert Analyzer()("\n".join(lines)) == [term for line in lines for term in Analyzer()(line)]


@given(st.text(max_size=80))
def test_terms_are_lower_case_words_and_a_second_reading_gives_the_same(text):
    analyze = Analyzer("none", "none")
    terms = analyze(text)
    assert terms == analyze(text)
    assert all(term and term == term.lower() for term in terms)


def test_long_words_and_a_full_memory_change_nothing(monkeypatch):
    monkeypatch.setattr("retrievers.text.analysis._Terms.LIMIT", 3)
    analyze = Analyzer()
    text = "one two three four five " + "QUJD" * 1000
    assert analyze(text) == Analyzer()(text)
    assert len(analyze._terms) <= 3
    assert max(map(len, analyze._terms)) < 10
    long = Analyzer()
    for part in ("one", "two", "three", "four", "five", "six"):
        long(f"{part}_" * 20)  # too long to be remembered, its parts are not
    assert len(long._terms._stems) <= 3
