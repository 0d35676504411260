"""The audit finds what was planted, and nothing where nothing was."""

import random

import pytest

from bench.api import Doc, Query
from bench.data.audit import audit
from bench.data.dataset import Dataset, Split

KNOWN = "held-out questions that are also train questions"
NEARLY_KNOWN = "held-out questions that nearly equal a train question"
SEEN = "held-out solutions that are also train solutions"
NEARLY_SEEN = "held-out solutions that nearly equal a train solution"
COPIED = "held-out questions with an unjudged copy of a right answer in the pool"
INSIDE = "held-out questions whose right answer stands inside a longer document of the pool"
QUOTED = "held-out questions quoted in their right answer"
WORDLESS = "held-out questions without words"
SHORT = "held-out questions of fewer than 3 words"
ADDRESS = "held-out solutions that are only an address"
THANKS = "held-out solutions that only say thanks"
FOREIGN_QUESTION = "held-out questions in another language than en"
FOREIGN_SOLUTION = "held-out solutions in another language than en"


def text(seed, words=20):
    """Words that no text of another seed has."""
    return " ".join(f"w{seed}x{at}" for at in range(words))


def clean(size=10):
    """Questions and solutions, (split, question, solution) by number, none of which share a word."""
    splits = ["train"] * size + ["dev"] * size + ["test"] * size
    return [(split, text(f"q{at}", 6), text(f"d{at}")) for at, split in enumerate(splits)]


def dataset(rows, extra=(), judged=None, language=""):
    """``judged``: further judgements as (question number, document number, grade)."""
    grades = {at: {f"d{at}": 1} for at in range(len(rows))}
    for question, doc, grade in judged or ():
        grades[question][f"d{doc}"] = grade
    splits = {
        name: Split(
            tuple(Query(f"q{at}", question) for at, (split, question, _) in enumerate(rows) if split == name),
            {f"q{at}": grades[at] for at, (split, _, _) in enumerate(rows) if split == name},
        )
        for name in ("train", "dev", "test")
    }
    corpus = [Doc(f"d{at}", solution) for at, (_, _, solution) in enumerate(rows)]
    facts = {"language": language} if language else {}
    return Dataset("planted", (*corpus, *extra), splits["train"], splits["dev"], splits["test"], facts=facts)


def found(data, pool="all"):
    return {finding.name: finding.found for finding in audit(data, pool) if finding.found}


def changed(at, question=None, solution=None, rows=None):
    rows = clean() if rows is None else rows
    split, old_question, old_solution = rows[at]
    rows[at] = (split, old_question if question is None else question, old_solution if solution is None else solution)
    return rows


def test_every_finding_is_listed_where_there_is_nothing_to_find():
    findings = audit(dataset(clean(), language="en, Python"), "all")
    names = [KNOWN, NEARLY_KNOWN, SEEN, NEARLY_SEEN, COPIED, INSIDE, QUOTED, WORDLESS, SHORT, ADDRESS, THANKS]
    names += [FOREIGN_QUESTION, FOREIGN_SOLUTION]
    assert [finding.name for finding in findings] == names
    assert all((finding.found, finding.of, finding.examples) == (0, 10, ()) for finding in findings)
    assert all(finding.meaning.endswith(".") for finding in findings)


def test_a_train_question_is_recognised_whatever_its_case_and_white_space():
    rows = changed(25, question=f"  {clean()[3][1].upper()}\n")
    assert found(dataset(rows)) == {KNOWN: 1}
    finding = audit(dataset(rows), "all")[0]
    assert finding.examples == ((rows[25][1].strip(), rows[3][1]),)


def test_one_word_of_nine_makes_a_near_duplicate_and_two_do_not():
    rows = changed(0, question="a b c d e f g h i")
    assert found(dataset(changed(25, question="a b c d e f g h x", rows=rows))) == {NEARLY_KNOWN: 1}
    assert found(dataset(changed(25, question="a b c d e f g y x", rows=rows))) == {}


def test_questions_of_dev_are_no_leak():
    assert found(dataset(changed(25, question=clean()[12][1]))) == {}


def test_one_document_judged_in_train_and_held_out_is_known():
    assert found(dataset(clean(), judged=[(3, 25, 1)])) == {SEEN: 1}


def test_a_train_solution_is_known_equal_or_nearly_and_is_an_unjudged_copy_where_it_is_searched():
    for solution, name in ((clean()[3][2].replace(" ", "\n"), SEEN), (f"{clean()[3][2]} more", NEARLY_SEEN)):
        data = dataset(changed(25, solution=solution))
        assert found(data, "all") == {name: 1, COPIED: 1}
        assert found(data, "heldout") == {name: 1}


def test_punctuation_does_not_make_another_solution():
    rows = changed(25, solution="find . -type f -name x")
    assert found(dataset(changed(26, solution="find / -type f; -name 'x'", rows=rows))) == {COPIED: 2}


def test_where_there_are_hardly_any_words_punctuation_is_the_text():
    rows = changed(25, solution="!number")
    assert found(dataset(changed(26, solution="!-number", rows=rows))) == {}


def test_a_copy_that_is_judged_right_punishes_nobody_and_one_judged_wrong_does():
    extra = [Doc("d90", clean()[25][2])]
    assert found(dataset(clean(), extra)) == {COPIED: 1}
    assert found(dataset(clean(), extra, judged=[(25, 90, 1)])) == {}
    assert found(dataset(clean(), extra, judged=[(25, 90, 0)])) == {COPIED: 1}


def test_documents_without_text_are_no_copies_of_one_another():
    assert found(dataset(changed(25, solution=""), [Doc("d90", " ")])) == {}


def test_a_document_judged_wrong_is_no_solution():
    rows = changed(25, question="one two three four five")
    extra = [Doc("d90", "zero one two three four five six")]
    assert found(dataset(rows, extra, judged=[(25, 90, 0)])) == {}
    assert found(dataset(rows, extra, judged=[(25, 90, 1)])) == {QUOTED: 1}


def test_titles_are_no_part_of_a_solution_unless_they_are_all_of_it():
    title = text("page", 30)
    pages = [Doc("d90", "ls -l", title), Doc("d91", "pwd -P", title)]
    assert found(dataset(clean(), pages, judged=[(25, 90, 1)])) == {}
    assert found(dataset(clean(), [Doc("d90", "", title), Doc("d91", " ", title)], judged=[(25, 90, 1)])) == {COPIED: 1}


def test_an_answer_inside_a_longer_document_is_found_over_other_white_space():
    around = f"{text('before')}\n    {clean()[25][2].replace(' ', '  ')}\n{text('after')}"
    extra = [Doc("d90", around)]
    assert found(dataset(clean(), extra)) == {INSIDE: 1}
    assert found(dataset(clean(), extra), "heldout") == {}
    assert (
        found(dataset(changed(25, solution="four words in here"), [Doc("d90", f"{around} four words in here")])) == {}
    )


def test_a_quotation_counts_from_four_words_on_across_punctuation():
    assert found(dataset(changed(25, "Sort a list, fast!", f"# sort a\n# list fast\n{text('d')}"))) == {QUOTED: 1}
    assert found(dataset(changed(25, "sort the list", f"sort the list {text('d')}"))) == {}
    assert found(dataset(changed(25, "sort a list now", f"resort a list nowadays {text('d')}"))) == {}


def test_a_question_may_be_quoted_by_the_title_too():
    rows = changed(25, question="what does this page do")
    extra = [Doc("d90", text("d"), "What does this page do?")]
    assert found(dataset(rows, extra, judged=[(25, 90, 1)])) == {QUOTED: 1}


@pytest.mark.parametrize(
    ("question", "name"), [("", WORDLESS), ("?! --", WORDLESS), ("help", SHORT), ("a b", SHORT), ("a b c", None)]
)
def test_questions_without_or_with_few_words(question, name):
    assert found(dataset(changed(25, question=question))) == ({name: 1} if name else {})


def test_scripts_without_spaces_have_words():
    assert found(dataset(changed(25, question="\u914d\u5217\u3092\u4e26\u3079\u308b"))) == {}


def test_at_most_three_examples_each_cut_for_display():
    rows = clean()
    for at in range(20, 25):
        rows = changed(at, solution=f"{text(at, 200)} end", rows=rows)
        rows = changed(at - 20, solution=text(at, 200), rows=rows)
    finding = next(finding for finding in audit(dataset(rows), "all") if finding.name == NEARLY_SEEN)
    assert finding.found == 5
    assert len(finding.examples) == 3
    for at, (a, b) in zip(range(20, 23), finding.examples, strict=True):
        assert a.removesuffix(" …") == b.removesuffix(" …") == text(at, 200)[: len(a) - 2]
        assert 290 < len(a) <= 302


def test_the_order_of_the_corpus_changes_no_count():
    rows = clean()
    source = random.Random(1)
    for at in range(20, 30):
        rows = changed(at, question=rows[source.randrange(10)][1], solution=rows[source.randrange(10)][2], rows=rows)
    data = dataset(rows)
    counts = found(data)
    backwards = Dataset("planted", data.corpus[::-1], data.train, data.dev, data.test)
    assert counts[KNOWN] == counts[SEEN] == counts[COPIED] == 10
    assert found(backwards) == counts


def test_an_audit_needs_no_training_questions():
    data = dataset([row for row in clean() if row[0] == "test"])
    assert found(data) == {}


@pytest.mark.parametrize(
    ("solution", "name"),
    [
        ("https://x.org/a/b", ADDRESS),
        ("See here: http://x.org/a.", ADDRESS),
        ("Thank you so much!", THANKS),
        ("+1", THANKS),
        ("use https://x.org/a/b as the index of pip", None),
        ("thanks, the missing call was zero_grad", None),
    ],
)
def test_solutions_that_answer_nothing_are_shown_with_their_question(solution, name):
    data = dataset(changed(25, solution=solution))
    assert found(data) == ({name: 1} if name else {})
    examples = [finding.examples for finding in audit(data, "all") if finding.found]
    assert examples == ([((clean()[25][1], solution),)] if name else [])


def test_such_solutions_in_train_are_nobodys_concern():
    assert found(dataset(changed(3, solution="thanks"))) == {}


def test_texts_in_another_language_are_found_where_the_card_names_one():
    german = "Wie kann ich eine Liste sortieren, wenn sie nicht leer ist?"
    rows = changed(
        26, solution="Das geht mit der Funktion sorted, aber nicht an Ort und Stelle", rows=changed(25, german)
    )
    assert found(dataset(rows, language="en, Python")) == {FOREIGN_QUESTION: 1, FOREIGN_SOLUTION: 1}
    for language in ("", "unknown", "en, de"):
        assert found(dataset(rows, language=language)) == {}
    names = [finding.name for finding in audit(dataset(rows, language="de, en"), "all")]
    assert names[-1] == "held-out solutions in another language than de/en"
    assert FOREIGN_QUESTION not in [finding.name for finding in audit(dataset(rows), "all")]
