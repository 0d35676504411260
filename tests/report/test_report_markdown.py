"""Foreign text, whatever it holds, comes out of a markdown parser as the text it was."""

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.report.markdown import block, clean, code, escape, folded, html, listing, table

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
NASTY = st.text(st.sampled_from("ab `|\\*_<>&#[]()!~$\n\t-+=1.;:\"'/\x00\x1b\u202e\ud800é"), max_size=40)

CODE = "a | b ``c`` \\| <script>alert(1)</script> &amp; $x$ </details>\n\n# not a heading"


def inline(markdown):
    """Kinds and contents of the tokens of one paragraph."""
    tokens = PARSER.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    return [(token.type, token.content) for token in tokens[1].children]


def cells(markdown):
    return [token for token in PARSER.parse(markdown) if token.type == "inline"]


@given(NASTY)
def test_code_is_one_code_span_with_the_very_text(text):
    line = clean(text)
    assert inline(code(text)) == ([("code_inline", line)] if line else [("text", "(empty)")])


@given(NASTY)
def test_escaped_text_is_plain_text(text):
    tokens = inline(f"x {escape(text)}")
    assert {kind for kind, _ in tokens} <= {"text", "text_special"}
    assert "".join(content for _, content in tokens) == f"x {clean(text)}".rstrip()


@given(NASTY, NASTY)
def test_a_table_keeps_its_cells(first, second):
    found = cells(table(["system", "why"], [[code(first), escape(f"x {second}")], ["a", "b"]]))
    assert len(found) == 6
    assert found[2].children[0].content == (clean(first) or "(empty)")
    assert "".join(child.content for child in found[3].children) == f"x {clean(second)}".rstrip()


@given(NASTY)
def test_html_holds_no_markup(text):
    shown = html(text)
    assert "<" not in shown
    assert unescape(shown) == clean(text)


@pytest.mark.parametrize("text", ["```\nrm -rf\n```", "plain", CODE])
def test_a_fenced_block_ends_only_at_its_end(text):
    tokens = PARSER.parse(block(text, "sh"))
    assert [token.type for token in tokens] == ["fence"]


@given(NASTY)
def test_clean_text_is_one_line_that_can_be_written(text):
    line = clean(text)
    assert line.isprintable() or not line
    assert line == clean(line)
    line.encode()


def test_direction_marks_and_control_characters_are_gone():
    assert clean("a\u202eb\x1b[31mc\x00d\r\ne") == "ab [31mc d e"


def test_cut_text_has_the_asked_length_and_says_so():
    assert clean("abcdef", 4) == "abc…"
    assert clean("abcd", 4) == "abcd"


def test_tables_are_aligned_as_plain_text():
    lines = table(["system", "n", "verdict"], [["a", "1,337", "best"], ["longer", "8", "worse"]], right=1).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("|:--")
    assert "-:|:-" in lines[1]


def test_a_fold_parses_as_html_around_markdown():
    kinds = [token.type for token in PARSER.parse(folded("More", "*a*", "- b"))]
    assert kinds[0] == kinds[-1] == "html_block"
    assert "em_open" in [child.type for token in PARSER.parse(folded("More", "*a*")) for child in token.children or ()]


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listing(items, text):
    assert listing(items) == text
