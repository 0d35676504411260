"""Text of posts in HTML or Markdown: prose and code apart, without addresses, images and quotes of earlier posts."""

from bench.data.markup.hypertext import html_segments
from bench.data.markup.markdown import markdown_segments
from bench.data.markup.segment import Code, Quotes, Segment

__all__ = ["Segment", "html_segments", "html_text", "markdown_segments", "markdown_text"]


def html_text(html: str, *, code: Code = "keep", quotes: Quotes = "drop") -> str:
    """The segments of ``html_segments`` with blank lines between; ``code`` says whether blocks of code stay."""
    return _joined(html_segments(html, quotes=quotes), code)


def markdown_text(text: str, *, code: Code = "keep", quotes: Quotes = "drop") -> str:
    """The segments of ``markdown_segments`` with blank lines between; ``code`` says whether blocks of code stay."""
    return _joined(markdown_segments(text, quotes=quotes), code)


def _joined(segments: list[Segment], code: Code) -> str:
    return "\n\n".join(segment.text for segment in segments if code == "keep" or segment.kind == "prose")
