"""Sample questions and what each system answers, in a fold."""

from bench.outcome import Outcome
from bench.report import units
from bench.report.markdown import code, folded, paragraphs
from bench.report.summary import Summary
from bench.report.system import System

SHOWN = 5
"""Questions."""
QUESTION = 160
ANSWER = 110
"""Characters shown."""


def samples(summary: Summary) -> str:
    """Each contender's top answer, and where the right one stands; empty without samples or results."""
    questions = range(min(SHOWN, len(summary.record.samples)))
    contenders = [system for system in summary.results if not system.baseline]
    if not questions or not contenders:
        return ""
    intro = (
        "A right answer to each question, then the top answer of each system: ✓ right or ✗ wrong, with the rank of the first "
        "right one."
    )
    asked = "\n".join(_question(summary, contenders, number) for number in questions)
    return paragraphs("## Sample questions", folded("What each system answers first", intro, asked))


def _question(summary: Summary, contenders: list[System], number: int) -> str:
    index, question, right = summary.record.samples[number]
    depth = summary.record.depth
    lines = [f"- {code(question, QUESTION)}", f"  - a right answer: {code(right, ANSWER)}"]
    return "\n".join([*lines, *(f"  - {_answer(system, number, index, depth)}" for system in contenders)])


def _answer(system: System, number: int, index: int, depth: int) -> str:
    job = _job(system)
    answers = job.answers[number] if number < len(job.answers) else ()
    rank = job.first_ranks[index]
    name = code(system.label)
    if not answers:
        return f"✗ {name}: no answer"
    if answers[0].relevant:
        return f"✓ {name}"
    where = f"right at rank {units.count(rank)}" if rank else f"none among the first {units.count(depth)} is right"
    return f"✗ {name}: {code(answers[0].text, ANSWER)}; {where}"


def _job(system: System) -> Outcome:
    """The first seed stands for the system."""
    return system.measured[0]
