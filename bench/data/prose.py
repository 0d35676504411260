"""The question that a docstring answers: its first paragraph of prose, freed from markup."""

import re

_SIGNATURE = re.compile(r"(?:[\w()\[\], ]+\s=\s)?[\w.<>]+\s*\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s*->[^\n]*)?")
_HEADING = re.compile(r"\[[^\]]*\]|\.\.\s.*", re.DOTALL)
_BULLET = re.compile(r"^(?:[-+*#.:|]+|\")\s+")
# A paragraph ends where a doctest, a field list, an underline, a section or a list begins.
_STOP = re.compile(
    r">>>|:(?:param|type|return|returns|rtype|raises|arg|keyword|ivar|cvar|var)\b.*:|([-=~^*#+])\1{2,}\s*$|\.\.\s|@\w+\s|[-*+]\s"
    r"|(?:Args?|Arguments|Parameters?|Params|Returns?|Raises|Yields?|Examples?|Notes?|Attributes|Inputs?|Outputs?|Shape|Usage|See Also"
    r"|References|Keyword [Aa]rguments|Warnings?)\s*:{0,2}\s*$"
)
_ROLE = re.compile(r":[\w+-]+(?::[\w+-]+)*:`([^`]*)`")
_TARGET = re.compile(r"\s*<[^<>]*>$")
_LINK = re.compile(r"`([^`<]+?)\s*<[^<>`]*>`_*")
PASSAGE_WORDS = 10
"""So many words in a row that two texts do not share by chance."""

_WORD = re.compile(r"[^\W\d_]{2,}")


def first_paragraph(docstring: str) -> str:
    """Return the first paragraph of prose as one line of plain text, or "" where there is none.

    Call signatures, bracketed headings and directives such as ``.. deprecated::`` in front of it are passed over; a
    docstring that begins with parameters or a doctest has no prose.
    """
    return _divided(docstring)[0]


def after_first_paragraph(docstring: str) -> str:
    """Return what stands below the prose of the first paragraph, markup and doctests kept, or "" where there is nothing."""
    return _divided(docstring)[1]


def _divided(docstring: str) -> tuple[str, str]:
    paragraphs = re.split(r"\n[ \t]*\n", docstring.strip())
    for number, paragraph in enumerate(paragraphs):
        lines = [line.strip() for line in paragraph.strip().split("\n")]
        whole = "\n".join(lines)
        if _HEADING.fullmatch(whole) or _SIGNATURE.fullmatch(whole):
            continue
        if _SIGNATURE.fullmatch(lines[0]):
            lines = lines[1:]
        lines[:1] = [_BULLET.sub("", line) for line in lines[:1]]
        prose = _until_stop(lines)
        rest = ["\n".join(lines[len(prose) :]), *paragraphs[number + 1 :]]
        return plain(" ".join(prose)), "\n\n".join(filter(str.strip, rest))
    return "", ""


def plain(text: str) -> str:
    """Resolve roles, links, literals and emphasis of reStructuredText to their text; white space becomes single spaces."""
    text = _ROLE.sub(lambda match: _role_text(match[1]), text)
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"`+_*|\*\*|(?<!\w)\*(?=\w+\*)|(?<=\w)\*(?!\w)", "", text)
    return " ".join(text.split()).removesuffix("::").rstrip()


def words(text: str) -> list[str]:
    """Words of two letters or more; what a question's length is counted in."""
    return _WORD.findall(text)


def _until_stop(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if _STOP.match(line):
            # The line above an underline is a heading, not prose.
            return lines[: max(0, number - 1)] if re.match(r"([-=~^*#+])\1{2,}\s*$", line) else lines[:number]
    return lines


def _role_text(inner: str) -> str:
    text = _TARGET.sub("", inner) or inner
    return text.rsplit(".", 1)[-1] if text.startswith("~") else text.lstrip("!")


def quotes(code: str, question: str) -> bool:
    """Whether the question stands word for word in the code, be it over several lines of comment or with other punctuation."""
    return f" {spoken(question)} " in f" {spoken(code)} "


def repeats(text: str, other: str) -> bool:
    """Whether a passage of ``PASSAGE_WORDS`` words of the one text stands in the other, whatever the punctuation."""
    return not passages(text).isdisjoint(passages(other))


def passages(text: str) -> set[str]:
    """Every ``PASSAGE_WORDS`` words in a row, folded and without punctuation."""
    said = spoken(text).split()
    return {" ".join(said[at : at + PASSAGE_WORDS]) for at in range(len(said) - PASSAGE_WORDS + 1)}


def spoken(text: str) -> str:
    """The words of a text, folded, with single spaces between and nothing else."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
