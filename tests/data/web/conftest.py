"""A server that sends one file, and downloads from it that do not wait for long."""

import pytest
from download_server import CONTENT, Handler, Server
from loopback import serving

from bench.data.web import download as module
from bench.data.web.download import download


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Handler)
    made.content, made.headers, made.ranges, made.careless = CONTENT, {"ETag": '"a"'}, True, False
    made.cuts, made.script, made.log, made.delay, made.chunked = [], [], [], 0, False
    made.shift, made.most = 0, len(CONTENT)
    made.url = f"http://127.0.0.1:{made.server_port}/data/some%20file.zip?x=1"
    with serving(made):
        yield made


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def fetch(tmp_path):
    def run(url, **options):
        notes = []
        path = download(url, tmp_path / "downloads", progress=lambda *told: notes.append(told), **options)
        run.notes = notes
        return path

    return run
