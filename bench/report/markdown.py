"""Markdown that stays readable as plain text, and foreign text that cannot break it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from tabulate import tabulate

_SPECIAL = re.compile(
    r"[\\`*\[\]#~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word has no meaning
    r"|<(?=[A-Za-z/!?])"  # nor has a "<" before a space or a number
)
_ENTITY = re.compile(r"&(?=#?\w+;)")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "$": "&#36;"})


def clean(text: str, length: int | None = None) -> str:
    """Text on one line without control, direction or unpaired surrogate characters, cut to a length if one is given."""
    line = " ".join("".join(_visible(character) for character in text).split())
    return line if length is None or len(line) <= length else line[: length - 1].rstrip() + "…"


def escape(text: str) -> str:
    """Foreign text as prose: one line in which no character has a meaning for markdown or HTML."""
    return _ENTITY.sub("&amp;", _SPECIAL.sub(r"\\\g<0>", clean(text)))


def html(text: str, length: int | None = None) -> str:
    """Foreign text inside an HTML element, on one line."""
    return clean(text, length).translate(_HTML)


def code(text: str, length: int | None = None) -> str:
    """Foreign text as a code span, with a fence longer than any run of backticks inside it (CommonMark 6.1)."""
    line = clean(text, length)
    if not line:
        return "(empty)"
    fence = _fence(line, 1)
    pad = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """Foreign text as a fenced block; line breaks stay."""
    lines = [clean(line) for line in text.splitlines()]
    fence = _fence(text, 3)
    return "\n".join([f"{fence}{language}", *lines, fence])


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, right: int = 0) -> str:
    """A padded pipe table; the first ``left`` and the last ``right`` columns are aligned to the left, numbers between."""
    aligned = ["left" if i < left or i >= len(headers) - right else "right" for i in range(len(headers))]
    cells = [[_cell(value) for value in row] for row in rows]
    return tabulate(cells, [_cell(h) for h in headers], tablefmt="pipe", colalign=aligned, disable_numparse=True)


def device_table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0) -> str:
    """A table whose first columns are system and device; without the device where it is the same in every row."""
    if len({row[1] for row in rows}) > 1:
        return table(headers, rows, left=2, right=right)
    return table([headers[0], *headers[2:]], [[row[0], *row[2:]] for row in rows], right=right)


def folded(summary: str, *parts: str) -> str:
    """Parts that open on a click; ``summary`` is HTML."""
    return "\n\n".join([f"<details>\n<summary>{summary}</summary>", *parts, "</details>"])


def bullets(items: Iterable[str]) -> str:
    """A list, one line an item."""
    return "\n".join(f"- {item}" for item in items)


def listing(items: Sequence[str]) -> str:
    """Items of a sentence: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(part for part in (", ".join(items[:-1]), items[-1] if items else "") if part)


def paragraphs(*parts: str) -> str:
    """Blocks apart by a blank line; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in ("Cc", "Zl", "Zp"):
        return " "
    return {"Cf": "", "Cs": "\ufffd"}.get(category, character)


def _fence(text: str, least: int) -> str:
    return "`" * max([least, *(len(run) + 1 for run in re.findall("`+", text))])


def _cell(text: str) -> str:
    r"""A pipe ends a cell even inside a code span, unless it is written ``\|`` (GFM 4.10)."""
    return text.replace("|", r"\|") or " "
