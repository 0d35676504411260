"""Text of HTML pages: a walk over the parsed tree that keeps prose and code apart."""

import re
import unicodedata
from collections import Counter

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bench.data.markup.segment import ADDRESS, INVISIBLE, Quotes, Segment


def html_segments(html: str, *, quotes: Quotes = "drop") -> list[Segment]:
    """Text of a page or a part of one, in reading order, as NFC; never raises, whatever the text.

    ``pre`` is code; other ``code`` stays in its sentence. Links keep their text unless that is an address; addresses in prose,
    images, embedded pages and Discourse's previews of links (oneboxes) go. Table rows and list items become lines.
    quotes: whether ``blockquote``, Discourse's quotes of earlier posts and quoted parts of e-mails stay.
    """
    reader = _Reader(quotes)
    node = LexborHTMLParser(_shallow(html)).root
    depth = 0
    while node is not None:
        below = None
        if reader.enter(node):
            below = node.child
            if below is None:
                reader.leave(node)
        depth += below is not None
        while below is None and depth:
            below = node.next
            if below is None and node.parent is not None:
                node, depth = node.parent, depth - 1
                reader.leave(node)
        node = below
    return reader.done()


_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_SEPARATOR = re.compile("[\x0b\x0c\x1c-\x1f]")
_SCHEME = re.compile(r"(?:(?:https?|ftp):)?//(?:www\.)?", re.IGNORECASE)
_ELLIPSIS = re.compile(r"…|\.\.\.")

# fmt: off
_DROPPED = frozenset((
    "script", "style", "template", "title", "svg", "img", "picture", "iframe", "frame", "object", "embed", "video",
    "audio", "canvas", "map", "noembed", "noframes",
))
_PARAGRAPHS = frozenset((
    "p", "ul", "ol", "dl", "table", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "details", "figure",
    "form",
))
_LINES = frozenset((
    "div", "li", "dt", "dd", "tr", "br", "caption", "section", "article", "aside", "header", "footer", "main", "nav",
    "address", "center", "fieldset", "figcaption", "legend", "option", "summary",
))
# fmt: on
_LITERAL = frozenset(("code", "kbd", "samp", "tt"))
_QUOTING = frozenset(("quote", "elided", "gmail_quote"))


class _Reader:
    """Collects segments while the tree is walked."""

    def __init__(self, quotes: Quotes) -> None:
        self._quotes = quotes
        self._segments: list[Segment] = []
        self._lines: list[str] = []
        self._line: list[str] = []
        self._paragraph = False
        self._literal = 0
        self._pre: int | None = None
        self._code: list[str] = []

    def enter(self, node: LexborNode) -> bool:
        """Begin a node; False where what is below it does not count."""
        tag = node.tag or ""
        if tag == "-text":
            self._text(node.text_content or "")
        if not node.is_element_node:
            return False
        self._break(tag)
        if tag in _DROPPED or self._is_left_out(node, tag):
            return False
        if self._pre is not None:
            self._code += ["\n"] if tag == "br" else []
        elif tag == "pre":
            self._end_prose()
            self._pre = node.mem_id  # nodes are compared by all their HTML
        elif tag in ("td", "th"):
            self._line.append(" ")
        elif tag in _LITERAL:
            self._literal += 1
        return True

    def leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if self._pre == node.mem_id:
            self._end_code()
        elif tag in _LITERAL and self._pre is None:
            self._literal -= 1
        self._break(tag)

    def done(self) -> list[Segment]:
        self._end_prose()
        return self._segments

    def _is_left_out(self, node: LexborNode, tag: str) -> bool:
        if tag == "a":
            return _is_address(node.text(), node.attrs.get("href") or "")
        if tag == "blockquote" and self._quotes == "drop":
            return True
        classes = _classes(node)
        if classes & _QUOTING:
            return self._quotes == "drop"
        return "onebox" in classes or ("meta" in classes and _is_in_lightbox(node))

    def _text(self, text: str) -> None:
        if self._pre is not None:
            self._code.append(text)
        else:
            self._line.append(text if self._literal else ADDRESS.sub("", text))

    def _break(self, tag: str) -> None:
        if self._pre is None and (tag in _PARAGRAPHS or tag in _LINES):
            self._end_line()
            self._paragraph |= tag in _PARAGRAPHS

    def _end_line(self) -> None:
        line = " ".join(INVISIBLE.sub("", "".join(self._line)).split())
        self._line = []
        if line:
            if self._paragraph and self._lines:
                self._lines.append("")
            self._lines.append(unicodedata.normalize("NFC", line))
            self._paragraph = False

    def _end_prose(self) -> None:
        self._end_line()
        if self._lines:
            self._segments.append(Segment("prose", "\n".join(self._lines)))
        self._lines = []

    def _end_code(self) -> None:
        text = _SEPARATOR.sub("", _LINE_END.sub("\n", INVISIBLE.sub("", "".join(self._code))))
        lines = [line.rstrip() for line in text.split("\n")]
        text = unicodedata.normalize("NFC", "\n".join(lines).strip("\n"))
        if text:
            self._segments.append(Segment("code", text))
        self._pre, self._code = None, []


def _is_address(text: str, target: str) -> bool:
    """Whether a link shows where it leads, maybe cut short; a host alone may be a word that looks like one (``torch.cat``)."""
    shown = _SCHEME.sub("", _ELLIPSIS.split(text.strip())[0], count=1)
    return "/" in shown and bool(_SCHEME.match(target)) and _SCHEME.sub("", target, count=1).startswith(shown)


def _classes(node: LexborNode) -> set[str]:
    return set((node.attrs.get("class") or "").split())


def _is_in_lightbox(node: LexborNode) -> bool:
    """Whether one of the two elements around, the link or the wrapper, shows an image."""
    around = node.parent
    return around is not None and any(
        {"lightbox", "lightbox-wrapper"} & _classes(above) for above in (around, around.parent) if above is not None
    )


_DEEPEST = 100
"""Elements within one another that are told apart; a parser by the book needs time with the square of the depth."""
_FEW_TAGS = 1000
_OPENING = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)")
# fmt: off
_NEVER_DEEP = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li",
    "dd", "dt", "tr", "td", "th", "tbody", "thead", "tfoot", "option",
))
# fmt: on


def _shallow(html: str) -> str:
    """The page with tags below ``_DEEPEST`` made empty elements, as browsers do at some depth."""
    if html.count("<") < _FEW_TAGS:
        return html
    unclosed: Counter[str] = Counter()
    depth = 0

    def limited(match: re.Match[str]) -> str:
        nonlocal depth
        closing, name = match[1], match[2].lower()
        if name in _NEVER_DEEP or (closing and not unclosed[name]):
            return match[0]
        step = -1 if closing else 1
        unclosed[name] += step
        deepest, depth = max(depth, depth + step), depth + step
        return match[0] if deepest <= _DEEPEST else f"<{closing}wbr"

    return _OPENING.sub(limited, html)
