import os
import threading
import time

import pytest

from retrievers.neural import tokens
from retrievers.neural.tokens import analysed
from retrievers.text import analysis
from retrievers.text.analysis import Analyzer

TEXTS = [
    "Opens a fileHandle for reading",
    "",
    "déjà vu: 北京 and HTTPServer_42",
    "repeats repeats repeats",
    "\ud800 lone",
]
RULES = Analyzer()


@pytest.fixture(autouse=True)
def read(monkeypatch):
    """The texts that were analysed; every text, however short, is worth keeping."""
    monkeypatch.setattr(tokens, "LEAST", 0)
    found, analyze = [], Analyzer.__call__
    monkeypatch.setattr(Analyzer, "__call__", lambda self, text: found.append(text) or analyze(self, text))
    return found


def entries(folder):
    return sorted((folder / "tokens").iterdir())


def test_the_second_time_nothing_is_analysed_and_the_terms_are_the_same(tmp_path, read):
    first = analysed(TEXTS, RULES, tmp_path)
    assert read == TEXTS
    assert analysed(TEXTS, RULES, tmp_path) == first
    assert read == TEXTS
    assert first == [RULES(text) for text in TEXTS]
    assert len(entries(tmp_path)) == 1


def test_texts_without_any_term_come_back(tmp_path):
    for texts in ([], ["", "..."]):
        assert [analysed(texts, RULES, tmp_path) for _ in range(2)] == [[[] for _ in texts]] * 2


def test_other_texts_or_rules_are_other_entries(tmp_path, monkeypatch, read):
    def fresh(texts=TEXTS, **options):
        before = len(read)
        found = analysed(texts, Analyzer(**options), tmp_path)
        analysed_now = len(read) > before
        assert found == [Analyzer(**options)(text) for text in texts]
        return analysed_now

    assert fresh()
    assert not fresh()
    assert fresh(texts=["a b", "c"])
    assert fresh(texts=["a ", "bc"])  # the same characters, divided otherwise
    assert fresh(stemmer="none")
    assert fresh(stop="none")
    assert fresh(split=False)
    monkeypatch.setattr(analysis, "version", lambda name: "another stemmer")
    assert fresh()


def test_the_source_of_the_rules_is_part_of_the_key(tmp_path, monkeypatch):
    analysed(TEXTS, RULES, tmp_path)
    changed = tmp_path / "analysis.py"
    changed.write_text("another rule", encoding="utf-8")
    monkeypatch.setattr(analysis, "__file__", str(changed))
    analysed(TEXTS, RULES, tmp_path)
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "not a file of arrays"])
def test_a_damaged_entry_is_made_anew(tmp_path, read, harm):
    expected = analysed(TEXTS, RULES, tmp_path)
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"repeat")] ^= 1
    entry.write_bytes({"cut": whole[:-40], "flipped": flipped, "emptied": b"", "not a file of arrays": b"text"}[harm])
    assert analysed(TEXTS, RULES, tmp_path) == expected
    assert read == TEXTS * 2
    assert entry.read_bytes() == whole


def test_an_entry_with_pickles_is_not_read(tmp_path):
    import numpy as np

    analysed(TEXTS, RULES, tmp_path)
    (entry,) = entries(tmp_path)
    with entry.open("wb") as file:
        np.savez(file, words=np.array([{}], dtype=object), ids=np.zeros(0), ends=np.zeros(1))
    assert analysed(TEXTS, RULES, tmp_path) == [RULES(text) for text in TEXTS]


def test_writers_at_the_same_time_do_not_harm_each_other(tmp_path):
    expected = [RULES(text) for text in TEXTS]
    found = []
    start = threading.Barrier(6)

    def work():
        start.wait()
        found.extend(analysed(TEXTS, Analyzer(), tmp_path) == expected for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 30
    assert len(entries(tmp_path)) == 1


def test_what_was_not_used_for_long_is_removed(tmp_path, read):
    for texts in (["old"], ["used again"]):
        analysed(texts, RULES, tmp_path)
    (tmp_path / "tokens" / ".x.partial").touch()
    long_ago = time.time() - 86_400 * (tokens.DAYS + 1)
    for entry in entries(tmp_path):
        os.utime(entry, (long_ago, long_ago))
    analysed(["used again"], RULES, tmp_path)
    analysed(["new"], RULES, tmp_path)
    assert len(entries(tmp_path)) == 2
    analysed(["used again"], RULES, tmp_path)
    assert read == ["old", "used again", "new"]


def test_little_text_other_rules_and_no_folder_keep_nothing(tmp_path, monkeypatch):
    assert analysed(["a b"], str.split, tmp_path) == [["a", "b"]]
    assert analysed(TEXTS, RULES) == [RULES(text) for text in TEXTS]
    monkeypatch.setattr(tokens, "LEAST", 1000)
    analysed(TEXTS, RULES, tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_the_terms_are_there_all_the_same(tmp_path):
    (tmp_path / "tokens").write_text("in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert analysed(TEXTS, RULES, tmp_path) == [RULES(text) for text in TEXTS]


def test_a_subclass_may_have_other_rules_and_is_not_kept(tmp_path):
    class Reversed(Analyzer):
        def __call__(self, text):
            return super().__call__(text)[::-1]

    analysed(["one two"], RULES, tmp_path)
    assert analysed(["one two"], Reversed(), tmp_path) == [["two", "one"]]
