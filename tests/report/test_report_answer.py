"""The answer says who wins only where a test says so, and recommends what is cheap only where that is safe."""

import re

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
    assert "It is better than `bm25` (-.200 [" in text
    assert "p < .001" in text
    assert "tied" not in text
    assert "training takes 45.0 s" in text
    assert "Memory: at most 450 MB in training, 300 MB in serving (whole process)." in text


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
    assert "There is no training. Serving takes at most 300 MB (whole process)." in text


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
    told = "**No answer: the run was interrupted before any contender finished.** `gru` (failed: out of memory) and `cnn` (interrupted)."
    assert text == told
    assert said(failed[:1]) == "**No answer: no system finished.** `gru` (failed: out of memory)."


def test_nothing_ran_at_all(said):
    assert said([], systems=("gru",)).endswith("before any contender finished.** `gru` (not run).")


def test_only_random_is_nothing_to_ship(a, said):
    text = said([a.outcome("random", a.random_ranks(1))])
    assert text.startswith("**Nothing to ship: no system is shown to beat chance.**")
    failed = Outcome("gru", 0, "cpu", "failed", failure="out of memory")
    assert "Without a result: `gru` (failed: out of memory)." in said([a.outcome("random", a.random_ranks(1)), failed])


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
    assert text.startswith("**Interrupted run, of what finished: `gru` scores highest.** It has Success@10 ")
    assert "Ship" not in text
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


def test_a_limited_run_ships_nothing(a, said):
    facts = {"licence": "PSF-2.0", "limit": "first 400 held-out questions"}
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said(outcomes, facts=facts)
    assert text.startswith("**Quick look only (`--limit`, 10,000 training questions): `gru` scores highest.**")
    assert "a pool of 500 documents (cut by --limit) in which chance scores .020" in text
    assert "Ship" not in text
    assert "10,000 training questions; interrupted): `gru`" in said(outcomes, facts=facts, interrupted=True)
    assert "training questions): `gru` is the only system with a result" in said(outcomes[:1], facts=facts)


def test_an_interrupt_under_the_clock_ships_nothing(a, said):
    """Every system has its quality, but not every latency."""
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said(outcomes, interrupted=True)
    assert text.startswith("**Interrupted run, of what finished: `gru` scores highest.**")
    assert "Ship" not in text


def test_random_alone_is_no_answer_of_an_interrupted_run(a, said):
    text = said([a.outcome("random", a.random_ranks(1)), Outcome("gru", 0, "cpu", "interrupted")])
    assert text == "**No answer: the run was interrupted before any contender finished.** `gru` (interrupted)."


def test_systems_lost_for_the_same_reason_are_named_together(said):
    lost = [Outcome("gru", 0, "cpu", "failed", failure="out of memory")]
    assert said(lost, systems=("bm25", "gru", "cnn")).endswith(
        "finished.** `bm25`, `cnn` (not run) and `gru` (failed: out of memory)."
    )


def test_a_pool_smaller_than_the_collection_is_a_reservation(a, said):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    counts = {"documents": 10_000, "pool": 500, "train": 9, "dev": 9, "test": 400}
    text = said(outcomes, counts=counts)
    assert (
        "The pool is 5% of the collection's 10,000 documents: over all of them scores are as a rule lower and the order may "
        "change (`--pool all`)."
    ) in text
    assert "--pool all" not in said(outcomes, counts={**counts, "documents": 500})
    assert "5% of the kept 10,000 documents" in said(outcomes, counts=counts, facts={"limit": "first 400"})


@pytest.mark.parametrize(("seeds", "seeded", "told"), [(1, True, True), (2, True, False), (1, False, False)])
def test_a_single_training_run_is_a_reservation(a, said, seeds, seeded, told):
    gru = [a.outcome("gru", a.ranks(1.5, 1), seed=seed, seeded=seeded) for seed in range(seeds)]
    text = said([a.outcome("random", a.random_ranks(1), seeded=True), *gru], seeds=tuple(range(seeds)))
    sentence = "One training run each: p and intervals do not cover chance in training; `--seeds 0,1,2` shows it."
    assert (sentence in text) is told


def test_a_tie_comes_with_what_it_may_have_missed(a, said):
    """Two of 400 differ: sd sqrt(.005 - .005^2), standard error sd / 20, times 1.97 + .84."""
    ranks = a.ranks(1.5, 1)
    text = said([a.outcome("gru", ranks, ms=1.0), a.outcome("cnn", worsened(ranks, 2), ms=0.9)])
    assert "p = .50; a difference under .010 would often be missed)" in text


def test_a_small_significant_loss_for_much_less_time_is_an_alternative(a, said):
    """Twelve losses of 400 and no win: -.030, p = 2^-11; a fifth of the time."""
    ranks = a.ranks(1.5, 1)
    best = a.outcome("gru/cnn", ranks, ms=10.0)
    text = said([best, a.outcome("gru", worsened(ranks, 12), ms=2.0)])
    assert text.startswith("**Ship `gru/cnn`.**")
    low, high = re.search(r"better than `gru` \(-\.030 \[-(\S+), -(\S+)\]", text).groups()
    assert f"Cheaper: `gru` loses .030 [{high}, {low}]" in text, "the interval of the comparison"
    assert "] and takes 2.00 ms a search, 1/5 of the time." in text
    for loss, ms in ((24, 2.0), (12, 6.0)):
        assert "Cheaper" not in said([best, a.outcome("gru", worsened(ranks, loss), ms=ms)]), (
            "too much lost, too little saved"
        )


def test_at_most_two_alternatives_stand_on_the_frontier(a, said):
    """c is beaten by b in both; of the three that are left the best and the fastest are named."""
    ranks = a.ranks(1.5, 1)
    others = [("b", 12, 2.0), ("c", 14, 3.0), ("d", 15, 1.0), ("e", 18, 0.5)]
    outcomes = [a.outcome("a", ranks, ms=10.0), *(a.outcome(s, worsened(ranks, n), ms=ms) for s, n, ms in others)]
    cheaper = said(outcomes).partition("Cheaper: ")[2]
    assert cheaper.startswith("`b` loses .030")
    assert "; `e` loses .045" in cheaper
    assert "`c`" not in cheaper
    assert "`d`" not in cheaper


def test_a_system_that_failed_under_the_clock_keeps_its_quality_and_loses_its_price(a, said):
    ranks = a.ranks(1.5, 1)
    lost = a.outcome("bm25", worsened(ranks, 2), samples=0, latency_failure="killed by SIGKILL")
    text = said([a.outcome("gru", ranks, ms=2.0, fit=45), lost])
    assert text.startswith("**Ship `gru`.** It scores highest")
    assert "It is tied with `bm25` (-.005 [" in text
    assert (
        "Without a full measurement of latency: `bm25` (failed: killed by SIGKILL). Between the tied systems the search time "
        "of `bm25` could not decide." in text
    )


def test_systems_that_failed_under_the_clock_alike_are_told_together(a, said):
    ranks = a.ranks(1.5, 1)
    outcomes = [a.outcome(name, ranks, samples=0, latency_failure="killed by SIGKILL") for name in ("bm25", "tfidf")]
    assert "latency: `bm25` and `tfidf` (failed: killed by SIGKILL)." in said([a.outcome("gru", ranks), *outcomes])
    worse = a.outcome("bm25", a.ranks(0.2, 3), samples=0, latency_failure="killed by SIGKILL")
    assert "could not decide" not in said([a.outcome("gru", a.ranks(3.0, 1)), worse])


def test_a_busy_machine_is_a_reservation(a, said):
    outcomes = [a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(0.5, 2))]
    text = said(outcomes, others=(0.1, 0.62, 1.3))
    assert text.endswith("The machine was busy: other processes used about 0.62 cores while latencies were measured.")
    assert "busy" not in said(outcomes, others=(0.0, 0.05, 7.0))
    assert "busy" not in said(outcomes, others=(0.0,) * 5 + (7.0,) * 9), "five rounds, then server trials"


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
