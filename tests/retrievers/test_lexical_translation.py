"""IBM's model 1 by the textbook, and the translation language model by its formula, written out."""

import numpy as np
import pytest

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


def test_a_step_of_expectation_maximisation_by_hand():
    """Two pairs (q1 -> x) and (q1 q2 -> x y), uniform start: after one step t(q1|x) = (1/2 + 1/3) / (1/2 + 1/3 + 1/3)."""
    from retrievers.lexical import translation

    before = translation.ITERATIONS
    translation.ITERATIONS = 1
    try:
        learned = table(Translations.learn([["q1"], ["q1", "q2"]], [["x"], ["x", "y"]]))
    finally:
        translation.ITERATIONS = before
    assert learned["x", "q1"] == pytest.approx((1 / 2 + 1 / 3) / (1 / 2 + 2 / 3))
    assert learned["y", "q2"] == pytest.approx(1 / 2)


def test_no_pairs_teach_nothing():
    assert len(Translations.learn([], []).probability) == 0


def test_the_score_is_the_formula_of_xue_jeon_and_croft():
    texts = [["gpu", "memory", "gpu"], ["tensor", "shape"], ["memory"]]
    learned = Translations.learn([["cuda"], ["cuda", "dimension"]], [["gpu"], ["gpu", "shape"]])
    beta, mu = 0.6, 10.0
    model = TranslationModel(TermCounts.of(texts), learned, beta, mu)
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
    counts = TermCounts.of([["gpu"], ["tensor"]])
    model = TranslationModel(counts, Translations.learn([["cuda"]], [["gpu"]]), 0.6, 100.0)
    first, second = model.scores({model.terms["cuda"]: 1})
    assert first > second
