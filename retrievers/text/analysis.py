"""Text to index terms, by the rules that every retriever shares unless it says otherwise."""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from unicodedata import category, normalize

import Stemmer

from bench.errors import SpecError
from retrievers.text.stopwords import STOP_WORDS


@dataclass(frozen=True)
class Analyzer:
    """Calling it turns a text into its terms, in order, repeats included.

    1. Text is brought to Unicode's NFKC: composed accents, plain ligatures and full-width letters.
    2. A word is a run of letters, digits and underscores, of any script, with their combining marks. Han characters and
       Hiragana, which are written without spaces, are words each.
    3. ``split``: identifiers fall into their parts, ``snake_case`` -> snake case, ``camelCase`` -> camel case,
       ``HTTPServer`` -> http server, ``conv2d`` -> conv 2 d; an acronym keeps its plural (``URLs`` -> urls). Without it
       a word stays whole.
    4. Terms are lower-cased; those on the list of stop words are dropped; the others are stemmed (Snowball).

    stemmer: a Snowball algorithm such as ``english`` (Porter 2), or ``none``. stop: ``english`` or ``none``. clean: numbers and
    single letters are dropped as well.
    Unknown names are a SpecError. Not for use from several threads at once: Snowball stemmers keep a buffer.
    """

    stemmer: str = "english"
    stop: str = "english"
    split: bool = True
    clean: bool = False

    def __post_init__(self) -> None:
        """Reject names that do not exist, before anything is indexed."""
        _check("stemmer", self.stemmer, ["none", *Stemmer.algorithms()])
        _check("stop", self.stop, STOP_WORDS)

    def __call__(self, text: str) -> list[str]:
        """Terms of a text."""
        words = _ASCII_WORD.findall(text) if text.isascii() else _any_word().findall(normalize("NFKC", text))
        return list(chain.from_iterable(map(self._terms.__getitem__, words)))

    @cached_property
    def _terms(self) -> "_Terms":
        return _Terms(self)


class _Terms(dict[str, tuple[str, ...]]):
    """Word -> its terms, worked out when first met: almost every word of a text has been met before."""

    LIMIT = 1_000_000
    """Entries (some 200 MB); reached by corpora full of random strings only, and then forgetting them all is cheap."""
    LONGEST = 64
    """Characters; longer words are encoded data, which does not repeat."""

    def __init__(self, analyzer: Analyzer) -> None:
        super().__init__()
        self._parts = _PARTS if analyzer.split else _WHOLE
        self._stop = STOP_WORDS[analyzer.stop]
        self._clean = analyzer.clean
        # Its own cache would hold every word a second time.
        self._stem = None if analyzer.stemmer == "none" else Stemmer.Stemmer(analyzer.stemmer, 0).stemWord

    def __missing__(self, word: str) -> tuple[str, ...]:
        parts = [part.lower() for part in self._divide(word)]
        if self._clean:
            parts = [part for part in parts if len(part) > 1 and not part.isdecimal()]
        terms = tuple(part if self._stem is None else self._stem(part) for part in parts if part not in self._stop)
        if len(word) <= self.LONGEST:
            if len(self) >= self.LIMIT:
                self.clear()
            self[word] = terms
        return terms

    def _divide(self, word: str) -> list[str]:
        if word.isascii() and word.isalpha() and word.islower():
            return [word]
        kinds = "".join(map(_kind, word))
        return [word[slice(*match.span())] for match in self._parts.finditer(kinds)]


# Patterns over the kinds of a word's characters, one letter each (see _kind): an acronym with a plural s, an acronym before a
# capitalised word or the end, a word, a number, a character that is a word.
_PARTS = re.compile("UU+s(?![ls])|U+(?![ls])|U?[ls]+|0+|h")
_WHOLE = re.compile("_*[Uls0][Uls0_]*|h")

_ASCII_WORD = re.compile(r"\w+", re.ASCII)


def _kind(character: str) -> str:
    if character == "s":
        return "s"
    if character.isupper():
        return "U"
    if character.isdecimal():
        return "0"
    if character == "_":
        return "_"
    if "\u3041" <= character <= "\u309f" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000":
        return "h"
    return "l"


@cache
def _any_word() -> re.Pattern[str]:
    """A word of any script; word characters alone would cut Hindi or Thai at every vowel sign, which is a combining mark."""
    marks = "".join(c for c in map(chr, range(0x300, 0x1F000)) if category(c) in ("Mn", "Mc"))
    return re.compile(rf"\w+(?:[{marks}]+\w*)*")


def _check(field: str, name: str, known: "list[str] | dict[str, frozenset[str]]") -> None:
    if name not in known:
        raise SpecError(f"{field}={name}: there is no {field} of this name; choose from {', '.join(known)}")
