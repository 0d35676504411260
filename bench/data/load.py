"""Opens a collection by name: a card's, or ``beir:FOLDER`` and ``pairs:FILE`` for one's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from platformdirs import user_cache_path

from bench.data.cache import cached
from bench.data.card import Card, SourceSpec
from bench.data.cards import find_card
from bench.data.dataset import Dataset
from bench.errors import DataError

LOCAL_KINDS = ("beir", "pairs")
"""Kinds of source that can be given as ``kind:PATH`` without a card."""

Progress = Callable[[float, str], None]


class Source(Protocol):
    """What a file of ``bench/data/sources`` provides."""

    def versions(self, card: Card) -> Mapping[str, str] | None:
        """What the content depends on besides card and code; None where reading again is as fast as a cache."""

    def read(self, card: Card, progress: Progress) -> Dataset:
        """Read and split the collection; DataError names file and line of what is damaged."""


def _quiet(fraction: float, note: str) -> None:
    pass


def open_dataset(
    reference: str,
    *,
    cards: Sequence[Path] = (),
    cache: Path | None = None,
    limit: int | None = None,
    progress: Progress = _quiet,
) -> Dataset:
    """Open a collection; the same reference gives the same ``Dataset.fingerprint`` in every process.

    reference: name of a card, or ``beir:FOLDER`` or ``pairs:FILE``.
    cards: folders of further cards, looked through first.
    cache: folder that keeps built collections, the user's cache folder if None.
    limit: keep the first so many held-out questions and what belongs to them (``Dataset.limited``).
    progress: called with the fraction done (0 to 1) and a note while a collection is built.

    Raises DataError for an unknown name or a damaged collection, CardError for a card with mistakes.
    """
    card = open_card(reference, cards=cards)
    source = cast(Source, import_module(f"bench.data.sources.{card.source.kind}"))
    versions = source.versions(card)
    if versions is None:
        dataset = source.read(card, progress)
    else:
        folder = (cache or user_cache_path("retrieverbench")) / "datasets"
        dataset = cached(folder, card, versions, lambda: source.read(card, progress))
    dataset = replace(dataset, facts={**_card_facts(card), **dataset.facts, **_surprises(card, dataset)})
    return dataset if limit is None else dataset.limited(limit)


def open_card(reference: str, *, cards: Sequence[Path] = ()) -> Card:
    """Find the card that a reference names, or make one up for ``kind:PATH``; raises DataError and CardError."""
    kind, colon, argument = reference.partition(":")
    if not colon:
        return find_card(reference, cards)
    if kind not in LOCAL_KINDS:
        raise DataError(f"no kind of collection {kind!r} in {reference!r}; there are {', '.join(LOCAL_KINDS)}")
    if not argument:
        raise DataError(f"{reference!r} names no path; write {kind}:{'FOLDER' if kind == 'beir' else 'FILE'}")
    path = Path(argument).expanduser()
    name = path.resolve().name if kind == "beir" else path.stem
    return Card(name=name, title=str(path), source=SourceSpec(kind, {"path": str(path)}))


def _card_facts(card: Card) -> dict[str, str]:
    facts = {
        "collection": card.title,
        "card version": str(card.version) if card.path else "",
        "language": card.language,
        "licence": card.licence,
        "citation": card.citation,
        "homepage": card.homepage,
    }
    return {name: value for name, value in facts.items() if value}


def _surprises(card: Card, dataset: Dataset) -> dict[str, str]:
    """Counts that are not what the card leads to expect."""
    counts = {
        "documents": len(dataset.corpus),
        "train": len(dataset.train.queries),
        "dev": len(dataset.dev.queries),
        "test": len(dataset.test.queries),
    }
    off = [
        f"{counts[name]:,} {name} where the card expects {expected:,}"
        for name, expected in card.expected.counts.items()
        if abs(counts[name] - expected) > card.expected.tolerance * expected
    ]
    return {"unexpected counts": "; ".join(off)} if off else {}
