"""What is read from posts: shapes that forums and Stack Exchange really serve, and texts that nobody would write."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.markup import Segment, html_segments, html_text, markdown_segments, markdown_text


def prose(text):
    return Segment("prose", text)


def code(text):
    return Segment("code", text)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>fish &amp; chips &lt;now&gt; &#8364;5&nbsp;each</p>", "fish & chips <now> €5 each"),
        ("<p>one\n  two</p><p>three<br>four</p>", "one two\n\nthree\nfour"),
        ("<p>a<b>b</b>c <i>d</i></p>", "abc d"),
        ("<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>", "a\nb\n\nc"),
        ("<table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>", "k v\n1 2"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        (
            '<p><a class="mention" href="/u/ann">@ann</a> see <a href="https://x.org/y">the docs</a></p>',
            "@ann see the docs",
        ),
        ("<p>see https://x.org/a_(b)?c=1, www.x.org or ftp://y.org/z.</p>", "see , or ."),
        ('<p>try <a href="https://x.org/a/b">https://x.org/a/b</a> now</p>', "try now"),
        ('<p>try <a href="https://www.x.org/a/b/c">x.org/a/b…</a> now</p>', "try now"),
        ('<p>call <a href="http://torch.cat">torch.cat</a> with <a href="/a/b">a/b</a></p>', "call torch.cat with a/b"),
        ('<p>thanks <img src="s.png" class="emoji" alt=":smile:" title=":smile:"> bye</p>', "thanks bye"),
        ("<p>a<script>var x = '<p>';</script><style>p {}</style><svg><text>b</text></svg>c</p>", "ac"),
        ("<!-- gone --><p>stays</p><template>gone</template>", "stays"),
        ("<details><summary>More</summary><p>hidden</p></details>", "More\n\nhidden"),
        ("<p>loss is $a_1 &lt; b$ and \\(x^2\\)</p>", "loss is $a_1 < b$ and \\(x^2\\)"),
        ("<p>e\u0301 zero\u200bwidth\ufeff \x07bell s\u00adoft</p>", "é zerowidth bell soft"),
        ('<div class="meta">ours</div>', "ours"),
        ("a<blockquote>gone</blockquote>b<code class='onebox'>gone</code> http://x.org", "a\n\nb"),
        ("", ""),
        ("no markup at all", "no markup at all"),
    ],
)
def test_prose_of_a_page(html, text):
    assert html_text(html) == text


def test_blocks_of_code_keep_their_layout_and_stand_apart():
    html = (
        "<p>Call <code>f( x)</code>:</p>\n"
        '<pre><code class="lang-python">\ndef f(x):\n    if x &lt; 1:  # see https://x.org\n\n        return 2\n\n</code></pre>'
        "<p>Done.</p>"
    )
    expected = "def f(x):\n    if x < 1:  # see https://x.org\n\n        return 2"
    assert html_segments(html) == [prose("Call f( x):"), code(expected), prose("Done.")]
    assert html_text(html, code="drop") == "Call f( x):\n\nDone."
    assert html_text(html) == f"Call f( x):\n\n{expected}\n\nDone."


def test_the_indentation_of_the_first_line_of_code_and_marked_up_code_stay():
    assert html_segments("<pre>    <span class='k'>if</span> x:<br>        y\r\n</pre>") == [
        code("    if x:\n        y")
    ]
    assert html_segments("<pre> \n </pre>") == []


def test_addresses_in_inline_code_stay_because_they_are_part_of_a_command():
    assert html_text("<p>run <code>curl http://x.org</code></p>") == "run curl http://x.org"


QUOTE = (
    '<aside class="quote no-group" data-username="bob" data-post="1" data-topic="2"><div class="title">'
    '<img alt="" class="avatar">bob:</div><blockquote><p>leak</p>'
    '<aside class="quote"><blockquote><p>older leak</p></blockquote></aside><pre>leak()</pre></blockquote></aside>'
)


def test_quotes_of_earlier_posts_are_left_out_with_all_that_they_hold():
    assert html_segments(f"{QUOTE}<p>My answer.</p>") == [prose("My answer.")]
    assert html_text("<blockquote>On Monday Bob wrote</blockquote><p>Yes.</p>") == "Yes."
    assert html_text("<p>Yes.</p><details class='elided'><summary>···</summary>the whole mail</details>") == "Yes."
    kept = html_text(f"{QUOTE}<p>My answer.</p>", quotes="keep")
    assert kept == "bob:\n\nleak\n\nolder leak\n\nleak()\n\nMy answer."


def test_an_error_message_in_a_blockquote_of_stack_exchange_can_be_kept():
    html = "<p>I get</p><blockquote><p>IndexError: 3</p></blockquote>"
    assert html_text(html, quotes="keep") == "I get\n\nIndexError: 3"
    assert html_text(html) == "I get"


def test_previews_of_links_and_descriptions_of_images_are_left_out():
    onebox = (
        '<aside class="onebox githubblob"><header class="source"><a href="https://github.com/x">github.com</a></header>'
        '<article class="onebox-body"><h4>x/y.py</h4><pre class="onebox"><code>leak</code></pre></article></aside>'
    )
    image = (
        '<p><div class="lightbox-wrapper"><a class="lightbox" href="u.png" title="t"><img src="u_2.png" alt="t">'
        '<div class="meta"><svg class="d-icon"><use href="#i"></use></svg><span class="filename">image.png</span>'
        '<span class="informations">690x388 12 KB</span></div></a></div></p>'
    )
    inline = '<p><a href="https://x.org/a" class="inline-onebox">A title</a> says so.</p>'
    assert html_text(onebox + image + inline) == "A title says so."


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (
            "# Title\n\nSome *very* **bold** ~~old~~ text\nover two lines",
            "Title\n\nSome very bold old text over two lines",
        ),
        ("[docs](https://x.org/a 'T') <https://y.org> ![shot|690x388](upload://a.png) [r][1]\n\n[1]: /z", "docs r"),
        ("- a\n- b\n  1. c", "a\nb\n\nc"),
        ("| k | v |\n|---|---|\n| 1 | `2` |", "k v\n1 2"),
        ("a &lt; b, <kbd>Ctrl</kbd> <!-- no -->c<br>d", "a < b, Ctrl c\nd"),
        ("snake_case_name and __init__ in `__init__`", "snake_case_name and init in __init__"),
        ("cost $a_1 * b_2 * c$, \\$5 and $6", "cost $a_1 * b_2 * c$, $5 and $6"),
        ("set $PATH, then `echo $HOME` and 5$", "set $PATH, then echo $HOME and 5$"),
        ("$$\na < b\n- c\n$$", "$$\na < b\n- c\n$$"),
        ("> On Monday Bob wrote:\n> > older\n\nYes.", "Yes."),
        ("\ud800lone\x00 e\u0301", "lone é"),
    ],
)
def test_prose_of_markdown(markdown, text):
    assert markdown_text(markdown) == text


def test_fenced_and_indented_blocks_of_markdown_are_code():
    text = "See `x = 1`:\n\n```python\ndef f():\n\n    return '[quote]'\n```\n\n    a <b>\n\nend"
    expected = [prose("See x = 1:"), code("def f():\n\n    return '[quote]'"), code("a <b>"), prose("end")]
    assert markdown_segments(text) == expected
    assert markdown_text(text, code="drop") == "See x = 1:\n\nend"


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ('[quote="bob, post:1, topic:2, full:true"]\nleak\n\n    leak\n[/quote]\nmine', "mine"),
        ("[QUOTE=bob]a[quote]b[/quote]c[/QUOTE] mine", "mine"),
        ("[quote]a[/quote][quote]b[/quote]\n\nmine\n[quote]c\n[/quote] more", "mine\n\nmore"),
        ("so [quote]leak[/quote] mine", "so mine"),
        ('[quote="bob"]\n```\nnever closed\n[/quote]\nmine', "mine"),
        ("- item\n- [quote]leak[/quote]\n- item", "item\nitem"),
        ("[quote]\nwithout an end", "without an end"),
        ("an end [/quote] without beginning", "an end without beginning"),
        ("[quotes] and [quote me](x)", "[quotes] and quote me"),
    ],
)
def test_quotes_in_brackets_are_left_out_with_those_inside(markdown, text):
    assert markdown_text(markdown) == text


def test_quotes_of_markdown_can_be_kept():
    text = '[quote="bob"]\none [quote]two[/quote]\n[/quote]\n> three\n\nfour'
    assert markdown_text(text, quotes="keep") == "one two\n\nthree\n\nfour"


@pytest.mark.parametrize(
    "tag", ["div", "b", "p", "blockquote", "a href=x", "code", "table", "ul><li", "pre", "svg", "span"]
)
def test_a_hundred_thousand_open_tags_are_read(tag):
    assert html_text("begin " + f"<{tag}>" * 100_000) == "begin"


def test_text_below_very_many_tags_is_not_lost():
    assert html_text("<div>" * 50_000 + "deep" + "</div>" * 50_000 + "<p>after</p>") == "deep\n\nafter"


def test_nesting_within_bounds_changes_nothing_on_a_page_of_many_tags():
    page = "<p>a <b>b</b> c</p><blockquote>no</blockquote>" * 2_000
    assert html_text(page) == "\n\n".join(["a b c"] * 2_000)


@pytest.mark.parametrize("mark", [">", "> ", "[quote]\n", "* ", "`", "$", "<", "![", "- "])
def test_many_marks_of_markdown_without_end_are_read(mark):
    assert isinstance(markdown_text(mark * 3_000), str)


def test_a_megabyte_of_one_line_is_read():
    assert len(html_text("word " * 200_000)) == len(markdown_text("word " * 200_000)) == 999_999


TAGS = [
    "<p>",
    "</p>",
    "<pre>",
    "</pre>",
    "<code>",
    "</code>",
    "<a>",
    "<aside class=quote>",
    "</aside>",
    "<table>",
    "<td>",
    "<br>",
]
SIGNS = [
    "<!",
    "<!--",
    "-->",
    "&",
    "&amp;",
    "[quote]",
    "[/quote]",
    "[quote=b]",
    "```",
    "~~",
    "$",
    "$$",
    "http://",
    "www.",
    "\n\n",
]
CHARACTERS = "<>[]()`*_\\|-# a\té\u0301\n\x00\x1f\x85\u2028\u200b\ud800"
MARKUP = st.lists(st.sampled_from([*TAGS, *SIGNS, *CHARACTERS]), max_size=40).map("".join)


@settings(deadline=None)
@given(text=st.one_of(st.text(), MARKUP), quotes=st.sampled_from(["keep", "drop"]))
def test_no_text_is_too_odd_and_what_comes_out_is_clean(text, quotes):
    for segments in (html_segments(text, quotes=quotes), markdown_segments(text, quotes=quotes)):
        for segment in segments:
            assert segment.text.strip()
            assert unicodedata.is_normalized("NFC", segment.text)
            controls = {c for c in segment.text if unicodedata.category(c) in ("Cc", "Cs")} - {"\n", "\t"}
            assert not controls
            if segment.kind == "prose":
                assert all(line == " ".join(line.split()) for line in segment.text.split("\n"))


WORD = st.text("abcdefg äß&", min_size=1, max_size=8).map(lambda word: word.replace("&", "&amp;"))
TAG = st.sampled_from(
    ["p", "div", "b", "em", "code", "pre", "ul", "li", "table", "td", "a href='x'", "span class='k'", "h1"]
)
PAGE = st.recursive(
    WORD,
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag.split()[0]}>", TAG, st.lists(inner, min_size=1, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(page=PAGE)
def test_no_tag_comes_out_and_every_letter_does(page):
    text = html_text(page)
    assert not {"<", ">"} & set(text)
    letters = [
        letter for part in page.replace("&amp;", "&").split("<") for letter in part.rpartition(">")[2] if letter != " "
    ]
    # Text that stands where a table has no place for it is put in front of the table, as browsers do.
    assert sorted(letters) == sorted(text.replace(" ", "").replace("\n", ""))
