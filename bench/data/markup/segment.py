"""What is read from a post: stretches of prose and of code."""

import re
from typing import Literal, NamedTuple

Code = Literal["keep", "drop"]
Quotes = Literal["keep", "drop"]


class Segment(NamedTuple):
    """A stretch of a post: ``prose``, one line per line of the page, or ``code``, with its line breaks and indentation."""

    kind: Literal["prose", "code"]
    text: str


# Control, zero-width and direction characters, variation selectors and lone surrogates; white space among them stays.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)

ADDRESS = re.compile(r"\b(?:(?:https?|ftp)://|www\.(?=\w))(?:[^\s<>\"]*[^\s<>\".,;:!?'()\[\]{}*])?", re.IGNORECASE)
"""An address in running text, without the sign that ends the sentence."""
