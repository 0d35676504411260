"""Text analysis against the rules written down plainly: one character, one pattern, one word after the other."""

import re
from unicodedata import normalize

import pytest
import Stemmer
from hypothesis import given
from hypothesis import strategies as st

from retrievers.text import analysis
from retrievers.text.analysis import Analyzer
from retrievers.text.stopwords import STOP_WORDS

OPTIONS = [
    {},
    {"split": False},
    {"clean": True},
    {"clean": True, "split": False},
    {"stemmer": "none", "stop": "none"},
    {"stemmer": "german", "stop": "none"},
]
texts = st.one_of(
    st.text(alphabet="aAbBsS1_ .", max_size=16),
    st.text(alphabet="aBsS_9é\u0301日の\uff21\u017f²İ\u0903 \t", max_size=16),
    st.text(max_size=60),
    st.lists(st.sampled_from(["The", "URLs", "HTTPServer2", "training", "trains", "__init__", "x86_64"])).map(" ".join),
)


def terms(text, stemmer="english", stop="english", *, split=True, clean=False):
    """No memory, no shortcut for ASCII."""
    stem = (lambda word: word) if stemmer == "none" else Stemmer.Stemmer(stemmer, 0).stemWord
    pattern = re.compile("UU+s(?![ls])|U+(?![ls])|U?[ls]+|0+|h" if split else "_*[Uls0][Uls0_]*|h")
    found = []
    for word in analysis._any_word().findall(normalize("NFKC", text)):
        kinds = "".join(map(analysis._kind, word))
        parts = [word[match.start() : match.end()].lower() for match in pattern.finditer(kinds)]
        if clean:
            parts = [part for part in parts if len(part) > 1 and not part.isdecimal()]
        found += [stem(part) for part in parts if part not in STOP_WORDS[stop]]
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(text=texts)
def test_the_terms_are_those_of_the_plain_rules(options, text):
    assert Analyzer(**options)(text) == terms(text, **options)


@given(st.lists(texts, max_size=4))
def test_white_space_of_ascii_divides_texts(parts):
    """What a collection relies on: no rule, and no normal form, reaches across it."""
    for space in " \t\n\r\v\f":
        whole, plain = space.join(parts), [term for part in parts for term in terms(part)]
        assert terms(whole) == Analyzer()(whole) == plain
