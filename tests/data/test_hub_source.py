"""Dataset repositories of a hub: a server on this machine answers the paths that the client library asks for."""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from bench.data.load import open_dataset
from bench.errors import DataError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("huggingface_hub")

COMMITS = {"main": "a" * 40, "v1": "b" * 40}
REPOSITORY = "someone/forum"


class Hub(ThreadingHTTPServer):
    """files: commit -> name -> content. asked: every path, in order; tokens: what Authorization said."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.files = {commit: {} for commit in COMMITS.values()}
        self.asked = []
        self.tokens = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(path)
        self.server.tokens.append(self.headers.get("Authorization"))
        api, resolve = f"/api/datasets/{REPOSITORY}/revision/", f"/datasets/{REPOSITORY}/resolve/"
        if path.startswith(api):
            commit = COMMITS.get(path.removeprefix(api), path.removeprefix(api))
            if commit not in self.server.files:
                self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                return
            siblings = [{"rfilename": name} for name in self.server.files[commit]]
            self.answer(200, json.dumps({"id": REPOSITORY, "sha": commit, "siblings": siblings}).encode())
        elif path.startswith(resolve):
            commit, _, name = path.removeprefix(resolve).partition("/")
            content = self.server.files[commit].get(name)
            if content is None:
                self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            etag = hashlib.sha256(content).hexdigest()
            self.answer(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": commit})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def rows(topics):
    return [{"question": question, "answer": answer} for question, answer in topics]


@pytest.fixture
def opened(tmp_path, hub):
    def opened(*options, repository=REPOSITORY, folder="cache"):
        reference = ",".join([f"hub:{repository}", f"endpoint={hub.address}", *options])
        return open_dataset(reference, cache=tmp_path / folder)

    return opened


def test_the_pairs_of_all_parquet_files_of_one_commit_are_read(hub, opened, topics):
    hub.files[COMMITS["main"]] = {
        "README.md": b"# forum",
        "data/test.parquet": parquet(rows(topics[30:])),
        "data/train.parquet": parquet(rows(topics[:30])),
    }
    data = opened()
    assert {doc.text for doc in data.corpus} == {solution for _, solution in topics}
    assert (len(data.corpus), len(data.test.queries), data.name) == (50, 5, "someone-forum")
    assert data.facts["repository"] == f"{REPOSITORY} at {COMMITS['main']}"
    assert data.facts["files"] == "data/test.parquet, data/train.parquet"


def test_a_pattern_chooses_files_and_options_name_columns(hub, opened, topics):
    frage = [{"Frage": question, "Antwort": answer} for question, answer in topics]
    hub.files[COMMITS["main"]] = {"a.parquet": parquet(frage), "b.parquet": parquet([{"x": 1}])}
    assert len(opened("files=a*", "question=Frage", "solution=Antwort").corpus) == 50
    with pytest.raises(DataError, match=r"someone/forum/b\.parquet:1: no column for the question; there are 'x'"):
        opened("files=b*")


def test_a_branch_that_moves_is_another_collection_and_a_commit_needs_no_network(hub, opened, topics, monkeypatch):
    hub.files[COMMITS["main"]] = {"a.parquet": parquet(rows(topics))}
    hub.files[COMMITS["v1"]] = {"a.parquet": parquet(rows(topics[:40]))}
    assert len(opened().corpus) == 50
    assert len(opened("revision=v1").corpus) == 40
    pinned = f"revision={COMMITS['v1']}"
    assert len(opened(pinned).corpus) == 40
    hub.asked.clear()
    assert len(opened(pinned).corpus) == 40
    assert hub.asked == []
    monkeypatch.setitem(COMMITS, "main", COMMITS["v1"])
    assert len(opened().corpus) == 40


def test_a_card_with_an_endpoint_of_its_own_gets_no_token(hub, opened, topics, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    hub.files[COMMITS["main"]] = {"a.parquet": parquet(rows(topics))}
    opened()
    assert set(hub.tokens) == {None}


def test_what_is_not_there_is_one_line(hub, opened, topics):
    with pytest.raises(DataError, match=r"someone/forum at aaaaaaaa has no file '\*\.parquet'; there are none"):
        opened()
    with pytest.raises(DataError, match=r"hub:someone/forum at v9: there is no such revision"):
        opened("revision=v9")
    with pytest.raises(DataError, match=r"hub:no/body at main: there is no such dataset, or it needs a login"):
        opened(repository="no/body")
    with pytest.raises(DataError, match=r"hub:nobody/at/all at main: ") as caught:
        opened(repository="nobody/at/all")
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_one_line(hub, tmp_path):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(DataError, match=r"^hub:someone/forum at main: ") as caught:
        open_dataset(f"hub:{REPOSITORY},endpoint={hub.address}", cache=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": 7, "answer": "y"}, r"a\.parquet:1: 'question' is 7, not a text"),
        ({"question": "x", "answer": "y", "date": None}, r"a\.parquet:1: 'date' is None, neither ISO 8601"),
        ({"question": "x", "answer": "y", "id": 1.5}, r"a\.parquet:1: 'id' is 1\.5, not a text or a whole number"),
    ],
)
def test_damaged_rows_are_named(hub, opened, row, message):
    hub.files[COMMITS["main"]] = {"a.parquet": parquet([row])}
    with pytest.raises(DataError, match=message):
        opened()


def test_an_id_may_stand_in_one_file_only(hub, opened):
    row = {"question": "x", "answer": "y", "id": 7}
    hub.files[COMMITS["main"]] = {"a.parquet": parquet([row]), "b.parquet": parquet([{**row, "id": 8}, row])}
    with pytest.raises(DataError, match=r"forum/b\.parquet:2: id '7' stands on someone/forum/a\.parquet:1 too"):
        opened()


def test_without_the_library_one_line_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DataError, match=r"hub:a/b needs huggingface_hub, .* pip install 'retrieverbench\[hub\]'"):
        open_dataset("hub:a/b", cache=tmp_path)
