"""IBM's model 1 by the textbook, and the translation language model by its formula, written out."""

import tracemalloc
from collections import defaultdict

import numpy as np
import pytest

from bench.measure.memory import held_bytes
from retrievers.lexical import translation
from retrievers.lexical.counts import TermCounts
from retrievers.lexical.translation import TranslationModel, Translations


def table(learned):
    words = learned.words
    cells = zip(learned.sources, learned.targets, learned.probability, strict=True)
    return {(words[source], words[target]): float(p) for source, target, p in cells}


def test_one_pair_shares_its_mass_evenly():
    """With one pair every word of the solution, and the null word, is as likely to have given any word of the question."""
    learned = table(Translations.learn([["a", "b"]], [["x", "y"]]))
    assert learned == {(s, t): pytest.approx(0.5) for s in "xy" for t in "ab"}


def test_what_always_goes_together_is_found():
    """Koehn's example (Statistical Machine Translation, 2010, section 4.2): das Haus, das Buch, ein Buch."""
    learned = table(
        Translations.learn(
            [["the", "house"], ["the", "book"], ["a", "book"]], [["das", "Haus"], ["das", "Buch"], ["ein", "Buch"]]
        )
    )
    assert max(["the", "house", "book", "a"], key=lambda t: learned.get(("das", t), 0)) == "the"
    assert max(["the", "house", "book", "a"], key=lambda t: learned.get(("Buch", t), 0)) == "book"
    for source in ("das", "Haus", "Buch", "ein"):
        assert sum(p for (s, _), p in learned.items() if s == source) == pytest.approx(1, abs=1e-5)


def test_a_step_of_expectation_maximisation_by_hand(monkeypatch):
    """Two pairs (q1 -> x) and (q1 q2 -> x y), uniform start: after one step t(q1|x) = (1/2 + 1/3) / (1/2 + 1/3 + 1/3)."""
    monkeypatch.setattr(translation, "ITERATIONS", 1)
    learned = table(Translations.learn([["q1"], ["q1", "q2"]], [["x"], ["x", "y"]]))
    assert learned["x", "q1"] == pytest.approx((1 / 2 + 1 / 3) / (1 / 2 + 2 / 3))
    assert learned["y", "q2"] == pytest.approx(1 / 2)


def test_no_pairs_teach_nothing():
    assert len(Translations.learn([], []).probability) == 0


def test_the_score_is_the_formula_of_xue_jeon_and_croft():
    texts = [["gpu", "memory", "gpu"], ["tensor", "shape"], ["memory"]]
    learned = Translations.learn([["cuda"], ["cuda", "dimension"]], [["gpu"], ["gpu", "shape"]])
    beta, mu = 0.6, 10.0
    model = TranslationModel(TermCounts.of(texts), beta, mu)
    model.teach(learned)
    probability = table(learned)
    frequency = {t: sum(text.count(t) for text in texts) + 0.5 for t in model.terms}
    collection = {t: f / sum(frequency.values()) for t, f in frequency.items()}
    asked = ["cuda", "memory"]
    for at, text in enumerate(texts):
        expected = 0.0
        for word in asked:
            own = text.count(word) / len(text)
            translated = sum(probability.get((t, word), 0) for t in text) / len(text)
            smoothed = len(text) / (len(text) + mu) * ((1 - beta) * own + beta * translated)
            smoothed += mu / (len(text) + mu) * collection[word]
            expected += np.log(smoothed / collection[word])
        found = model.scores({model.terms[word]: 1 for word in asked})[at]
        assert found == pytest.approx(expected, rel=1e-4)


def test_a_document_without_the_word_is_found_by_its_translation():
    model = TranslationModel(TermCounts.of([["gpu"], ["tensor"]]), 0.6, 100.0)
    asked = model.scores({model.terms["tensor"]: 1})
    model.teach(Translations.learn([["cuda"]], [["gpu"]]))
    first, second = model.scores({model.terms["cuda"]: 1})
    assert first > 0 > second
    model.teach(Translations.learn([], []))  # other lessons leave nothing behind
    assert "cuda" not in model.terms
    assert (model.scores({model.terms["tensor"]: 1}) == asked).all()


def test_a_word_keeps_its_likeliest_sources(monkeypatch):
    """q follows s0, s1, … with falling probability: s3 is asked about in four ways, s0 in one."""
    questions = [["q", *(f"other{at}-{n}" for n in range(at))] for at in range(4)]
    solutions = [[f"s{at}"] for at in range(4)]
    monkeypatch.setattr(translation, "SOURCES", 2)
    learned = table(Translations.learn(questions, solutions))
    assert {source for source, target in learned if target == "q"} == {"s0", "s1"}
    assert ("s3", "other3-0") in learned


def test_what_is_learned_is_what_three_textbook_iterations_give():
    """Brown et al. 1993, written with dictionaries; all pairs of words of ten random pairs of texts."""
    rng = np.random.default_rng(5)
    questions, solutions = ([[f"{side}{n}" for n in rng.integers(0, 9, 6)] for _ in range(10)] for side in "qs")
    probability = defaultdict(lambda: 1.0)
    for _ in range(translation.ITERATIONS):
        expected, totals = defaultdict(float), defaultdict(float)
        for asked, told in zip(questions, solutions, strict=True):
            for word, sources in ((word, [*dict.fromkeys(told), None]) for word in asked):
                whole = sum(probability[one, word] for one in sources)
                for one in sources:
                    expected[one, word] += probability[one, word] / whole
                    totals[one] += probability[one, word] / whole
        probability = {(one, word): count / totals[one] for (one, word), count in expected.items()}
    wanted = {key: pytest.approx(p, rel=1e-4) for key, p in probability.items() if key[0] and p >= translation.LEAST}
    assert table(Translations.learn(questions, solutions)) == wanted


def test_learning_takes_less_than_ninety_bytes_for_each_possible_translation():
    """A quarter of a million of them: 500 pairs of texts, five words asked, a hundred told."""
    rng = np.random.default_rng(6)
    questions = [[f"q{n}" for n in rng.integers(0, 3000, 5)] for _ in range(500)]
    solutions = [[f"s{n}" for n in rng.choice(3000, 100, replace=False)] for _ in range(500)]
    tracemalloc.start()
    try:
        Translations.learn(questions, solutions)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 90 * 500 * 5 * 101


@pytest.fixture
def many():
    """400 documents of fifty words, each of which stands for each of a thousand words of questions."""
    rng = np.random.default_rng(7)
    counts = TermCounts.of([[f"s{n}" for n in rng.integers(0, 50, 40)] for _ in range(400)])
    sources, targets = (part.ravel().astype(np.int32) for part in np.divmod(np.arange(50 * 1000), 1000))
    words = (*(f"s{n}" for n in range(50)), *(f"q{n}" for n in range(1000)))
    probability = rng.random(50_000).astype(np.float32) / 500
    return counts, Translations(words, sources, targets + 50, probability)


def test_documents_are_not_stored_translated(many):
    """400 x 1,000 translations would take 3.2 MB; the table itself takes 0.4, the rows of 128 words 0.2."""
    counts, learned = many
    model = TranslationModel(counts, 0.6, 100.0)
    before = held_bytes(model)
    model.teach(learned)
    assert model.scores({model.terms["q7"]: 1}).max() > 0
    assert held_bytes(model) - before < 1_000_000


def test_gains_worked_out_beforehand_change_nothing(many, monkeypatch):
    counts, learned = many
    found = []
    for rows in (0, translation.ROWS, 2000):
        monkeypatch.setattr(translation, "ROWS", rows)
        model = TranslationModel(counts, 0.6, 100.0)
        model.teach(learned)
        assert len(model._rows) == min(rows, 1000)
        found.append(np.stack([model.scores({model.terms[f"q{n}"]: 2, 3: 1}) for n in range(0, 1000, 9)]))
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sources": np.zeros(2, dtype=np.int32)},
        {"targets": np.array([9], dtype=np.int32)},
        {"sources": np.array([-1], dtype=np.int32)},
        {"targets": np.array([0.5])},
    ],
)
def test_a_table_that_cannot_have_been_learned_is_found_out(wrong):
    one = Translations.learn([["cuda"]], [["gpu"]])
    one.check()
    with pytest.raises(ValueError, match="translation"):
        one._replace(**wrong).check()
