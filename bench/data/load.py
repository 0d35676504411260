"""Opens a collection by name: a card's, or ``kind:argument`` for one's own."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from bench.data.cache import cached
from bench.data.card import Card, SourceSpec
from bench.data.cards import find_card
from bench.data.dataset import Dataset
from bench.data.kinds import described, loaded, named, option_mistakes, typed
from bench.data.source import Opening, Progress, Source
from bench.data.web.address import public, shown
from bench.errors import DataError
from bench.suggest import nearest


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

    reference: name of a card, or ``KIND:ARGUMENT,key=value,...`` as in ``pairs:FILE``.
    cards: folders of further cards, looked through first.
    cache: folder that keeps built collections, the user's cache folder if None.
    limit: keep the first so many held-out questions and what belongs to them (``Dataset.limited``).
    progress: called with the fraction done (0 to 1) and a note while a collection is built.

    Raises DataError for an unknown name or a damaged collection, CardError for a card with mistakes.
    """
    card = open_card(reference, cards=cards)
    cache = cache or user_cache_path("retrieverbench")
    folder = Path() if card.path is None else card.path.parent
    opening = Opening(card, folder, cache / "downloads", progress)
    source = source_of(card)
    versions = source.versions(opening)
    if versions is None:
        dataset = source.read(opening)
    else:
        dataset = cached(cache / "datasets", card, versions, lambda: source.read(opening))
    dataset = replace(dataset, facts={**_card_facts(card), **dataset.facts, **_surprises(card, dataset)})
    return dataset if limit is None else dataset.limited(limit)


def open_card(reference: str, *, cards: Sequence[Path] = ()) -> Card:
    """Find the card that a reference names, or make one up for ``kind:argument``; raises DataError and CardError."""
    kind, colon, rest = reference.partition(":")
    if not colon:
        return find_card(reference, cards)
    if kind not in named():
        raise DataError(f"no kind of collection {kind!r} in {reference!r}{nearest(kind, named())}")
    argument, options = _options(kind, rest)
    if not argument:
        wanted = described(kind).argument
        raise DataError(f"{reference!r} names no {wanted}; write {kind}:{wanted.upper()}")
    if found := option_mistakes(kind, {described(kind).argument: argument, **options}):
        raise DataError(f"{kind}:{shown(argument)}: {'; '.join(found)}")
    spec = SourceSpec(kind, {described(kind).argument: argument, **options})
    card = Card(name=kind, title=shown(argument), source=spec)
    return replace(card, name=source_of(card).name())


def source_of(card: Card) -> Source:
    """The source that a card describes, with its options; imports the file of its kind.

    DataError for an option that is an address with a password in it, or that looks like one of the web and is none.
    """
    for value in card.source.options.values():
        if isinstance(value, str) and "://" in value:
            public(value)
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in card.source.options.items()}
    made: Source = loaded(card.source.kind)(**options)
    return made


def _options(kind: str, text: str) -> tuple[str, dict[str, Any]]:
    """``ARGUMENT,key=value,...``: other commas belong to what stands before them.

    DataError for a key that the kind does not have, unless a file is really called so, and for one that is given twice.
    """
    own = described(kind).argument
    known = [one.name for one in described(kind).parameters if one.name != own]
    argument, *rest = re.split(r",(?=\s*[\w-]+=)", text)
    given, last = {own: argument}, own
    swallowed: dict[str, str] = {}
    for part in rest:
        key, _, value = part.partition("=")
        name = key.strip()
        if name in given:
            told = f"{name} is what stands behind '{kind}:' already" if name == own else f"{name} is given twice"
            raise DataError(f"{kind}:{shown(argument)}: {told}; leave out {name}=")
        if name in known:
            given[name], last = value, name
        else:
            given[last] = f"{given[last]},{part}"
            swallowed.setdefault(last, name)
    for option, name in swallowed.items():
        if not _exists(given[option]):
            raise DataError(f"{kind} has no option {name!r}{nearest(name, known)}")
    return given.pop(own), {name: typed(kind, name, value) for name, value in given.items()}


def _exists(path: str) -> bool:
    """Whether there is such a file or folder; False for what is too long for a name, where Path.exists raises."""
    return os.path.exists(os.path.expanduser(path))  # noqa: PTH110, PTH111


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
