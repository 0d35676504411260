"""Why documents matched, as a page with figures and as a few lines for a terminal."""

import re
from collections.abc import Iterator
from math import isnan

import numpy as np

from bench.explanation import Explanation, Matrix, Part, Table, Terms
from bench.match import Match, Matches
from bench.report import units
from bench.report.explain_figures import largest_terms, picture, value
from bench.report.markdown import block, bullets, clean, code, escape, folded, paragraphs, table

TEXT = 4_000
"""Characters of a document that the page shows."""
PAIRS = 12
"""Pairs of tokens in the table below a heat map."""
WORDS = 6
"""Tokens that a line on the terminal names."""
LINE = 100
"""Characters of a question or a document on the terminal."""
DEEPEST = 6
"""Levels of headings in markdown."""


def page(matches: Matches) -> dict[str, bytes]:
    """File name, relative to the folder of the explanation -> content: ``explain.md`` and its figures."""
    files: dict[str, bytes] = {}
    sections = [_section(match, number, files) for number, match in enumerate(matches.found, start=1)]
    text = paragraphs(f"# Why {code(matches.spec)} gives this answer", _facts(matches), *sections)
    return {"explain.md": f"{text}\n".encode(errors="replace"), **files}


def brief(matches: Matches) -> str:
    """The documents, their scores and the tokens that count most, as plain text."""
    lines = [f"question: {clean(matches.question, LINE)}"]
    for match in matches.found:
        lines += ["", f"{_place(match)}: {clean(match.doc_id)}: {clean(_content(match), LINE)}"]
        lines += [f"  {line}" for line in _told(match.explanation)]
    return "\n".join(lines)


def _facts(matches: Matches) -> str:
    which = f" (held-out question {code(matches.query_id)})" if matches.query_id else ""
    seed = "" if matches.seed is None else f", seed {matches.seed}"
    return bullets(
        [
            f"question{which}: {code(matches.question, TEXT)}",
            f"system: {code(matches.spec)}, on {escape(matches.device)}{seed}",
            f"searched: {escape(matches.dataset)}, pool {escape(matches.pool)} of {units.count(matches.documents)} documents",
            f"command: {code(matches.command)}",
        ]
    )


def _section(match: Match, number: int, files: dict[str, bytes]) -> str:
    name = match.title or match.doc_id
    return paragraphs(
        f"## {_place(match)[:1].upper()}{_place(match)[1:]}: {escape(clean(name, LINE))}",
        f"Document {code(match.doc_id)}.",
        folded("The document", block(match.text[:TEXT] + ("…" if len(match.text) > TEXT else ""))),
        _explained(match.explanation, f"figures/{number}", 3, files),
    )


def _explained(explanation: Explanation, stem: str, level: int, files: dict[str, bytes]) -> str:
    """An explanation with its figures, then those inside it below headings of the next level."""
    parts = [_part(part, f"{stem}-{at}.svg", files) for at, part in enumerate(explanation.parts, start=1)]
    inner = [
        paragraphs(f"{'#' * level} {escape(name)}", _explained(one, f"{stem}.{at}", min(level + 1, DEEPEST), files))
        for at, (name, one) in enumerate(explanation.inner, start=1)
    ]
    return paragraphs(f"Score: {_score(explanation)}.", *parts, *inner)


def _part(part: Part, name: str, files: dict[str, bytes]) -> str:
    drawn = picture(part, name)
    if drawn is None:
        return _numbers(part) if isinstance(part, Table) else f"*Nothing to show of {escape(part.title)}.*"
    files[drawn.name] = drawn.content
    return paragraphs(drawn.markdown(), folded("The numbers", _numbers(part)))


def _numbers(part: Part) -> str:
    if isinstance(part, Table):
        told = table([escape(header) for header in part.headers], [[escape(cell) for cell in row] for row in part.rows])
        return paragraphs(f"{escape(part.title[:1].upper() + part.title[1:])}:", told)
    if isinstance(part, Terms):
        rows = zip(part.tokens, part.weights, strict=True)
        return table(["token", "adds"], [[code(token), value(weight)] for token, weight in rows])
    return table(
        ["row", "column", "value"], [[code(row), code(column), value(at)] for row, column, at in _pairs(part)], left=2
    )


def _pairs(part: Matrix) -> Iterator[tuple[str, str, float]]:
    """The pairs with the largest values of either sign."""
    values = np.asarray(part.values)
    for at in np.argsort(-np.abs(values), axis=None, kind="stable")[:PAIRS]:
        row, column = np.unravel_index(at, values.shape)
        yield part.rows[row], part.columns[column], float(values[row, column])


def _told(explanation: Explanation) -> Iterator[str]:
    """The score and, of every part that says what tokens add, those that count most."""
    yield f"score {_score(explanation)}"
    for part in explanation.parts:
        if isinstance(part, Terms):
            heading = re.split("[:;,]", clean(part.title))[0]
            counted = sorted(
                ((token, weight) for token, weight in largest_terms(part) if weight), key=lambda one: -abs(one[1])
            )
            named = ", ".join(f"{clean(token, LINE // 4)} {value(weight)}" for token, weight in counted[:WORDS])
            more = f" and {len(part.tokens) - WORDS} more" if len(part.tokens) > WORDS else ""
            yield f"{heading}: {named or 'nothing'}{more}"
    for name, one in explanation.inner:
        yield from (f"{clean(name)}: {line}" for line in _told(one))


def _score(explanation: Explanation) -> str:
    return "none, the document is no hit" if isnan(explanation.score) else f"{explanation.score:.4f}"


def _place(match: Match) -> str:
    rank = "not found" if match.rank is None else f"rank {units.count(match.rank)}"
    return rank if match.right is None else f"{rank}, {'a right answer' if match.right else 'not a right answer'}"


def _content(match: Match) -> str:
    return f"{match.title}: {match.text}" if match.title else match.text
