"""What each term of a question adds to the score of one document: exact, since these scores are sums over terms."""

from collections.abc import Iterable, Mapping

from bench.explanation import Explanation, Terms
from retrievers.lexical.impacts import Impacts

TITLE = "what each term of the question adds to the score; the sum is the score"


def contributions(
    impacts: Impacts, bag: Mapping[int, float], asked: Iterable[str], numbers: Mapping[str, int], position: int
) -> Explanation:
    """The terms asked for, in their order, with what they add at a position; 0 for one that the document does not hold.

    bag: the question as ``impacts.search`` takes it, term number -> weight. numbers: term -> its number.
    """
    weights = {
        term: float(impacts.scores({numbers[term]: bag[numbers[term]]})[position]) if term in numbers else 0.0
        for term in asked
    }
    score = float(impacts.scores(bag)[position])
    return Explanation(score, (Terms(TITLE, tuple(weights), tuple(weights.values())),))
