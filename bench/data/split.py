"""Divides questions into train, dev and held-out so that nothing related stands on both sides."""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
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
    order = sorted(set(groups.values()), key=lambda group: salted(group, rule.salt))
    return _divided(groups, order, rule, _all_that_fit)


def by_time(groups: Mapping[str, str], dates: Mapping[str, float], rule: SplitRule) -> Parts:
    """Hold the latest questions out, take dev from those before them, and train on the earliest.

    dates: question id -> a number that grows with time. A group stands where its latest question does, so that no thread is
    divided. A split ends at the first group that no longer fits, which goes to the earlier one, so no dev group is later
    than a held-out one. Groups that are larger than the rule allows, or than a whole split, go to train whatever their date;
    so may questions of train be later than held-out ones.
    """
    latest: dict[str, float] = {}
    for query, group in groups.items():
        latest[group] = max(latest.get(group, dates[query]), dates[query])
    order = sorted(latest, key=lambda group: (-latest[group], salted(group, rule.salt)))
    return _divided(groups, order, rule, _latest_that_fit)


def salted(text: str, salt: str) -> bytes:
    """Hash that orders things at random but always alike."""
    return hashlib.blake2b(f"{salt}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


_Fill = Callable[[Sequence[str], Mapping[str, int], int, int], tuple[set[str], Sequence[str]]]
"""Takes groups in order, their sizes, the room and the largest group; gives those taken and those left to the next split."""


def _divided(groups: Mapping[str, str], order: Sequence[str], rule: SplitRule, fill: _Fill) -> Parts:
    sizes = Counter(groups.values())
    most = max(1, int(len(groups) * rule.fraction))
    test, left = fill(order, sizes, min(rule.heldout, most), rule.largest_group)
    dev, _ = fill(left, sizes, min(rule.dev, most), rule.largest_group)
    return Parts(
        train=tuple(query for query, group in groups.items() if group not in test and group not in dev),
        dev=tuple(query for query, group in groups.items() if group in dev),
        test=tuple(query for query, group in groups.items() if group in test),
    )


def _all_that_fit(
    order: Sequence[str], sizes: Mapping[str, int], room: int, largest: int
) -> tuple[set[str], Sequence[str]]:
    taken: set[str] = set()
    for group in order:
        if sizes[group] <= min(room, largest):
            taken.add(group)
            room -= sizes[group]
    return taken, [group for group in order if group not in taken]


def _latest_that_fit(
    order: Sequence[str], sizes: Mapping[str, int], room: int, largest: int
) -> tuple[set[str], Sequence[str]]:
    """Like ``_all_that_fit``, but none from behind the first that does not; those too large for any room are passed over."""
    fitting = [group for group in order if sizes[group] <= min(room, largest)]
    filled = list(accumulate(sizes[group] for group in fitting))
    taken = fitting[: bisect_right(filled, room)]
    if not taken:
        return set(), order
    return set(taken), order[order.index(taken[-1]) + 1 :]
