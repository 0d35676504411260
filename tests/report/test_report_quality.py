"""The main table holds the stored scores, their intervals and the tests between them, and mixes nothing unsaid."""

import numpy as np
import pytest

from bench.errors import StoreError
from bench.measure.statistics import bootstrap_interval
from bench.outcome import Outcome
from bench.report.quality import quality
from bench.report.summary import summarise


def rows(text):
    """Cells of the first table by the text of its first column, without backticks."""
    lines = text[text.index("\n| system") :].strip().splitlines()
    table = [line for line in lines[: lines.index("")] if line.startswith("|")]
    header, *body = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in (table[0], *table[2:]))
    return {cells[0].strip(" `"): dict(zip(header, cells, strict=True)) for cells in body}


@pytest.fixture
def shown(a):
    def show(outcomes, **fields):
        systems = fields.pop("systems", tuple(dict.fromkeys(outcome.spec for outcome in outcomes)))
        return quality(summarise(a.record(systems, **fields), outcomes))

    return show


def test_a_cell_is_the_mean_and_the_bootstrap_interval_of_the_scores(a, shown):
    outcome = a.outcome("gru", a.ranks(1.2, 1))
    values = outcome.scores["Success@10"]
    low, high = bootstrap_interval(values)
    expected = f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]".replace("0.", ".")
    row = rows(shown([outcome]))["gru"]
    assert row["Success@10"] == expected
    assert row["RR@10"] == f"{np.mean(outcome.scores['RR@10']):.3f}".lstrip("0")


def test_groups_widen_the_interval(a):
    """Ten copies of every question carry no more information than one."""
    ranks = a.ranks(1.0, 1, questions=40) * 10
    outcome = a.outcome("gru", ranks)
    groups = tuple(str(at % 40) for at in range(400))
    alone, grouped = (summarise(a.record(["gru"], groups=g), [outcome]).intervals["gru"] for g in ((), groups))
    assert grouped[1] - grouped[0] == pytest.approx((alone[1] - alone[0]) * 10**0.5, rel=0.15)


def test_chance_stands_above_measured_random(shown, full_run):
    record, outcomes = full_run
    names = list(rows(quality(summarise(record, outcomes))))
    assert names == [
        "bm25+gru", "gru", "cnn", "bm25", "tfidf", "chance (closed form)", "random", "broken:x=1", "slow"
    ]  # fmt: skip


def test_chance_is_the_closed_form(shown, a):
    """One right document among 500: k / 500 are found by chance, and RR@10 is H(10) / 500."""
    row = rows(shown([a.outcome("gru", a.ranks(1, 1))]))["chance (closed form)"]
    assert row["Success@1"] == ".002"
    assert row["Success@10"] == ".020"
    assert row["RR@10"] == f"{sum(1 / k for k in range(1, 11)) / 500:.3f}".lstrip("0")


def test_chance_of_ndcg_takes_the_grades(a, shown):
    """Grades 3 and 1 among 500: every rank gains 4/500 on average, discounted, over the ideal 3 + 1 / log2(3)."""
    text = shown([a.outcome("gru", a.ranks(1, 1))], grades=((3, 0, 1),) * 400, measures=("Success@10", "nDCG@10"))
    discounts = sum(1 / np.log2(rank + 1) for rank in range(1, 11))
    expected = 4 / 500 * discounts / (3 + 1 / np.log2(3))
    row = rows(text)["chance (closed form)"]
    assert row["nDCG@10"] == f"{expected:.3f}".lstrip("0")
    assert row["Success@10"] == f"{1 - (490 * 489) / (500 * 499):.3f}".lstrip("0")


def test_a_limit_is_told_beside_the_pool(a, shown):
    facts = {"limit": "first 400 held-out questions"}
    text = shown([a.outcome("gru", a.ranks(1, 1))], facts=facts)
    assert "pool: 500 documents (`heldout`, cut by `--limit`: first 400 held-out questions)." in text


def test_a_failure_under_the_clock_leaves_the_quality_row(a, shown):
    found = rows(shown([a.outcome("gru", a.ranks(1, 1), samples=0, latency_failure="out of memory")]))["gru"]
    assert found["verdict"].strip() == "alone"
    assert found["Success@10"].startswith(".")


def test_rows_without_a_result_say_why(full_run):
    record, outcomes = full_run
    text = quality(summarise(record, outcomes))
    assert "failed: ValueError: x \\| y (broken.py:3) |" in text
    assert rows(text)["slow"]["verdict"].strip() == "interrupted before it finished"
    assert rows(text)["slow"]["RR@10"] == "-"


def test_chance_that_is_not_nothing_is_not_printed_as_nothing(a, shown):
    counts = {"documents": 20_000, "pool": 20_000, "train": 9, "dev": 9, "test": 400}
    row = rows(shown([a.outcome("gru", a.ranks(1, 1))], counts=counts))["chance (closed form)"]
    assert [row["Success@1"], row["RR@10"]] == ["<.001", "<.001"]


def test_a_cutoff_that_takes_the_whole_pool_is_left_out(a, shown):
    """All ten of ten documents hold the right one, in whatever order; nDCG@10 still tells orders apart."""
    counts = {"documents": 10, "pool": 10, "train": 9, "dev": 9, "test": 400}
    scores = {"nDCG@10": (0.5,) * 400, "R@10": (1.0,) * 400, "P@5": (0.2,) * 400}
    text = shown([a.outcome("gru", (1,) * 400, scores=scores)], counts=counts, measures=tuple(scores))
    assert list(rows(text)["gru"])[1:-1] == ["nDCG@10", "P@5"]
    assert "Left out, since the pool has no more than 10 documents: R@10." in text


def test_the_hits_kept_are_told_where_a_measure_has_no_cutoff(a, shown):
    scores = {"AP": (0.5,) * 400, "RR@10": (0.5,) * 400}
    outcome = a.outcome("gru", (1,) * 400, scores=scores)
    assert "- 1,000 hits kept: a measure without a cutoff sees no more." in shown(
        [outcome], measures=("RR@10", "AP"), depth=1000
    )
    assert "hits kept" not in shown([outcome], measures=("RR@10",), depth=1000)


def test_chance_keeps_as_many_hits_as_the_run(a, shown):
    """AP of one right document among 500 of which two are kept: (1 + 1/2) / 500."""
    outcome = a.outcome("gru", (1,) * 400, scores={"AP": (0.5,) * 400})
    row = rows(shown([outcome], measures=("AP",), depth=2))["chance (closed form)"]
    assert row["AP"] == ".003"


def test_pool_and_n_stand_above_the_table(full_run):
    record, outcomes = full_run
    above = quality(summarise(record, outcomes)).partition("| system")[0]
    assert "400 held-out questions" in above
    assert "pool: 500 documents (`heldout`)" in above


def test_seeds_are_averaged_question_by_question(a, shown):
    found, lost = (1,) * 300 + (0,) * 100, (0,) * 100 + (1,) * 300
    text = shown(
        [a.outcome("gru", found, seed=0), a.outcome("gru", lost, seed=1), a.outcome("bm25", found)], seeds=(0, 1)
    )
    low, high = bootstrap_interval([0.5] * 100 + [1] * 200 + [0.5] * 100)
    row = rows(text)["gru"]
    assert row["Success@10"] == f".750 [{low:.3f}, {high:.3f}]".replace("0.", ".")
    assert row["sd (seeds)"] == ".000 (2)"
    assert rows(text)["bm25"]["sd (seeds)"] == "-"


def test_a_failed_seed_is_told_beside_the_others(a, shown):
    text = shown([a.outcome("gru", a.ranks(1, 1)), Outcome("gru", 1, "cpu", "failed", failure="out of memory")])
    assert "`gru`, seed 1 on cpu: failed: out of memory" in text
    assert rows(text)["gru"]["verdict"] == "alone"


def test_one_spec_with_two_fingerprints_is_never_averaged(a, shown):
    ranks = a.ranks(1, 1)
    text = shown(
        [a.outcome("gru", ranks), a.outcome("bm25", ranks), a.outcome("gru", (1,) * 400, seed=1, quality="q2")]
    )
    assert rows(text)["gru (fingerprint q2)"]["verdict"] == "not comparable"
    assert rows(text)["gru (fingerprint q2)"]["Success@10"].startswith("1.000")
    assert not rows(text)["gru (fingerprint q1)"]["Success@10"].startswith("1.000")
    assert "**Not comparable:** `gru (fingerprint q2)` carry another quality fingerprint" in text


def test_another_quality_on_another_device_is_told(a, shown):
    outcomes = [a.outcome("gru", (1,) * 400), a.outcome("gru", (1,) * 390 + (0,) * 10, device="cuda")]
    text = shown(outcomes, devices=("cpu", "cuda"))
    assert "`gru` was measured on cpu; on cuda its Success@10 is .975." in text
    assert "was measured on" not in shown(outcomes[:1] * 2, devices=("cpu", "cuda"))


def test_unanswered_questions_are_counted(a, shown):
    assert "counted as 0: `gru` 7." in shown([a.outcome("gru", a.ranks(1, 1), unanswered=7)])


def test_scores_for_other_questions_are_refused(a):
    outcome = a.outcome("gru", a.ranks(1, 1, questions=399))
    with pytest.raises(StoreError, match=r"outcome of gru \(seed 0, cpu\): Success@1 has 399 values for 400 questions"):
        summarise(a.record(["gru"]), [outcome])


def test_the_main_measure_is_success_at_ten_where_it_was_measured(a):
    assert a.record(["gru"]).main_measure == "Success@10"
    assert a.record(["gru"], measures=("nDCG@10", "RR@10")).main_measure == "nDCG@10"
