"""Questions of a Q&A site, each with the best answer seen so far; memory grows with the questions kept, nothing else."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple


class Question(NamedTuple):
    """One question.

    title: plain text. body: HTML. date: seconds since 1970. accepted: id of the accepted answer, 0 for none.
    marks: what the report counts, such as ``locked``.
    """

    id: int
    title: str
    body: str
    date: float
    accepted: int
    licence: str
    marks: tuple[str, ...]


class Answer(NamedTuple):
    """One answer; ``body`` is HTML, ``score`` votes up less votes down."""

    id: int
    score: int
    body: str
    licence: str
    marks: tuple[str, ...]


class Threads:
    """Questions by id and the best answer of each: the accepted one, else the highest score, else the earliest."""

    def __init__(self, *, accepted_only: bool) -> None:
        self.questions: dict[int, Question] = {}
        self.dropped: Counter[str] = Counter()
        """Questions that were left out, by the reason."""
        self.dropped_answers: Counter[str] = Counter()
        self._accepted_only = accepted_only
        self._best: dict[int, Answer] = {}

    def ask(self, question: Question) -> None:
        """Keep a question, unless it has no title or came before."""
        if question.id in self.questions:
            self.dropped["posts that repeat another's number"] += 1
        elif not question.title.strip():
            self.dropped["questions without a title"] += 1
        else:
            self.questions[question.id] = question

    def answer(self, asked: int, answer: Answer) -> None:
        """Weigh an answer to the question ``asked``, which must be kept here, against the best so far."""
        best = self._best.get(asked)
        accepted = self.questions[asked].accepted
        if best is not None and best.id == answer.id:
            self.dropped_answers["posts that repeat another's number"] += 1
        elif not answer.body.strip():
            self.dropped_answers["empty answers"] += 1
        elif answer.score < 0 and answer.id != accepted:
            self.dropped_answers["answers voted below zero"] += 1
        elif self._accepted_only and answer.id != accepted:
            pass
        elif best is None or _rank(answer, accepted) > _rank(best, accepted):
            self._best[asked] = answer

    def forget_answers(self) -> None:
        """As if no answer had come yet."""
        self._best.clear()
        self.dropped_answers.clear()

    def solved(self) -> Iterator[tuple[Question, Answer]]:
        """Hand over every question that has an answer, in the order of their numbers, and count the others; keeps none."""
        for number in sorted(self.questions):
            question, answer = self.questions.pop(number), self._best.pop(number, None)
            if answer is not None:
                yield question, answer
            elif self._accepted_only:
                self.dropped["questions without an accepted answer"] += 1
            else:
                self.dropped["questions without an answer that counts"] += 1


def _rank(answer: Answer, accepted: int) -> tuple[bool, int, int]:
    return answer.id == accepted, answer.score, -answer.id
