"""Collections as text for the terminal: what there is, one in full, and what an opened one holds and hides."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING

from tabulate import tabulate

from bench.data.card import Card, read_card
from bench.data.cards import card_paths
from bench.data.kinds import described, named
from bench.errors import CardError

if TYPE_CHECKING:  # opening a collection loads numpy
    from bench.data.dataset import Dataset

WIDTH = 100
SHOWN = 160
"""Characters of an example."""


def listing(folders: Sequence[Path]) -> str:
    """Every card with its counts and licence, then every kind that needs no card."""
    cards = [_line(read_card(path)) for _, path in sorted(card_paths(folders).items())]
    own = [f"  {kind + ':' + told.argument.upper():24} {told.summary}" for kind, told in named().items()]
    return "\n".join(["datasets", *cards, "", "your own, without a card", *own])


def info(card: Card) -> str:
    """A card in full: facts, where its records come from, how they are split, counts and figures to hold a run against."""
    told = described(card.source.kind)
    facts = {
        "title": card.title,
        "version": str(card.version) if card.path else "",
        "language": card.language,
        "licence": card.licence,
        "citation": card.citation,
        "homepage": card.homepage,
        "card": str(card.path or ""),
        "source": f"{card.source.kind}: {told.summary}",
        **{f"  {name}": str(value) for name, value in card.source.options.items()},
        "split": _split(card),
        "pool": card.pool,
        "expected": ", ".join(f"{count:,} {name}" for name, count in card.expected.counts.items()),
    }
    lines = [f"{name:10} {value}" for name, value in facts.items() if value]
    figures = [
        f"  {one.measure} {one.value:.4f}  {one.system} ({one.origin})" + (f": {one.spec}" if one.spec else "")
        for one in card.references
    ]
    options = [
        f"  {one.name}: {one.type} = {one.default}" + (f"\n{indent(one.doc, ' ' * 6)}" if one.doc else "")
        for one in told.parameters
    ]
    parts = [card.name, fill(" ".join(card.description.split()), WIDTH), "\n".join(lines)]
    if figures:
        parts.append("\n".join(["published figures", *figures]))
    parts.append("\n".join([f"options of {card.source.kind}", *options]))
    return "\n\n".join(part for part in parts if part)


def mistakes(paths: Sequence[Path]) -> list[str]:
    """Every mistake in some cards, one line each with file and key."""
    found = []
    for path in paths:
        try:
            read_card(path)
        except CardError as error:
            found += str(error).split("\n")
    return found


def opened(dataset: "Dataset", pool: str) -> str:
    """What a collection turned out to hold."""
    counts = {
        "documents": len(dataset.corpus),
        f"pool ({pool})": len(dataset.documents(pool)),
        "train questions": len(dataset.train.queries),
        "dev questions": len(dataset.dev.queries),
        "held-out questions": len(dataset.test.queries),
    }
    facts = {**{name: f"{count:,}" for name, count in counts.items()}, **dataset.facts}
    lines = [f"{name:20} {value}" for name, value in {**facts, "fingerprint": dataset.fingerprint}.items()]
    return "\n".join([dataset.name, *lines])


def audited(dataset: "Dataset", pool: str) -> str:
    """What the audit of the split found, the examples below."""
    from bench.data.audit import audit  # noqa: PLC0415 - loads scipy

    findings = audit(dataset, pool)
    rows = [[f"{one.found:,}", f"{one.of:,}", one.name] for one in findings]
    table = tabulate(rows, ["found", "of", "what"], tablefmt="simple", disable_numparse=True)
    told = []
    for one in findings:
        if one.found:
            examples = [f"  {_cut(left)}\n    {_cut(right)}" for left, right in one.examples]
            told.append("\n".join([f"{one.name}: {one.meaning}", *examples]))
    return "\n\n".join([table, *told])


def _split(card: Card) -> str:
    rule = card.split
    return rule.rule if rule.rule == "official" else f"{rule.rule}; where it divides, at most {rule.heldout:,} held out"


def _line(card: Card) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in card.expected.counts.items())
    about = f": about {counts}" if counts else ""
    return f"  {card.name:14} {card.title}{about}\n{'':17}{card.licence}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
