"""An index on disk: the same bits, little memory, and damage that is told."""

import subprocess
import sys

import numpy as np
import pytest

from bench.api import Doc, Env, Query
from bench.errors import StoreError
from retrievers.bm25 import BM25
from retrievers.lexical.impacts import Impacts
from retrievers.text.analysis import Analyzer

DOCS = [Doc(str(i), f"w{i % 7} w{i % 11} w{i % 3} déjà \ud800 {'filler ' * (i % 5)}") for i in range(200)]
QUERIES = [Query(str(i), f"w{i} w{i + 1} filler déjà") for i in range(12)]


@pytest.fixture
def stored(tmp_path):
    retriever = BM25()
    retriever.index(DOCS, Env())
    retriever.save_index(tmp_path / "index")
    return retriever


@pytest.mark.parametrize("verify", [True, False])
def test_a_loaded_index_gives_the_same_bits(stored, tmp_path, verify):
    loaded = BM25()
    loaded.load_index(tmp_path / "index", Env(), verify=verify)
    found, expected = (one.search(QUERIES, 50) for one in (loaded, stored))
    assert found.positions.tobytes() == expected.positions.tobytes()
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert loaded.explain(QUERIES[1], DOCS[1], 1) == stored.explain(QUERIES[1], DOCS[1], 1)
    assert {path.name for path in (tmp_path / "index").iterdir()} == {
        "index.json", "starts.bin", "docs.bin", "weights.bin",
    }  # fmt: skip


def test_an_empty_index_comes_back(tmp_path):
    nothing = BM25()
    nothing.index([Doc("a", "")], Env())
    nothing.save_index(tmp_path)
    nothing.load_index(tmp_path, Env())
    assert nothing.search(QUERIES, 3).positions.tolist() == [[-1]] * len(QUERIES)


def test_saving_again_leaves_a_loaded_index_as_it_is(stored, tmp_path):
    loaded = BM25()
    loaded.load_index(tmp_path / "index", Env())
    other = BM25()
    other.index(DOCS[::-1][:50], Env())
    other.save_index(tmp_path / "index")
    assert loaded.search(QUERIES, 9).scores.tobytes() == stored.search(QUERIES, 9).scores.tobytes()
    loaded.load_index(tmp_path / "index", Env())
    assert loaded.search(QUERIES, 9).scores.tobytes() == other.search(QUERIES, 9).scores.tobytes()


def test_other_parameters_are_named(stored, tmp_path):
    with pytest.raises(StoreError, match=r"built with other parameters: .*'k1': 1\.2"):
        BM25(k1=0.9).load_index(tmp_path / "index", Env())


@pytest.mark.parametrize("name", ["index.json", "starts.bin", "docs.bin", "weights.bin"])
@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "removed"])
def test_damage_is_told(stored, tmp_path, name, harm):
    path = tmp_path / "index" / name
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[:-4], "flipped": flipped, "emptied": b"", "removed": b""}[harm])
    if harm == "removed":
        path.unlink()
    with pytest.raises(StoreError, match="index again") as told:
        BM25().load_index(tmp_path / "index", Env())
    assert "\n" not in str(told.value)


def test_an_index_of_another_text_analysis_is_refused(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(Analyzer, "identity", "of tomorrow")
    with pytest.raises(StoreError, match=r"another version of the text analysis; index again"):
        BM25().load_index(tmp_path / "index", Env())


def test_an_index_of_other_formulas_is_refused(stored, tmp_path, monkeypatch):
    monkeypatch.setattr("retrievers.bm25._identity_of_formulas", lambda: "of tomorrow")
    with pytest.raises(StoreError, match=r"another version of the formulas; index again"):
        BM25().load_index(tmp_path / "index", Env())


def test_parts_of_two_indexes_are_told(tmp_path):
    one, two = np.array([0, 1]), np.array([0, 2])
    docs, weights = np.zeros(2, dtype=np.int32), np.ones(2, dtype=np.float32)
    Impacts(one, docs, weights, 1).save(tmp_path)
    with pytest.raises(StoreError, match="do not belong together"):
        Impacts.load(tmp_path)
    Impacts(two, docs, weights, 1).save(tmp_path, {"note": "ü"})
    assert Impacts.load(tmp_path)[1] == {"note": "ü"}


def test_a_folder_that_cannot_be_written_is_told(stored, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot write the index"):
        stored.save_index(tmp_path / "file")


def test_only_the_postings_that_are_asked_for_take_memory(tmp_path):
    """Of 48 MB one term of five hundred is read."""
    terms, often = 500, 12_000
    docs = np.tile(np.arange(often, dtype=np.int32), terms)
    Impacts(np.arange(terms + 1) * often, docs, np.ones(len(docs), dtype=np.float32), often).save(tmp_path)
    del docs
    code = (
        "import sys, psutil\nfrom pathlib import Path\n"
        "from retrievers.lexical.impacts import Impacts\nfrom retrievers.lexical.selection import prepare\n"
        "prepare(); resident = lambda: psutil.Process().memory_info().rss\n"
        "before = resident(); impacts, _ = Impacts.load(Path(sys.argv[1]))\n"
        "assert impacts.search([{250: 2.0}], 3).scores.tolist() == [[2.0] * 3]\n"
        "print(resident() - before)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 8e6
