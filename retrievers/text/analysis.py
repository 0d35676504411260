"""Text to index terms, by the rules that every retriever shares unless it says otherwise."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from hashlib import blake2b
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from string import ascii_letters, digits
from unicodedata import category, normalize, unidata_version

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
        if text.isascii():
            words = text.encode("ascii").translate(_SPACED).decode("ascii").split()  # in half the time of a pattern
        else:
            words = _any_word().findall(normalize("NFKC", text))
        return list(chain.from_iterable(map(self._terms.__getitem__, words)))

    def of_word(self, word: str) -> Sequence[str]:
        """Terms of a word of a ``Collection``; the same as of a text that holds nothing else."""
        return self._terms[word] if word.isascii() else self(word)

    @property
    def identity(self) -> str:
        """Hash of all that decides the terms: parameters, the code of this package, and versions of stemmer and Unicode."""
        found = blake2b(repr([asdict(self), version("PyStemmer"), unidata_version]).encode(), digest_size=16)
        for file in sorted(Path(__file__).parent.glob("*.py")):
            found.update(file.read_bytes())
        return found.hexdigest()

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
        self._stems = _Stems(analyzer)
        self._parts, self._ascii_parts = (_PARTS, _ASCII_PARTS) if analyzer.split else (_WHOLE, _ASCII_WHOLE)

    def __missing__(self, word: str) -> tuple[str, ...]:
        stems = self._stems
        terms = tuple([stem for part in self._divide(word) if (stem := stems[part.lower()]) is not None])
        if len(word) <= self.LONGEST:
            if len(self) >= self.LIMIT:
                self.clear()
            self[word] = terms
        return terms

    def _divide(self, word: str) -> list[str]:
        if word.isascii():
            return [word] if word.isalpha() and word.islower() else self._ascii_parts.findall(word)
        kinds = "".join(map(_kind, word))
        return [word[slice(*match.span())] for match in self._parts.finditer(kinds)]


class _Stems(dict[str, str | None]):
    """Lower-case part of a word -> its term, or none: many identifiers are made of few parts."""

    def __init__(self, analyzer: Analyzer) -> None:
        super().__init__()
        self._stop = STOP_WORDS[analyzer.stop]
        self._clean = analyzer.clean
        # Its own cache would hold every word a second time.
        self._stem = None if analyzer.stemmer == "none" else Stemmer.Stemmer(analyzer.stemmer, 0).stemWord

    def __missing__(self, part: str) -> str | None:
        term: str | None = part
        if part in self._stop or (self._clean and (len(part) == 1 or part.isdecimal())):
            term = None
        elif self._stem is not None:
            term = self._stem(part)
        if len(part) <= _Terms.LONGEST:
            if len(self) >= _Terms.LIMIT:
                self.clear()
            self[part] = term
        return term


# Patterns over the kinds of a word's characters, one letter each (see _kind): an acronym with a plural s, an acronym before a
# capitalised word or the end, a word, a number, a character that is a word.
_PARTS = re.compile("UU+s(?![ls])|U+(?![ls])|U?[ls]+|0+|h")
_WHOLE = re.compile("_*[Uls0][Uls0_]*|h")

# The same of ASCII words themselves, where the kinds are ranges.
_ASCII_PARTS = re.compile("[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ASCII_WHOLE = re.compile("_*[A-Za-z0-9][A-Za-z0-9_]*")

_LETTERS = f"{ascii_letters}{digits}_".encode()
_SPACED = bytes(byte if byte in _LETTERS else ord(" ") for byte in range(256))
"""What ASCII has between words becomes a space."""


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
