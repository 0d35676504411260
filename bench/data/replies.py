"""Replies that answer nothing by themselves: an address alone, or thanks alone."""

import re

from bench.data.markup.segment import ADDRESS

MOST_WORDS = 6
"""Words, besides addresses, that a reply of thanks has at most."""

# fmt: off
# The words that stand beside an address without telling more than it does.
_POINTING = frozenset((
    "a", "also", "and", "at", "check", "docs", "documentation", "have", "here", "hope", "https", "http", "in", "is",
    "it", "link", "look", "maybe", "or", "page", "please", "post", "read", "see", "similar", "source", "thread",
    "that", "the", "this", "try",
))
_THANKS = re.compile(
    r"\b(?:thanks?|thx|ty|cheers|(?:re)?solved|fixed|works|worked|working|awesome|perfect|great|bump|same here|me too)\b|(?<![\w+])\+1\b"
)
# What else a reply of thanks is made of.
_POLITE = frozenset((
    "a", "advance", "again", "all", "am", "answer", "everyone", "exactly", "fine", "for", "getting", "got", "great",
    "guys", "have", "help", "helped", "helping", "here", "i", "in", "is", "issue", "it", "just", "lot", "m", "man",
    "many", "me", "much", "my", "nice", "nicely", "no", "now", "of", "ok", "okay", "perfectly", "please", "problem",
    "problems", "question", "reply", "s", "same", "so", "solution", "still", "sure", "team", "that", "the", "this",
    "to", "too", "very", "was", "way", "well", "working", "yes", "you", "your",
))
# fmt: on
_WORD = re.compile(r"[^\W_]+")


def is_address_alone(text: str) -> bool:
    """Whether a text has an address and beside it nothing but words such as "see here"."""
    rest, addresses = ADDRESS.subn(" ", text)
    return addresses > 0 and all(word in _POINTING for word in _WORD.findall(rest.casefold()))


def is_thanks_alone(text: str) -> bool:
    """Whether a text says no more than "thank you", "solved", "works now" or "+1", in ``MOST_WORDS`` words at most."""
    rest = ADDRESS.sub(" ", text).casefold().replace("'", " ").replace("\u2019", " ")
    if len(_WORD.findall(rest)) > MOST_WORDS:
        return False
    left, found = _THANKS.subn(" ", rest)
    return found > 0 and all(word in _POLITE for word in _WORD.findall(left))
