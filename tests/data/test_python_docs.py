"""The embedded collection: made by reading, filtered, held out by group; the same for the same versions."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.data.card import Card, SourceSpec, SplitRule, TextRule
from bench.data.load import source_of
from bench.data.prose import quotes
from bench.data.source import Opening
from bench.errors import DataError

SOURCE = '''
"""A module."""
raise RuntimeError("imported")

def kept(a, b):
    """Add two given numbers.

    At length.
    """
    # with care
    return a + b

class Thing:
    """Hold many things together."""

    size = 3

    def __init__(self):
        """Set the thing up."""
        self.x = 1

    def grow(self):
        """Grow the thing by one."""
        self.x += 1

    def again(self):
        """Add  two given NUMBERS."""
        return 2

    def copy_of_grow(self):
        """Make it bigger quickly."""
        return None

def copied():
    """Say something quite new."""
    return "spoken: say something quite new"

def short():
    """Too short."""
    return 1

def abstract():
    """Be overridden by others."""
    raise NotImplementedError

def template():
    """Return the %(name)s of it."""
    return 1

def test_it():
    """Check that it works."""
    return 1

def elsewhere():
    """See the other function."""
    return 1

def line(): "Be on one line."; return 1
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed distribution of three files, one of which cannot be parsed and one of which lies among tests."""
    root = tmp_path / "site"
    (root / "tinypackage" / "tests").mkdir(parents=True)
    (root / "tinypackage" / "__init__.py").write_text(SOURCE, encoding="utf-8")
    (root / "tinypackage" / "broken.py").write_text("def f(:", encoding="utf-8")
    (root / "tinypackage" / "tests" / "helper.py").write_text(SOURCE, encoding="utf-8")
    (root / "tiny_package-1.5.dist-info").mkdir()
    (root / "tiny_package-1.5.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.5\n"
    )
    monkeypatch.syspath_prepend(root)
    return "tinypackage"


def card(packages, modules=(), **split):
    skipped = sorted(sys.stdlib_module_names - set(modules))
    options = {"packages": packages, "skip_stdlib": skipped, "skip_folders": ["tests"]}
    rule = SplitRule(rule="by-group", largest_group=10, **split)
    return Card("docs", "Docs", SourceSpec("python-docs", options), split=rule, text=TextRule(3, 2))


def read(a_card):
    return source_of(a_card).read(Opening(a_card, Path(), Path(), lambda fraction, note: None))


def _inside_another(name, docs):
    return any(name.startswith(f"{other}.") for other in docs)


def test_definitions_become_pairs_and_the_rest_is_counted(package):
    data = read(card({"tiny-package": package}, ["textwrap", "json", "string", "heapq", "bisect"]))
    texts = {query.id: query.text for split in (data.train, data.dev, data.test) for query in split.queries}
    ours = {name.partition(":")[2]: text for name, text in texts.items() if name.startswith("tinypackage/")}
    assert ours == {
        "kept": "Add two given numbers.",
        "Thing": "Hold many things together.",
        "Thing.grow": "Grow the thing by one.",
        "Thing.copy_of_grow": "Make it bigger quickly.",
    }
    docs = {doc.id: doc.text for doc in data.corpus}
    assert docs["tinypackage/__init__.py:kept"] == "def kept(a, b):\n    # with care\n    return a + b"
    assert data.groups["tinypackage/__init__.py:Thing"] == data.groups["tinypackage/__init__.py:Thing.grow"]
    assert "textwrap.py:dedent" in docs
    assert "json/decoder.py:JSONDecoder.decode" in docs
    assert data.facts["nested"].startswith(
        f"{sum(_inside_another(name, docs) for name in docs)} solutions stand inside"
    )
    assert "tiny-package 1.5" in data.facts["versions"]
    for count in (
        "1 tests",
        "questions that repeat another",
        "1 docstring templates",
        "1 files of another Python's syntax",
    ):
        assert count in data.facts["dropped"]


def test_bodies_are_what_stands_below_the_first_paragraph_where_they_are_asked_for(package):
    plain = card({"tiny-package": package}, ["textwrap", "json", "string", "heapq", "bisect"])
    options = {**plain.source.options, "bodies": True}
    found = []
    for a_card in (plain, replace(plain, source=SourceSpec("python-docs", options))):
        data = read(a_card)
        texts = {query.id: query.body for split in (data.train, data.dev, data.test) for query in split.queries}
        found.append({name.partition(":")[2]: texts[name] for name in texts if name.startswith("tinypackage/")})
    without, with_bodies = found
    assert set(without.values()) == {""}
    assert {name: body for name, body in with_bodies.items() if body} == {"kept": "At length."}


def test_a_package_that_is_not_installed_is_named():
    a_card = card({"no-such-package": "x"})
    with pytest.raises(DataError, match="no-such-package is not installed"):
        source_of(a_card).versions(Opening(a_card, Path(), Path(), lambda fraction, note: None))


def test_a_package_without_sources_is_named(package):
    with pytest.raises(DataError, match=r"the source files of tiny-package are needed, and .*elsewhere holds none"):
        read(card({"tiny-package": "elsewhere"}, ["json"]))


def test_a_python_without_sources_is_named(package):
    with pytest.raises(DataError, match="the source files of Python's standard library are needed"):
        read(card({"tiny-package": package}))


@pytest.mark.slow
def test_the_embedded_collection(tmp_path):
    """The whole of it, built in a process of its own to see what gets imported."""
    code = """
import json, sys
from pathlib import Path
from bench.data.load import open_dataset
data = open_dataset("python-docs", cache=Path(sys.argv[1]))
again = open_dataset("python-docs", cache=Path(sys.argv[1]))
splits = (data.train, data.dev, data.test)
print(json.dumps({
    "corpus": [doc[:2] for doc in data.corpus],
    "queries": [[query[:2] for query in split.queries] for split in splits],
    "qrels": [dict(split.qrels) for split in splits],
    "groups": dict(data.groups),
    "facts": dict(data.facts),
    "fingerprints": [data.fingerprint, again.fingerprint],
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
}))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    data = json.loads(done.stdout)
    train, dev, test = data["queries"]
    docs = dict(data["corpus"])
    assert not {"torch", "sklearn", "pandas", "scipy", "datasets"} & set(data["modules"])
    assert (len(dev), len(test)) == (1337, 1337)
    assert 20_000 < len(docs) == len(train) + len(dev) + len(test)
    assert data["fingerprints"][0] == data["fingerprints"][1]
    assert "unexpected counts" not in data["facts"]
    assert f"torch {version('torch')}" in data["facts"]["versions"]
    groups = [{data["groups"][name] for name, _ in split} for split in (train, dev, test)]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert max(Counter(data["groups"][name] for name, _ in test).values()) <= 66
    texts = [" ".join(text.casefold().split()) for split in (train, dev, test) for _, text in split]
    assert len(set(texts)) == len(texts)
    assert len(set(docs.values())) == len(docs)
    for name, text in test:
        assert data["qrels"][2][name] == {name: 1}
        assert not quotes(docs[name], text)
