"""Where one system beats another: slices are tested as a family, and questions stand on the side of the winner."""

import re

import pytest

from bench.errors import StoreError
from bench.measure.statistics import holm, paired_difference
from bench.outcome import Contrast
from bench.report.slices import contenders, divided, slices
from bench.report.summary import summarise

OVERLAP = tuple(float(at // 100) for at in range(300))
"""Three slices of a hundred questions each."""


def hits(*found):
    """For each hundred questions the number of those that are answered at rank 1."""
    return tuple(1 if at < n else 0 for n in found for at in range(100))


@pytest.fixture
def run(a):
    def of(lexical, neural, features=None, **given):
        outcomes = [a.outcome("bm25", lexical, family="lexical"), a.outcome("gru", neural, family="neural")]
        features = {"lexical overlap": OVERLAP} if features is None else features
        return a.summary(outcomes, questions=300, features=features, **given)

    return of


def test_each_slice_has_its_means_and_its_difference(a, run):
    text = slices(run(hits(20, 50, 90), hits(60, 55, 88)))
    rows = a.table(text, "## Where does neural beat lexical?")
    low = rows["lexical overlap low (0)"]
    assert [low["n"], low["`bm25` Success@10"], low["`gru` Success@10"]] == ["100", ".200", ".600"]
    assert low["difference"].startswith("+.400 [+.")
    assert rows["lexical overlap high (2)"]["difference"].startswith("-.020 [-.")
    everything = rows["all questions"]
    assert everything["p (Holm)"] == "", "it is not one of the slices"
    assert "Intervals are not corrected, p is." in text
    assert [everything["n"], everything["`bm25` Success@10"], everything["`gru` Success@10"]] == ["300", ".533", ".677"]


def test_p_is_corrected_over_the_slices_of_all_features(run):
    other = tuple(float(at % 3) for at in range(300))
    summary = run(hits(20, 50, 90), hits(28, 55, 88), {"lexical overlap": OVERLAP, "question length": other})
    parts = divided(summary, *contenders(summary))
    gru, bm25 = (next(s for s in summary.systems if s.spec == spec).scores("Success@10") for spec in ("gru", "bm25"))
    alone = []
    for values in (OVERLAP, other):
        for value in range(3):
            members = [at for at in range(300) if values[at] == value]
            alone.append(paired_difference(gru[members], bm25[members]).p)
    assert [part.p for part in parts] == pytest.approx(holm(alone))


def test_the_sentence_names_where_it_wins_and_where_it_loses(run):
    text = slices(run(hits(20, 50, 90), hits(60, 52, 60)))
    assert (
        "`gru` is ahead of `bm25` on 1 of 3 slices of the questions, on questions with low lexical overlap (0): +.400, and behind "
        "it on 1, on questions with high lexical overlap (2): -.300; on 1 no difference is established (Holm-corrected)."
    ) in text


def test_the_same_winner_everywhere_is_the_overall_picture(run):
    text = slices(run(hits(20, 50, 60), hits(60, 70, 90)))
    assert "No slice differs from the overall picture: `gru` is ahead of `bm25` on all 3 slices" in text
    low, middle = "low lexical overlap (0): +.400", "middle lexical overlap (1): +.200"
    assert f"most on questions with {low}, least on those with {middle}." in text


def test_who_is_compared_was_chosen_on_these_questions(run):
    text = slices(run(hits(20, 50, 60), hits(60, 70, 90)))
    assert "`bm25` is the best lexical system on these questions, `gru` the best neural one." in text


def test_lengths_are_told_as_one_says_them(run):
    length = tuple(float(at % 3) for at in range(300))
    won = tuple(1 if at % 3 == 0 else rank for at, rank in enumerate(hits(20, 50, 60)))
    text = slices(run(hits(20, 50, 60), won, {"solution length": length, "question length": (1.0,) * 300}))
    assert re.search(r"on 1 of 3 slices of the questions, on questions with short solutions \(0 words\): \+\.\d", text)


def test_p_at_the_floor_of_the_resampling_is_a_bound(a, run):
    """18 wins and no loss: p is 2^-17, drawing tells no less than 1 / 10,001, and Hoeffding's bound more; Holm multiplies by 15."""
    features = dict.fromkeys(("lexical overlap", *"abcd"), OVERLAP)
    summary = run(hits(20, 50, 60), hits(38, 50, 60), features)
    assert a.table(slices(summary), "## Where")["lexical overlap low (0)"]["p (Holm)"] == "p <= .001"
    far = run(hits(20, 50, 60), hits(60, 90, 99), features)  # forty wins
    assert a.table(slices(far), "## Where")["lexical overlap low (0)"]["p (Holm)"] == "p < .001"


def test_no_difference_is_not_called_one(run):
    """Five wins and no loss: p = 2^-4 before any correction."""
    text = slices(run(hits(20, 50, 60), hits(25, 50, 60)))
    assert "On none of 3 slices of the questions a difference between `gru` and `bm25` is established" in text


def test_groups_are_kept_together_within_a_slice(run):
    """Forty questions of one group that all change tell no more than one question."""
    groups = ("one",) * 100 + tuple(f"g{at}" for at in range(200))
    parts = {grouped: divided(s, *contenders(s)) for grouped in (False, True)
             for s in [run(hits(20, 50, 60), hits(60, 50, 60), groups=groups if grouped else ())]}  # fmt: skip
    assert parts[False][0].test.p < 0.001
    assert parts[True][0].test.p == 1


def test_only_lexical_overlap_is_unfolded(run):
    other = tuple(float(at % 3) for at in range(300))
    text = slices(run(hits(20, 50, 90), hits(60, 55, 88), {"question length": other, "lexical overlap": OVERLAP}))
    above, _, below = text.partition("<details>")
    assert "lexical overlap low" in above
    assert "question length low" not in re.sub(r"^`gru`.*$", "", above, flags=re.MULTILINE)
    assert "question length low (0)" in below


def test_without_both_families_the_two_best_are_compared(a):
    outcomes = [
        a.outcome("gru", hits(60, 60, 60), family="neural"),
        a.outcome("bm25+gru", hits(70, 70, 70), family="lexical+neural"),
        a.outcome("bm25:k1=2+bm25", hits(50, 50, 50), family="lexical"),
        a.outcome("random", hits(65, 65, 65)),
    ]
    text = slices(a.summary(outcomes, questions=300, features={"lexical overlap": OVERLAP}))
    assert text.startswith("## Where does `bm25+gru` beat `gru`?")
    assert "`bm25+gru` is the best system on these questions, `gru` the second best." in text


def test_nothing_to_compare_and_nothing_known_of_the_questions_give_no_section(a, run):
    alone = a.summary([a.outcome("gru", hits(1, 1, 1))], questions=300, features={"lexical overlap": OVERLAP})
    assert slices(alone) == ""
    assert slices(run(hits(20, 50, 90), hits(60, 55, 88), {})) == ""
    assert slices(run(hits(20, 50, 90), hits(60, 55, 88), {"lexical overlap": (1.0,) * 300})) == ""


def test_features_of_other_questions_are_refused(a):
    record = a.record(["gru"], features={"lexical overlap": (1.0,) * 399})
    with pytest.raises(StoreError, match="lexical overlap has 399 values for 400 questions"):
        summarise(record, [])


@pytest.mark.parametrize(("ranks", "winner"), [((1, 7), "bm25"), ((7, 1), "gru"), ((0, 9), "gru"), ((9, 0), "bm25")])
def test_a_question_stands_with_the_system_that_finds_the_answer_earlier(run, ranks, winner):
    contrast = Contrast(0, "How | so?", "def so(): ...", "bm25", "gru", ranks, ("def a(): ...", ""))
    text = slices(run(hits(20, 50, 90), hits(60, 55, 88), contrasts=(contrast,)))
    assert text.count("<summary>Questions that") == 1
    assert f"<summary>Questions that <code>{winner}</code> answers far better" in text
    shown = text[text.index("<summary>Questions") :]
    for rank, name in zip(ranks, ("bm25", "gru"), strict=True):
        assert (f"`{name}`: right at rank {rank}" if rank else f"`{name}`: not among the first 100") in shown
    assert "- `How | so?`\n  - a right answer: `def so(): ...`" in shown
    assert ("first: `def a(): ...`" in shown) is (ranks[0] != 1)
