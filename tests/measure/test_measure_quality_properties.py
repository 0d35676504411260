"""What holds for the measures of any ranking and any grades."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from quality_examples import ALL, ranked, values

from bench.api import Hits
from bench.measure.ranking import canonical


class TestProperties:
    DOCS = tuple("abcdefgh")
    GRADES = st.dictionaries(st.sampled_from(DOCS), st.integers(-1, 3))
    ROWS = st.permutations(DOCS).flatmap(lambda row: st.integers(0, len(row)).map(lambda n: row[:n]))

    @given(ROWS, GRADES)
    def test_every_measure_lies_between_0_and_1(self, row, grades):
        found = values(ranked(q=row), {"q": grades}, *ALL)
        assert all(0 <= value.item() <= 1 for value in found.values())

    @given(st.permutations(DOCS), GRADES, st.integers(1, 7))
    def test_moving_a_better_document_up_never_lowers_a_measure(self, row, grades, place):
        up, down = grades.get(row[place], 0), grades.get(row[place - 1], 0)
        assume(max(up, 0) >= max(down, 0))
        assume((row[place] in grades) >= (row[place - 1] in grades))  # for Judged
        swapped = [*row[: place - 1], row[place], row[place - 1], *row[place + 1 :]]
        before = values(ranked(q=row), {"q": grades}, *ALL)
        after = values(ranked(q=swapped), {"q": grades}, *ALL)
        assert all(after[name].item() >= before[name].item() - 1e-15 for name in ALL)

    @given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), unique=True, min_size=8, max_size=8))
    def test_renaming_documents_changes_nothing_where_nothing_ties(self, scores):
        hits = Hits(np.array([range(8)]), np.array([scores], dtype=np.float32))
        grades = {"a": 1, "c": 3, "h": 2}
        renamed = dict(zip(self.DOCS, "hgbdafce", strict=True))
        plain = values(canonical(hits, ["q"], self.DOCS, 8), {"q": grades}, *ALL)
        other = values(
            canonical(hits, ["q"], list(renamed.values()), 8), {"q": {renamed[d]: g for d, g in grades.items()}}, *ALL
        )
        assert plain == other

    @given(ROWS, GRADES, st.integers(1, 9))
    def test_recall_and_success_never_fall_with_depth(self, row, grades, k):
        for name in ("R", "Success", "RR", "AP", "AP(rel=2)"):
            here, deeper = (values(ranked(q=row), {"q": grades}, f"{name}@{depth}")[0] for depth in (k, k + 1))
            assert deeper >= here
