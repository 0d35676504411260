"""The documents of one search that are to be explained; what ``bench explain`` hands to its page."""

from typing import NamedTuple

from bench.explanation import Explanation


class Match(NamedTuple):
    """A document and why it has its score.

    rank: from 1, None where the search for all documents does not find it. right: whether it solves the question, None where
    nobody knows.
    """

    doc_id: str
    title: str
    text: str
    rank: int | None
    right: bool | None
    explanation: Explanation


class Matches(NamedTuple):
    """A question asked of a system, and the documents to be explained, the one that was asked for first.

    query_id: of a held-out question, empty for one that was typed. documents: size of the pool.
    """

    command: str
    spec: str
    seed: int | None
    device: str
    dataset: str
    pool: str
    documents: int
    query_id: str
    question: str
    found: tuple[Match, ...]
