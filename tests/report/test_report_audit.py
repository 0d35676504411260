"""What the audit found is told by its weight: nothing, one line, or a reservation about the answer."""

import pytest

from bench.api import Doc, Query
from bench.data.audit import audit
from bench.data.dataset import Dataset, Split
from bench.outcome import Finding
from bench.report.answer import answer
from bench.report.appendix import appendix
from bench.report.audit import TRAIN_QUESTION
from bench.report.quality import quality

EXACT, NEAR = (
    "held-out questions that are also train questions",
    "held-out questions that nearly equal a train question",
)


def found(*counts, of=400, names=(EXACT, NEAR, "held-out questions without words", "other", "another")):
    return tuple(Finding(name, n, of, f"Meaning of {name}.") for name, n in zip(names, counts, strict=False))


def run(a, findings):
    return a.summary([a.outcome("gru", a.ranks(1.5, 1)), a.outcome("bm25", a.ranks(1, 2))], audit=findings)


def test_findings_that_matter_are_sentences_with_their_meaning_largest_first(a):
    text = quality(run(a, found(3, 12, 0)))
    near = f"12 of 400 held-out questions (3%) nearly equal a train question. Meaning of {NEAR}."
    exact = f"3 of 400 held-out questions (0.8%) are also train questions. Meaning of {EXACT}."
    assert f"- {near}\n- {exact}\n" in text
    assert "without words" not in text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("questions whose right answer stands inside", "For 40 of 400 held-out questions (10%) the right answer stands inside."),
        ("questions with an unjudged copy", "40 of 400 held-out questions (10%) have an unjudged copy."),
        ("questions quoted in their answer", "40 of 400 held-out questions (10%) are quoted in their answer."),
        ("questions of fewer than 3 words", "40 of 400 held-out questions (10%) are of fewer than 3 words."),
        ("solutions that only say thanks", "40 of 400 held-out solutions (10%) only say thanks."),
    ],
)  # fmt: skip
def test_every_way_of_naming_a_finding_becomes_a_sentence(a, name, sentence):
    assert f"- {sentence} Meaning of" in quality(run(a, found(40, names=(f"held-out {name}",))))


def test_one_in_four_hundred_moves_nothing(a):
    assert "Meaning of" in quality(run(a, found(2)))
    assert "Meaning of" not in quality(run(a, found(1)))


def test_at_most_three_findings_are_unfolded(a):
    assert "- 2 more findings of the audit in Details." in quality(run(a, found(9, 8, 7, 6, 5)))
    assert "stand in Details" not in quality(run(a, found(9, 8, 7)))


def test_copies_in_train_are_a_reservation_from_one_in_a_hundred_on(a):
    """Exact and near copies are counted apart, so that they add up."""
    text = "held-out questions equal or nearly equal a train question, which flatters the systems that learn."
    assert f"5 of 400 {text}" in answer(run(a, found(3, 2)))
    assert text not in answer(run(a, found(2, 2)))
    assert text not in answer(run(a, found(0, 0, 90)))


def test_the_findings_counted_are_those_that_the_audit_names(a):
    """The report may not import the audit; this holds the two together."""
    texts = ["How are paper cranes folded?", "What do swans eat?", "how are paper  cranes folded?"]
    docs = tuple(Doc(str(at), f"answer {at}") for at in range(3))
    splits = [Split((Query(str(at), text),), {str(at): {str(at): 1}}) for at, text in enumerate(texts)]
    dataset = Dataset("cranes", docs, *splits)
    counted = [finding for finding in audit(dataset, "all") if TRAIN_QUESTION in finding.name]
    assert [finding.name for finding in counted] == [EXACT, NEAR]
    assert counted[0].found == 1


def test_the_whole_audit_stands_in_the_details(a):
    findings = (*found(0, 2), Finding("c", 1, 400, "So | what.", (("a | b", "c ` d"),)))
    fold = appendix(run(a, findings)).split("<summary>Audit of the split</summary>")[1].split("</details>")[0]
    rows = a.table(fold, "")
    assert rows[EXACT]["found"] == "0"
    assert rows[NEAR]["meaning"] == f"Meaning of {NEAR}."
    assert "c, for example:\n\n- `a | b` and ``c ` d``" in fold
    assert "Audit" not in appendix(run(a, ()))
