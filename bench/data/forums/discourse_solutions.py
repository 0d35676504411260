"""What a topic asks and which of its posts solves it: the accepted answer, else the reply that the forum rates highest."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

from bench.data.forums.discourse_topics import Post, Topic
from bench.data.markup.segment import INVISIBLE

# Forums allow 255 characters. The patterns below look back and forth, which a title without end would make take for ever.
_LONGEST_TITLE = 500

How = Literal["accepted", "score", "activity"]


class Solution(NamedTuple):
    """The post that solves a topic and how it was found; ``lost`` where another is accepted but cannot be read."""

    post: Post
    how: How
    lost: bool = False


def solution(topic: Topic, *, accepted_only: bool) -> Solution | str:
    """The solution of a topic, or why it has none; the first post and posts without text of their own are none.

    Accepted answers come first, and of several the one that the topic itself names. Then replies by the score where the forum
    tells it of each, else by its formula over the counts (``Post.activity``), of equals the earliest.
    """
    replies = [post for post in topic.posts if post.number > 1 and post.regular]
    how: How = "score" if all(post.score is not None for post in replies) else "activity"
    ranked = sorted(replies, key=lambda post: (-_worth(post, how), post.number))
    marked = [post for post in ranked if post.accepted or post.number == topic.accepted]
    chosen = _first_with_text(sorted(marked, key=lambda post: post.number != topic.accepted))
    if chosen is not None:
        return Solution(chosen, "accepted")
    if accepted_only:
        return (
            "topics whose accepted answer is hidden, empty or not there"
            if topic.names_solution
            else "topics without accepted answer"
        )
    if not replies:
        return "topics without a reply"
    best = _first_with_text(ranked)
    return Solution(best, how, lost=topic.names_solution) if best else "topics whose replies have no text"


def cleaned_title(title: str) -> str:
    """A title without the words that tell that the topic is solved, which only topics with an answer carry; 500 characters at most."""
    text = unicodedata.normalize("NFC", INVISIBLE.sub("", title[:_LONGEST_TITLE]))
    for pattern in (_BRACKETED, _LEADING, _TRAILING):
        text = pattern.sub(" ", " ".join(text.split()))
    return " ".join(text.split())


def _worth(post: Post, how: How) -> float:
    return post.score if how == "score" and post.score is not None else post.activity


def _first_with_text(posts: Sequence[Post]) -> Post | None:
    return next((post for post in posts if post.text), None)


_SOLVED = (
    r"(?:re)?solved|answered|gel(?:ö|oe)st|r[ée]solue?|solucionad[oa]|resuelt[oa]|(?:re)?solvid[oa]|risolt[oa]|"
    r"opgelost|реш[её]н\w?|已解决"
)
_DASHES = r"\u2010-\u2015-"
_AUXILIARY = r"(?:(?:is|was|has|have|been|now|already|finally|partly|partially|mostly|got|almost)\W+)*"
_BRACKETED = re.compile(
    rf"[\[(<{{【«]\W*{_AUXILIARY}(?:problem |issue |un)?(?:{_SOLVED})\b[^\])>}}】»]*[\])>}}】»]", re.IGNORECASE
)
# A bare word begins or ends a sentence too ("resolved paths", "cannot be solved"): only the plainest is taken for a mark.
_LEADING = re.compile(rf"^\W*(?:(?:{_SOLVED})\b\s*[:|~/*!.{_DASHES}]+|solved(?:\s|$))\s*", re.IGNORECASE)
_TRAILING = re.compile(
    rf"(?:\s*[:;|,~/*!.?{_DASHES}]+\s*{_AUXILIARY}(?:{_SOLVED})|(?<!\bnot)(?<!\bbe)(?<!\bget)(?<!\bnever)\s{_AUXILIARY}solved)"
    rf"[\s!.*~){_DASHES}]*$",
    re.IGNORECASE,
)
