"""Stored fits: taken over while nothing that matters has changed, and no reason to fail where they cannot be kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from plugin_examples import ZEROS, broken

from bench.api import Env, Pairs, Retriever
from bench.build import build
from bench.plugins import find
from bench.run import fits as fits_module
from bench.run.fits import FitStore, libraries_of, sources_of
from bench.spec import parse

FITS = """
    def fit(self, train, dev, env):
        from pathlib import Path
        with Path("fits.txt").open("a") as file:
            file.write("x")

    def save(self, folder):
        (folder / "x").write_text("x")

    def load(self, folder):
        assert (folder / "x").read_text() == "x"
"""


def test_a_stored_fit_is_taken_over_until_something_that_matters_changes(bench, plugin, tmp_path):
    source = broken(ZEROS, extra=FITS)
    learner = plugin("learner", source)
    fits = tmp_path / "fits.txt"
    fits.write_text("", encoding="utf-8")

    def runs(*options):
        before = len(fits.read_text(encoding="utf-8"))
        assert bench("--retrievers=learner", f"--plugin={learner}", *options) == 0
        return len(fits.read_text(encoding="utf-8")) - before

    assert runs() == 1
    assert runs() == 0
    assert runs("--k=2", "--pool=all") == 0
    assert runs("--refit") == 1
    assert runs("--seeds=4") == 0  # it says that its seed does not matter
    assert runs("--limit=5") == 1
    learner.write_text(source + "\n# another source\n", encoding="utf-8")
    assert runs() == 1


def test_a_damaged_fit_says_how_to_be_rid_of_it(bench, plugin, tmp_path, outcomes):
    Path("fits.txt").touch()
    path = plugin("learner", broken(ZEROS, extra=FITS))
    assert bench("--retrievers=learner", f"--plugin={path}") == 0
    next((tmp_path / "cache" / "fits").glob("learner-*/x")).unlink()
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=again") == 1
    assert "run with --refit" in outcomes("again")["learner"].failure
    assert bench("--retrievers=learner", f"--plugin={path}", "--refit") == 0


def test_a_fit_that_cannot_be_kept_is_used_all_the_same(bench, plugin, tmp_path):
    path = plugin("learner", broken(ZEROS, extra=FITS))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "fits").write_text("in the way", encoding="utf-8")
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=kept") == 0
    assert "could not be kept" in Path("kept/logs/learner.seed0.cpu.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("gru", "gru:ann=hnsw:links=8:search_width=9", True),
        ("gru:ann=ivf", "gru:ann=pq:bits=4", True),
        ("gru", "gru:hidden=64", False),
        ("gru:ann=ivf:epochs=2", "gru:epochs=3", False),
        ("mapping", "mapping:ann=hnsw", True),
        ("gru-2018", "gru-2018:ann=ivf", True),
        ("gru", "embedding-average", False),
        ("bm25+gru", "bm25+gru:ann=hnsw", False),  # weights are chosen by searching
    ],
)
def test_systems_that_differ_after_learning_alone_share_one_fit(one, other, same, tmp_path):
    plugins = find()
    store = FitStore(tmp_path, plugins, "data")
    keys = [store.key(build(parse(spec), plugins), Env()) for spec in (one, other)]
    assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize(
    ("spec", "others"),
    [
        ("gru", set()),
        ("bm25/cnn+gru:members=2", set()),
        ("bm25+sentence-transformer:model=a/b", {"sentence-transformers", "transformers", "tokenizers"}),
        ("bm25/cross-encoder:model=a/b", {"sentence-transformers", "transformers", "tokenizers"}),
        ("{bm25+gru:vectors=./x.vec}/cnn", {"gensim"}),
    ],
)
def test_an_extra_that_a_system_does_not_use_does_not_belong_to_its_fit(spec, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.vec").write_text("2 2\na 1 0\nb 0 1\n", encoding="utf-8")
    found = libraries_of(build(parse(spec), find()))
    assert set(found) - {"numpy", "scipy", "scikit-learn", "torch", "numba", "PyStemmer"} == others


@dataclass
class Fetched(Retriever):
    """Knows what its model is only once it has been loaded, as one of a hub that was never loaded here."""

    commit: str = ""

    def fit(self, train: Pairs, dev: Pairs, env: Env) -> None:
        self._loaded = "c0ffee"

    def content(self) -> str:
        return getattr(self, "_loaded", self.commit)

    def index(self, corpus: Any, env: Env) -> None: ...

    def search(self, queries: Any, k: int) -> Any: ...

    def save(self, folder: Path) -> None:
        (folder / "x").touch()

    def load(self, folder: Path) -> None:
        self._loaded = "taken over"


def test_a_fit_is_kept_under_what_its_model_turned_out_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(fits_module, "sources_of", lambda *_: {})
    monkeypatch.setitem(build.__globals__["_NAMES"], Fetched, "fetched")
    monkeypatch.setattr(fits_module, "fit_spec", lambda _: "fetched")
    nothing = Pairs((), (), {})
    first, known, other = Fetched(), Fetched("c0ffee"), Fetched("another")
    for one in (first, known, other):
        FitStore(tmp_path, {}, "data").fit(one, nothing, nothing, Env())
    assert [one.content() for one in (first, known, other)] == ["c0ffee", "taken over", "c0ffee"]


def test_the_sources_of_a_system_are_those_that_decide_its_scores(monkeypatch):
    def sources(spec):
        return sources_of(build(parse(spec), plugins), plugins)

    plugins = find()
    assert set(sources("bm25")) == {"bm25"}
    assert set(sources("bm25+tfidf")) == {"bm25", "tfidf", "bench.pipeline", "bench.combining"}
    members = set(sources("bm25+gru:members=2"))
    assert members == {"bm25", "gru", "bench.pipeline", "bench.combining", "bench.ensemble"}
    read, before = Path.read_bytes, sources("bm25+tfidf")
    for name, decides in (("shares", False), ("occlusion", False), ("explanation", False), ("combining", True)):
        with monkeypatch.context() as changed:
            changed.setattr(Path, "read_bytes", lambda path, n=name: read(path) + b"#" * (path.stem == n))
            assert (sources("bm25+tfidf") != before) is decides
