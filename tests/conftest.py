"""What many tests need: a small collection in the BEIR layout, plug-in files, a cache of its own."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

WORDS = ["tensor", "gradient", "loader", "kernel", "batch", "device", "optimizer", "layer", "shape", "dtype", "loss"]


def pytest_addoption(parser):
    parser.addoption("--scoring", default=None, help="a folder: benchmarks of scoring write their tables there")


@pytest.fixture
def plugin(tmp_path):
    """Write a plug-in's source to ``NAME.py`` and return its path."""

    def write(name, source):
        path = tmp_path / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        return path

    return write


@pytest.fixture
def collection(tmp_path):
    """A BEIR folder: 60 questions, each solved by the document that has its two rare words."""
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    docs, queries = [], []
    for at in range(60):
        rare = f"alpha{at} beta{at % 7}"
        common = " ".join(WORDS[(at + step) % len(WORDS)] for step in range(4))
        docs.append({"_id": f"d{at:02d}", "title": "", "text": f"{common} {rare}"})
        queries.append({"_id": f"q{at:02d}", "text": f"why {rare} {WORDS[at % len(WORDS)]}"})
    _lines(folder / "corpus.jsonl", docs)
    _lines(folder / "queries.jsonl", queries)
    for split, start, stop in (("train", 0, 30), ("dev", 30, 40), ("test", 40, 60)):
        rows = "".join(f"q{at:02d}\td{at:02d}\t1\n" for at in range(start, stop))
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}", encoding="utf-8")
    return folder


def _lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
