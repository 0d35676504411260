"""Small collections on disk, and the Stack Exchange API on this machine, made anew for each test."""

import json
import threading

import pytest
from stack_api_server import Api

from bench.data.load import open_dataset


def _lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def beir(tmp_path):
    """Writes a BEIR folder: corpus and queries as id -> text or as rows, qrels as split -> rows of (query, document, score)."""

    def write(corpus, queries, **qrels):
        folder = tmp_path / "collection"
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        for name, rows in (("corpus", corpus), ("queries", queries)):
            table = [{"_id": key, "text": text} for key, text in rows.items()] if isinstance(rows, dict) else rows
            (folder / f"{name}.jsonl").write_text(_lines(table), encoding="utf-8")
        for split, rows in qrels.items():
            text = "query-id\tcorpus-id\tscore\n" + "".join("\t".join(map(str, row)) + "\n" for row in rows)
            (folder / "qrels" / f"{split}.tsv").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def topics():
    """Fifty questions and solutions that share no word."""
    return [(f"how to alpha{i} beta{i} gamma{i} delta{i}", f"call omega{i} psi{i} chi{i} phi{i}") for i in range(50)]


@pytest.fixture
def api():
    """The API, with 250 questions."""
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def open_api(api, tmp_path):
    """Opens the newest questions of the API as a dataset."""

    def read(options="", questions=230):
        text = f"stackexchange:{api.address},site=stackoverflow,tag=pytorch,questions={questions},per_second=500"
        return open_dataset(text + options, cache=tmp_path / "cache")

    return read
