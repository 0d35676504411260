"""Text of posts in Markdown as forums write it: CommonMark with tables, HTML, quotes in brackets and formulas."""

import re
from collections.abc import MutableMapping
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from bench.data.markup.hypertext import html_segments
from bench.data.markup.segment import INVISIBLE, Quotes, Segment


def markdown_segments(text: str, *, quotes: Quotes = "drop") -> list[Segment]:
    """Text of a post in Markdown (CommonMark, tables, HTML between), by the rules of ``html_segments``.

    Fenced and indented blocks are code. Formulas between dollar signs stay as they are. quotes: whether blocks behind ``>``
    and between ``[quote]`` and ``[/quote]`` stay.
    """
    # First of all, because CommonMark makes NUL a visible sign.
    page = _markdown().render(INVISIBLE.sub("", text), {_QUOTES: quotes})
    return html_segments(page, quotes=quotes)


_Env = MutableMapping[str, Any]
_QUOTES = "quotes"
_SPANS = "spans"
_LONGEST_NAME = 300
_TAG = re.compile(rf"\[quote(?:=[^\]\n]{{0,{_LONGEST_NAME}}})?\]|\[/quote\]", re.IGNORECASE)
_FORMULA = re.compile(r"\$\$(?:[^$\\]|\\.)+\$\$|\$(?![\s$])(?:[^$`\\\n]|\\.)*(?<!\s)\$(?!\d)", re.DOTALL)
_DEEPEST = 20
"""Blocks or brackets within one another that are parsed; text of lists and quotes that lie deeper is left out."""


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "bbcode_quote", _quoted_block, interrupts)
    parser.inline.ruler.before("escape", "bbcode_quote", _quoted_inline)
    parser.block.ruler.before("fence", "formula", _formula_block, interrupts)
    parser.inline.ruler.before("escape", "formula", _formula_inline)
    return parser


def _quoted_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``[quote="user, post:1"] ... [/quote]`` from the beginning of a line, with what is nested in it, or a tag alone."""
    begin = state.bMarks[start] + state.tShift[start]
    while state.src.startswith("[", begin) and (tag := _TAG.match(state.src, begin)):
        if silent:
            return True
        close = _end_of_quote(state.src, begin, state.env) or tag.end()
        if close > state.eMarks[end - 1]:
            close = tag.end()
        line = next(at for at in range(start, end) if close <= state.eMarks[at])
        begin = state.skipSpaces(close)
        if begin >= state.eMarks[line]:
            state.line = line + 1
            return True
        # What follows on the last line is read as if it began a line.
        state.bMarks[line], state.tShift[line], state.sCount[line] = begin, 0, state.blkIndent
        if line > start:
            state.line = line
            return True
    return False


def _quoted_inline(state: StateInline, _silent: bool) -> bool:
    """The same within a paragraph."""
    tag = _TAG.match(state.src, state.pos) if state.src.startswith("[", state.pos) else None
    if tag is None:
        return False
    state.pos = _end_of_quote(state.src, state.pos, state.env) or tag.end()
    return True


def _end_of_quote(text: str, begin: int, env: _Env) -> int | None:
    """Where the quote that begins here ends, if it has an end and is dropped; tags are paired once for each text."""
    if env[_QUOTES] == "keep":
        return None
    known: dict[str, dict[int, int]] = env.setdefault(_SPANS, {})
    if text not in known:
        waiting: list[int] = []
        spans: dict[int, int] = {}
        for tag in _TAG.finditer(text):
            if not tag[0].startswith("[/"):
                waiting.append(tag.start())
            elif waiting:
                spans[waiting.pop()] = tag.end()
        known[text] = spans
    return known[text].get(begin)


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    found = _FORMULA.match(state.src, begin, state.eMarks[end - 1]) if state.src.startswith("$$", begin) else None
    if found is None:
        return False
    line = next(at for at in range(start, end) if found.end() <= state.eMarks[at])
    if state.src[found.end() : state.eMarks[line]].strip():
        return False
    if not silent:
        state.push("html_block", "", 0).content = f"<p>{escape(found[0]).replace(chr(10), '<br>')}</p>\n"
        state.line = line + 1
    return True


def _formula_inline(state: StateInline, silent: bool) -> bool:
    found = _FORMULA.match(state.src, state.pos) if state.src.startswith("$", state.pos) else None
    if found is None:
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True
