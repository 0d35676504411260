"""Features that can be counted by hand, and slices that no tie can break."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.measure.slices import CODE, OVERLAP, QUESTION_LENGTH, SOLUTION_LENGTH, UNSEEN, code_share, features, terciles


def of_one(question, *solutions, seen=()):
    return {name: value for name, (value,) in features([question], [solutions], seen).items()}


def test_overlap_is_the_share_of_the_questions_distinct_words():
    # Words: sort, list, dictionary; "list" and "sort" stand in the solution.
    assert of_one("sort a list of the list dictionary", "order; list")[OVERLAP] == pytest.approx(1 / 3)
    assert of_one("sort a list of the list dictionary", "sort lists")[OVERLAP] == pytest.approx(2 / 3)


def test_identifiers_fall_into_words_and_inflection_does_not_count():
    assert of_one("loading state dictionaries", "load_StateDictionary()")[OVERLAP] == 1
    assert of_one("parse HTTP header", "HTTPHeaderParse2")[OVERLAP] == 1
    assert of_one("state", "stateless")[OVERLAP] == 0


def test_the_solution_that_overlaps_most_counts_for_everything():
    found = of_one("sort a list", "something of five words here", "sort list now")
    assert found[OVERLAP] == 1
    assert found[SOLUTION_LENGTH] == 3


def test_stop_words_count_only_where_there_are_no_others():
    assert of_one("how to do this", "how to")[OVERLAP] == pytest.approx(1 / 2)
    assert of_one("how to sort", "how to")[OVERLAP] == 0


def test_a_question_without_words_overlaps_with_nothing_and_has_nothing_unseen():
    assert of_one("?!", "text") == {OVERLAP: 0, QUESTION_LENGTH: 0, SOLUTION_LENGTH: 1, CODE: 0, UNSEEN: 0}


def test_lengths_are_words_as_written():
    found = of_one("what does load_state_dict do, do?", "it loads")
    assert (found[QUESTION_LENGTH], found[SOLUTION_LENGTH]) == (5, 2)


def test_scripts_without_spaces_have_words():
    assert of_one("\u914d\u5217\u3092", "\u914d\u5217")[OVERLAP] == pytest.approx(2 / 3)
    assert of_one("\u00e9t\u00e9 \u0436\u0443\u043a", "\u0416\u0423\u041a")[OVERLAP] == pytest.approx(1 / 2)


def test_unseen_words_are_those_of_no_training_text():
    seen = ["Sorting things", "my_lists = 3"]
    assert of_one("sort the list of zebras", "x", seen=seen)[UNSEEN] == pytest.approx(1 / 3)
    assert of_one("sort the list of zebras", "x")[UNSEEN] == 1
    assert of_one("sort lists", "x", seen=seen)[UNSEEN] == 0


def test_every_feature_has_a_value_for_every_question():
    found = features(["a b c", "d"], [["x"], ["y", "z"]], [])
    assert all(len(values) == 2 for values in found.values())
    assert set(features([], [], [])) == set(found)


PYTHON = """def clamp(self, low, high=None):
    if high is None:
        return low
    try:
        values = [self.scale * x for x in range(low, high)]
    except ValueError:
        raise
    return max(values)"""
PROSE = """You should clear the gradients before each step, because they are added up (see the manual).
If it still fails, please show us the whole message. I had the same problem with version 1.2."""


@pytest.mark.parametrize(
    "text",
    [
        PYTHON,
        "find . -type f -name x",
        "ls -l | sort",
        "chmod 755 /usr/bin/x",
        "x = torch.zeros(3)",
        "super().set(section, option, value)",
        ">>> print(x)\n[1, 2]",
        "for (int i = 0; i < n; i++) {\n    total += i;\n}",
        "```\nplain words in a fence\n```",
    ],
)
def test_code_is_recognised(text):
    assert code_share(text) == 1


@pytest.mark.parametrize(
    "text",
    ["", "\n \n", PROSE, "Returns the mean.", "Use relu, not sigmoid.", "Call model.eval_mode(x) before that step."],
)
def test_prose_is_recognised(text):
    assert code_share(text) == 0


def test_a_mixed_answer_is_code_by_its_share_of_characters():
    characters = {text: len("".join(text.split())) for text in (PROSE, PYTHON)}
    expected = characters[PYTHON] / sum(characters.values())
    assert code_share(f"{PROSE}\n\n{PYTHON}\n") == pytest.approx(expected)


def test_a_fence_that_ends_lets_prose_begin():
    assert code_share("```\nplain\n```\nprose") == pytest.approx(11 / 16)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 50), max_size=60))
@example([0.0] * 98 + [1.0, 2.0])
@example([1.0] + [2.0] * 98)
def test_slices_divide_all_values_in_order_without_an_empty_one(values):
    slices = terciles(values)
    assert len(slices) <= 3
    assert bool(slices) == bool(values)
    assert sum(part.members.astype(int) for part in slices).tolist() == [1] * len(values) if values else True
    for part in slices:
        inside = np.asarray(values)[part.members]
        assert part.low == inside.min()
        assert part.high == inside.max()
    assert all(a.high < b.low for a, b in itertools.pairwise(slices))
    assert len(slices) > 1 or len(set(values)) < 2


@given(st.lists(st.floats(0, 1), min_size=3, unique=True))
def test_without_ties_the_slices_differ_by_one_at_most(values):
    sizes = [int(part.members.sum()) for part in terciles(values)]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({0: 50, 0.2: 25, 0.4: 25}, [50, 25, 25]),
        ({0: 95, 0.5: 3, 1: 2}, [95, 5]),
        ({0: 10, 0.3: 10, 0.6: 10, 1: 60}, [30, 60]),
        ({7: 10}, [10]),
        ({0: 1, 1: 1}, [1, 1]),
        ({0: 34, 0.1: 1, 0.2: 33, 0.3: 32}, [34, 34, 32]),
    ],
)
def test_ties_stay_together(counts, expected):
    values = [value for value, count in counts.items() for _ in range(count)]
    assert [int(part.members.sum()) for part in terciles(values)] == expected


def labels(values):
    return [part.label for part in terciles(values)]


def test_labels_say_the_range():
    assert labels([0, 0.25, 0.3, 0.5, 2 / 3, 1]) == ["low (0 to .25)", "middle (.3 to .5)", "high (.67 to 1)"]
    assert labels([0, 0, 0, 1200]) == ["low (0)", "high (1,200)"]
    assert labels([10, 10]) == ["all (10)"]


def test_labels_keep_different_bounds_apart():
    assert labels([0.3, 0.31, 0.998, *[1.0] * 6]) == ["low (.3 to .998)", "high (1)"]
