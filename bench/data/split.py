"""Divides questions into train, dev and held-out so that nothing related stands on both sides."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.data.card import SplitRule


class Parts(NamedTuple):
    """Ids of the questions of each split, in the order in which they were given."""

    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]


def by_group(groups: Mapping[str, str], rule: SplitRule) -> Parts:
    """Split ``groups`` (question id -> group) without dividing a group.

    Groups are drawn in the order of a salted hash of their names, so neither the order of the questions nor the other groups
    decide where one belongs. A group that no longer fits, or is larger than the rule allows, is left for the next split.
    """
    return _divided(groups, sorted(set(groups.values()), key=lambda group: salted(group, rule.salt)), rule)


def by_time(groups: Mapping[str, str], dates: Mapping[str, float], rule: SplitRule) -> Parts:
    """Hold the latest questions out, take dev from those before them, and train on the earliest.

    dates: question id -> a number that grows with time. A group stands where its latest question does, so that no thread is
    divided; one that no longer fits into a split goes to the earlier one.
    """
    latest: dict[str, float] = {}
    for query, group in groups.items():
        latest[group] = max(latest.get(group, dates[query]), dates[query])
    return _divided(groups, sorted(latest, key=lambda group: (-latest[group], salted(group, rule.salt))), rule)


def salted(text: str, salt: str) -> bytes:
    """Hash that orders things at random but always alike."""
    return hashlib.blake2b(f"{salt}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _divided(groups: Mapping[str, str], order: Sequence[str], rule: SplitRule) -> Parts:
    sizes = Counter(groups.values())
    most = max(1, int(len(groups) * rule.fraction))
    test = _filled(order, sizes, min(rule.heldout, most), rule.largest_group)
    dev = _filled([group for group in order if group not in test], sizes, min(rule.dev, most), rule.largest_group)
    return Parts(
        train=tuple(query for query, group in groups.items() if group not in test and group not in dev),
        dev=tuple(query for query, group in groups.items() if group in dev),
        test=tuple(query for query, group in groups.items() if group in test),
    )


def _filled(order: Sequence[str], sizes: Mapping[str, int], room: int, largest: int) -> set[str]:
    taken: set[str] = set()
    for group in order:
        if sizes[group] <= min(room, largest):
            taken.add(group)
            room -= sizes[group]
    return taken
