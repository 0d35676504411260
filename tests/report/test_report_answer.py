"""The answer says who wins only where a test says so, and recommends what is cheap only where that is safe."""

import pytest

from bench.outcome import Outcome
from bench.report.answer import answer
from bench.report.choice import recommended
from bench.report.summary import summarise


@pytest.fixture
def said(a):
    def say(outcomes, **fields):
        systems = fields.pop("systems", tuple(dict.fromkeys(outcome.spec for outcome in outcomes)))
        return answer(summarise(a.record(systems, **fields), outcomes))

    return say


def worsened(ranks, n):
    """The same ranks, but the first n found ones are lost."""
    found = [at for at, rank in enumerate(ranks) if 0 < rank <= 10][:n]
    return tuple(0 if at in found else rank for at, rank in enumerate(ranks))


def test_clear_winner_is_called_better_by_its_paired_difference(a, said):
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks, fit=45, ms=1.3), a.outcome("bm25", worsened(ranks, 80), ms=0.2)])
    assert text.startswith("**Ship `gru`.**")
    assert "better than 1 other, the nearest being `bm25` (-.200 [" in text
    assert "p < .001" in text
    assert "tied" not in text
    assert "training takes 45.0 s" in text
    assert "holds at most 450 MB until it is trained and 300 MB while it indexes and searches" in text


def test_the_answer_tells_questions_pool_and_chance(a, said):
    text = said([a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))])
    assert "over 400 questions, with a pool of 500 documents in which chance scores .020" in text


def test_a_tied_system_that_is_much_cheaper_is_recommended(a, said):
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks, ms=2.0, fit=45), a.outcome("bm25", worsened(ranks, 2), ms=0.2)])
    assert text.startswith("**Ship `bm25`.** `gru` scores highest")
    assert "`bm25` is tied with it (-.005 [" in text
    assert "p = .50" in text, "two losses and no win: exact two-sided p is 2 * 2^-2"
    assert "0.200 ms against 2.00 ms a search on cpu and training none against 45.0 s" in text
    assert "With `bm25` a search takes" in text
    assert "there is no training" in text
    assert "holds at most 300 MB while it indexes and searches" in text


def test_a_tied_system_of_the_same_cost_is_named_and_the_best_is_recommended(a, said):
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks, ms=1.0), a.outcome("cnn", worsened(ranks, 2), ms=0.9)])
    assert text.startswith("**Ship `gru`.** It scores highest")
    assert "It is tied with `cnn` (-.005" in text
    assert "better than" not in text


def test_cheaper_to_search_but_dearer_to_train_is_not_much_cheaper(a):
    ranks = a.ranks(1.5, 1)
    outcomes = [a.outcome("bm25", ranks, ms=2.0), a.outcome("gru", worsened(ranks, 2), ms=0.2, fit=60)]
    best = recommended(summarise(a.record(["bm25", "gru"]), outcomes))
    assert best is not None
    assert best.spec == "bm25"


def test_no_training_at_the_same_latency_is_much_cheaper(a, said):
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks, ms=1.0, fit=45), a.outcome("tfidf", worsened(ranks, 2), ms=1.0)])
    assert text.startswith("**Ship `tfidf`.**")


def test_too_few_questions_do_not_recommend_the_cheaper_system(a, said):
    ranks = a.ranks(1.5, 1, questions=40)
    cheap = a.outcome("bm25", worsened(ranks, 4), ms=0.2)
    text = said([a.outcome("gru", ranks, ms=2.0), cheap], questions=40)
    assert text.startswith("**Ship `gru`.**")
    assert "40 questions do not rule out that it loses up to .2" in text


def test_a_single_system_wins_nothing(a, said):
    text = said([a.outcome("gru", a.ranks(1.5, 1))])
    assert text.startswith("**`gru` is the only system with a result, so there is nothing to compare it with.**")
    assert "Ship" not in text
    assert "p <" not in text
    assert "p =" not in text


def test_all_failed(a, said):
    failed = [Outcome("gru", 0, "cpu", "failed", failure="out of memory"), Outcome("cnn", 0, "cpu", "interrupted")]
    text = said(failed)
    assert text == "**No answer: no system finished.** `gru` (failed: out of memory) and `cnn` (interrupted)."


def test_nothing_ran_at_all(said):
    assert said([], systems=("gru",)) == "**No answer: no system finished.** `gru` (not run)."


def test_only_random_is_nothing_to_ship(a, said):
    text = said([a.outcome("random", a.random_ranks(1))])
    assert text.startswith("**Nothing to ship: no system is shown to beat chance.**")


def test_random_is_never_recommended_for_its_price(a, said):
    """Twelve questions cannot tell a fair system from random; random is cheaper all the same."""
    ranks = (1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    outcomes = [a.outcome("gru", ranks, ms=2), a.outcome("random", (0,) * 11 + (9,), ms=0.01)]
    text = said(outcomes, questions=12, samples=())
    assert text.startswith("**Ship `gru`.**")
    assert "`random` is much cheaper" not in text


def test_one_question_has_no_interval_and_no_winner(a, said):
    text = said([a.outcome("gru", (1,)), a.outcome("bm25", (0,))], questions=1, samples=())
    assert "Success@10 1.000 [-, -]" in text
    assert "Ship" not in text


def test_equal_systems_are_tied(a, said):
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks), a.outcome("cnn", ranks)])
    assert "It is tied with `cnn` (.000 [" in text
    assert "p = 1.00)" in text


def test_seeds_are_averaged_and_their_spread_is_told(a, said):
    ranks = a.ranks(1.5, 1)
    twice = [a.outcome("gru", r, seed=seed) for seed, r in enumerate((ranks, worsened(ranks, 8)))]
    text = said([*twice, a.outcome("bm25", worsened(ranks, 100))], seeds=(0, 1))
    assert "(mean of 2 seeds, sd .014)" in text, "means .02 apart: sd = .02 / sqrt 2"


def test_an_interrupted_run_says_so_and_names_what_is_missing(a, said):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said([*outcomes, Outcome("cnn", 0, "cpu", "interrupted")], systems=("gru", "bm25", "cnn", "late"))
    assert text.startswith("**Ship `gru`.**")
    assert "**The run was interrupted** and is not complete." in text
    assert "Without a result: `cnn` (interrupted) and `late` (not run)." in text


def test_a_failed_canary_leaves_no_answer(a, said):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said(outcomes, canaries={"oracle": (False, "expected 1, measured .98")})
    assert text.startswith("**No answer: the run is void**")
    assert "Ship" not in text


def test_another_quality_fingerprint_is_not_compared(a, said):
    outcomes = [a.outcome("gru", a.ranks(0.5, 1)), a.outcome("bm25", a.ranks(0.4, 2))]
    text = said([*outcomes, a.outcome("old", a.ranks(3, 3), quality="q2")])
    assert text.startswith("**Ship `gru`.**")
    assert "Not compared, since the quality fingerprint differs: `old`." in text


def test_p_values_are_corrected_over_all_comparisons(a):
    """Seven losses and no win: p = 2^-6 alone; with two equal companions Holm makes it 3 * 2^-6."""
    ranks = a.ranks(1.5, 1)
    outcomes = [a.outcome("gru", ranks), a.outcome("b", worsened(ranks, 7)), *(a.outcome(x, ranks) for x in "cd")]
    alone = summarise(a.record(["gru", "b"]), outcomes[:2])
    together = summarise(a.record(["gru", "b", "c", "d"]), outcomes)
    assert alone.comparisons["b"].p == pytest.approx(2**-6)
    assert not alone.comparisons["b"].tied
    assert together.comparisons["b"].p == pytest.approx(3 * 2**-6)


def test_both_devices_are_priced(a, said):
    ranks = a.ranks(1.5, 1)
    outcomes = [a.outcome("gru", ranks, device=device, ms=ms) for device, ms in (("cpu", 2.0), ("cuda", 0.5))]
    text = said([*outcomes, a.outcome("bm25", worsened(ranks, 90))], devices=("cpu", "cuda"))
    assert " ms on cpu and 0." in text
    assert " ms on cuda (one question at a time, p50)" in text


def test_few_questions_come_with_how_little_they_tell(a, said):
    """Half a 95% interval of a share near one half: 1.96 * sqrt(.25 / 20) = .219."""
    twenty = [a.outcome("gru", (1,) * 15 + (0,) * 5), a.outcome("bm25", (1,) * 5 + (0,) * 15)]
    text = said(twenty, questions=20)
    assert text.endswith(
        "With only 20 questions a 95% interval around .500 reaches .219 to either side, so that only large differences show."
    )
    assert "With only" not in said([a.outcome("gru", (1,) * 100)], questions=100)


def test_a_limited_run_is_no_result(a, said):
    facts = {"licence": "PSF-2.0", "limit": "first 400 held-out questions"}
    text = said([a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))], facts=facts)
    assert "a pool of 500 documents (cut by --limit) in which chance scores .020" in text
    assert text.endswith("**A run with `--limit` is a quick look, not a result.**")


def test_a_system_that_failed_under_the_clock_keeps_its_quality_and_loses_its_price(a, said):
    ranks = a.ranks(1.5, 1)
    lost = a.outcome("bm25", worsened(ranks, 2), samples=0, latency_failure="killed by SIGKILL")
    text = said([a.outcome("gru", ranks, ms=2.0, fit=45), lost])
    assert text.startswith("**Ship `gru`.** It scores highest")
    assert "It is tied with `bm25` (-.005 [" in text
    assert "Without a full measurement of latency: `bm25` (failed: killed by SIGKILL)." in text


def test_a_busy_machine_is_a_reservation(a, said):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said(outcomes, others=(0.1, 0.62, 1.3))
    assert text.endswith("The machine was busy: other processes used about 0.62 cores while latencies were measured.")
    assert "busy" not in said(outcomes, others=(0.0, 0.05, 7.0))


def test_results_from_a_file_are_never_recommended_as_cheaper(a, said):
    """Nothing is known of their price, whatever the times say that were stored with them."""
    ranks = a.ranks(1.5, 1)
    trained = a.outcome("gru", ranks, ms=2.0, fit=45)
    text = said([trained, a.outcome("results", worsened(ranks, 2), ms=0.01, live=False)])
    assert text.startswith("**Ship `gru`.**")
    assert "cheaper" not in text
    assert said([trained, a.outcome("bm25", worsened(ranks, 2), ms=0.01)]).startswith("**Ship `bm25`.**")


def test_the_cost_of_results_from_a_file_is_not_known(a, said):
    ranks = a.ranks(1.5, 1)
    stored = a.outcome("results", ranks, fit=45, live=False)
    text = said([stored, a.outcome("bm25", worsened(ranks, 2), ms=0.01)])
    assert text.startswith("**Ship `results`.**")
    assert "The results of `results` were read from a file, so nothing is known of its cost." in text
    assert "a search takes" not in text
