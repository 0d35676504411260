"""No group stands on two sides, and nothing but the salt decides who is held out."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.card import SplitRule
from bench.data.split import by_group, by_time

_groups = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), st.sampled_from("ABCDEFGHIJ"), min_size=1)
_rules = st.builds(
    SplitRule,
    heldout=st.integers(1, 8),
    dev=st.integers(1, 8),
    fraction=st.floats(0.05, 0.4),
    largest_group=st.integers(1, 8),
    salt=st.sampled_from("xyz"),
)


def _assert_divided(groups, parts, rule):
    assert sorted([*parts.train, *parts.dev, *parts.test]) == sorted(groups)
    sides = {}
    for name, ids in parts._asdict().items():
        for query in ids:
            sides.setdefault(groups[query], set()).add(name)
    assert all(len(names) == 1 for names in sides.values())
    most = max(1, int(rule.fraction * len(groups)))
    assert len(parts.test) <= min(rule.heldout, most)
    assert len(parts.dev) <= min(rule.dev, most)


@settings(deadline=None)
@given(groups=_groups, rule=_rules)
def test_groups_are_never_divided_and_no_split_is_larger_than_asked(groups, rule):
    _assert_divided(groups, by_group(groups, rule), rule)


@settings(deadline=None)
@given(groups=_groups, rule=_rules, data=st.data())
def test_the_same_holds_by_time(groups, rule, data):
    dates = {query: data.draw(st.integers(0, 20)) for query in groups}
    parts = by_time(groups, dates, rule)
    _assert_divided(groups, parts, rule)
    latest = {group: max(dates[query] for query in groups if groups[query] == group) for group in groups.values()}
    if parts.test and parts.dev:
        assert max(latest[groups[query]] for query in parts.dev) <= min(latest[groups[query]] for query in parts.test)
    # What is later and learned from belongs to groups that fit into no split.
    room = min(rule.heldout, rule.dev, rule.largest_group, max(1, int(rule.fraction * len(groups))))
    for part in filter(None, (parts.test, parts.dev)):
        first = min(latest[groups[query]] for query in part)
        later = {groups[query] for query in parts.train if latest[groups[query]] > first}
        assert all(sum(one == group for one in groups.values()) > room for group in later)


def _threads(count, seed=0):
    source = random.Random(seed)
    return {f"q{i}": f"g{source.randrange(count)}" for i in range(3 * count)}


def test_with_small_groups_the_sizes_are_exact():
    rule = SplitRule(heldout=137, dev=91, largest_group=10)
    parts = by_group(_threads(1000), rule)
    assert (len(parts.test), len(parts.dev), len(parts.train)) == (137, 91, 3000 - 137 - 91)


def test_the_order_of_the_questions_does_not_decide_who_is_held_out():
    groups = _threads(500)
    reordered = dict(sorted(groups.items(), key=lambda item: item[0][::-1]))
    rule = SplitRule(heldout=50, dev=50)
    assert set(by_group(reordered, rule).test) == set(by_group(groups, rule).test)


def test_another_salt_holds_others_out():
    groups = _threads(500)
    first, second = (set(by_group(groups, SplitRule(heldout=100, salt=salt)).test) for salt in "ab")
    assert len(first & second) < 40


def test_groups_larger_than_the_rule_allows_are_learned_from():
    groups = {f"q{i}": "crowd" if i < 50 else f"g{i}" for i in range(1000)}
    parts = by_group(groups, SplitRule(heldout=100, dev=100, largest_group=49))
    assert {f"q{i}" for i in range(50)} <= set(parts.train)


def test_the_latest_are_held_out_and_dev_comes_before_them():
    groups = {f"q{i}": f"g{i}" for i in range(100)}
    dates = {query: float(query[1:]) for query in groups}
    parts = by_time(groups, dates, SplitRule(heldout=10, dev=10))
    assert set(parts.test) == {f"q{i}" for i in range(90, 100)}
    assert set(parts.dev) == {f"q{i}" for i in range(80, 90)}


def test_a_thread_stands_where_its_latest_question_does():
    groups = {f"q{i}": "thread" if i in (0, 99) else f"g{i}" for i in range(100)}
    dates = {query: float(query[1:]) for query in groups}
    parts = by_time(groups, dates, SplitRule(heldout=10, dev=10))
    assert set(parts.test) == {"q0", *(f"q{i}" for i in range(91, 100))}


def test_by_time_a_split_ends_at_the_first_thread_that_no_longer_fits():
    threads = {97: "a", 96: "a", 95: "a", 94: "b", 93: "b", 92: "b"}
    groups = {f"q{i}": threads.get(i, f"g{i}") for i in range(100)}
    dates = {query: float(query[1:]) for query in groups}
    parts = by_time(groups, dates, SplitRule(heldout=6, dev=6))
    # 99 and 98 and a leave room for one, into which 91 would fit; b comes first and begins dev.
    assert set(parts.test) == {f"q{i}" for i in range(95, 100)}
    assert set(parts.dev) == {f"q{i}" for i in range(89, 95)}
