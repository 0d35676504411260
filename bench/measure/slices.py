"""What kind of question a question is: features of the texts, and slices of about equal size to compare systems on."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, combinations, pairwise
from typing import NamedTuple

import numpy as np
import Stemmer
from numpy.typing import NDArray

OVERLAP = "lexical overlap"
QUESTION_LENGTH = "question length"
SOLUTION_LENGTH = "solution length"
CODE = "share of code"
UNSEEN = "unseen words"

# Han characters, Hiragana and Katakana are written without spaces.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PART_OF_ANY_SCRIPT = re.compile(r"[^\W\d_]+|\d+")
_STOP_LIST = """
a an and are as at be been but by can could do does for from had has have he her his how i if in into is it its may me my no
not of on or our she should so such than that the their them then there these they this those to was we were what when where
which who why will with would you your
"""
_STOP_WORDS = frozenset(_STOP_LIST.split())

# What prose hardly ever has: calls and indices, dotted names, options, paths, snake_case, operators, brackets, ends of statements.
_MARK = re.compile(r"\w\(|[A-Za-z_)]\.[A-Za-z_]{2}|^--?\w|^[.~]*/|\w_\w|[\[\]=<>|{}\\$^*@#&+]|[:;]$")
_STATEMENT = re.compile(
    r"(?:def|class|return|import|raise|yield|async|await|assert|del|global|elif|lambda|public|private|static|const|let|var"
    r"|function|func|fn|void|sudo|export)\s|from \S+ import\s|(?:if|for|while|with|except|case)\b.*[:{]$"
    r"|(?:return|pass|break|continue|yield|raise|else:|try:|finally:|\))$|(?:>>>|\.\.\.|\$)\s"
)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_MARKED = 0.3


def features(
    questions: Sequence[str], solutions: Sequence[Sequence[str]], seen: Iterable[str]
) -> Mapping[str, tuple[float, ...]]:
    """Name of a feature -> its value for each question.

    solutions: texts of the right solutions of each question, at least one. seen: texts of the training questions and
    solutions. Words are split at snake_case and camelCase, lower-cased and stemmed (Snowball's English); stop words are left
    out unless there is nothing else.

    - lexical overlap: share of the question's distinct words that stand in a right solution, the most of any; 0 without words.
    - question length, solution length: in words as written, unsplit and repeats included.
    - share of code: of the solution, see ``code_share``.
    - unseen words: share of the question's distinct words that stand in no training text; 0 without words.

    Of several right solutions the features are those of the first that overlaps most.
    """
    known = _terms({word for text in seen for word in _WORD.findall(text)})
    values: list[tuple[float, ...]] = []
    for question, right in zip(questions, solutions, strict=True):
        words = _content(question)
        shares = [_share(words, _terms(_WORD.findall(text))) for text in right]
        best = right[int(np.argmax(shares))]
        lengths = [float(len(_WORD.findall(text))) for text in (question, best)]
        values.append((max(shares), *lengths, code_share(best), _share(words, words - known)))
    names = (OVERLAP, QUESTION_LENGTH, SOLUTION_LENGTH, CODE, UNSEEN)
    return dict(zip(names, zip(*values, strict=True), strict=True)) if values else dict.fromkeys(names, ())


def code_share(text: str) -> float:
    """Share of a text's characters, white space apart, that stand in lines of code: a guess by rules, 0 to 1.

    A line is code if it stands in a fenced block, if it begins or ends as a statement does (``return x``, ``if x:``,
    ``>>> x``), or if at least 3 in 10 of what stands between its spaces have a mark of code: calls, dotted names, options,
    paths, snake_case, operators, brackets, a colon or semicolon at the end. So is a line between two lines of code. A command
    of bare words (``git commit``) is not recognised; mathematics, tables and markup may be taken for code.
    """
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    code = _fenced(lines)
    code = [inside or _reads_as_code(line.lstrip()) for line, inside in zip(lines, code, strict=True)]
    between = [before and after for before, after in zip([False, *code], [*code[1:], False], strict=False)]
    sizes = [len("".join(line.split())) for line in lines]
    total = sum(sizes)
    return (
        sum(size for size, *is_code in zip(sizes, code, between, strict=True) if any(is_code)) / total if total else 0.0
    )


class Slice(NamedTuple):
    """Questions whose feature lies between ``low`` and ``high``, both included.

    label: in words, with the range. members: boolean ``[questions]``.
    """

    label: str
    low: float
    high: float
    members: NDArray[np.bool_]


def terciles(values: Sequence[float]) -> list[Slice]:
    """Divide questions at a feature's values into three slices of about equal size, from low to high; equal values stay together.

    Where ties would leave one of three slices with less than half of its share, there are two, and one where all values are
    equal. None is empty.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        return []
    ordered = np.sort(array)
    edges = [0, *_cuts(ordered), len(ordered)]
    words = {1: ("all",), 2: ("low", "high"), 3: ("low", "middle", "high")}[len(edges) - 1]
    bounds = [(float(ordered[start]), float(ordered[end - 1])) for start, end in pairwise(edges)]
    digits = 0 if np.all(array == np.round(array)) else _digits({value for pair in bounds for value in pair})
    return [
        Slice(f"{word} ({_span(low, high, digits)})", low, high, (array >= low) & (array <= high))
        for word, (low, high) in zip(words, bounds, strict=True)
    ]


def _cuts(ordered: NDArray[np.float64]) -> tuple[int, ...]:
    """Where to cut sorted values, at changes of value: the cuts whose slices' sizes vary least."""
    n = len(ordered)
    changes = np.flatnonzero(np.diff(ordered)) + 1
    if not len(changes):
        return ()

    def around(target: float) -> set[int]:
        at = int(np.searchsorted(changes, target))
        return {int(change) for change in changes[max(0, at - 1) : at + 1]}

    first = around(n / 3) | around(n / 2) | around(2 * n / 3)
    # Beside a large group of equal values the rest is halved.
    near = sorted(first.union(*(around((cut + end) / 2) for cut in first for end in (0, n))))

    def sizes(cuts: tuple[int, ...]) -> list[int]:
        return [end - start for start, end in pairwise((0, *cuts, n))]

    threes = [cuts for cuts in combinations(near, 2) if min(sizes(cuts)) * 6 >= n]
    twos = [(cut,) for cut in near]
    return min(threes or twos, key=lambda cuts: sum(size**2 for size in sizes(cuts)))


def _digits(bounds: set[float]) -> int:
    """Two decimals, three where two would print different bounds alike."""
    return 2 if len({round(value, 2) for value in bounds}) == len(bounds) else 3


def _span(low: float, high: float, digits: int) -> str:
    texts = [f"{value:,.{digits}f}" for value in (low, high)]
    if digits:
        texts = [text.rstrip("0").rstrip(".").removeprefix("0") or "0" for text in texts]
    return " to ".join(dict.fromkeys(texts))


def _content(text: str) -> frozenset[str]:
    """Distinct terms of a question: without stop words, unless it has no others."""
    words = _WORD.findall(text)
    return _terms([word for word in words if word.lower() not in _STOP_WORDS]) or _terms(words)


def _terms(words: Iterable[str]) -> frozenset[str]:
    return frozenset(chain.from_iterable(map(_parts, words)))


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def _parts(word: str) -> list[str]:
    parts = (_PART if word.isascii() else _PART_OF_ANY_SCRIPT).findall(word)
    return list(_stemmer().stemWords([part.lower() for part in parts]))


def _share(words: frozenset[str], of: frozenset[str]) -> float:
    return len(words & of) / len(words) if words else 0.0


def _fenced(lines: Sequence[str]) -> list[bool]:
    inside, found = False, []
    for line in lines:
        fence = bool(_FENCE.match(line))
        found.append(inside or fence)
        inside ^= fence
    return found


def _reads_as_code(line: str) -> bool:
    tokens = line.split()
    return bool(_STATEMENT.match(line)) or sum(map(bool, map(_MARK.search, tokens))) >= _MARKED * len(tokens)
