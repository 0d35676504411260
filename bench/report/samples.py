"""Sample questions and what each system answers, a fold for each question."""

from bench.outcome import Outcome
from bench.report.markdown import bullets, code, folded, html, paragraphs
from bench.report.summary import Summary
from bench.report.system import System

QUESTION = 160
ANSWER = 110
"""Characters shown."""


def samples(summary: Summary) -> str:
    """Each system's top answer, and the right one where it stands just below; empty without samples or results."""
    record = summary.record
    if not record.samples or not summary.results:
        return ""
    intro = "The top answer of each system, ✓ right or ✗ wrong; then the first right one among its next answers."
    return paragraphs(
        "## Sample questions", intro, *(_question(summary, number) for number in range(len(record.samples)))
    )


def _question(summary: Summary, number: int) -> str:
    index, question, right = summary.record.samples[number]
    solved = sum(1 for system in summary.results if _job(system).first_ranks[index] == 1)
    title = f"{html(question, QUESTION) or '(empty)'} <i>({solved} of {len(summary.results)} right)</i>"
    lines = [f"A right answer: {code(right, ANSWER)}"]
    lines += [_answers(system, number, index) for system in summary.results]
    return folded(title, bullets(lines))


def _answers(system: System, number: int, index: int) -> str:
    job = _job(system)
    answers = job.answers[number] if number < len(job.answers) else ()
    rank = job.first_ranks[index]
    name = code(system.label)
    if not answers:
        return f"✗ {name}: no answer"
    top = f"{name}: {code(answers[0].text, ANSWER)}"
    if answers[0].relevant:
        return f"✓ {top}"
    if rank == 0:
        return f"✗ {top}; no right answer was retrieved"
    found = next((f": {code(answer.text, ANSWER)}" for answer in answers if answer.relevant), "")
    return f"✗ {top}; right at rank {rank}{found}"


def _job(system: System) -> Outcome:
    """The first seed stands for the system."""
    return system.measured[0]
