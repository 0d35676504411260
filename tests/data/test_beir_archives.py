"""A BEIR collection in a zip or behind an address: read like the folder in it, verified, fetched once."""

import hashlib
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from loopback import serving

from bench.data.load import open_card, open_dataset
from bench.errors import DataError

DOCS = {f"d{i}": f"solution number{i}" for i in range(40)}
QUERIES = {f"q{i}": f"question number{i}" for i in range(40)}


def judged(*numbers):
    return [(f"q{i}", f"d{i}", 1) for i in numbers]


def ids(split):
    return [query.id for query in split.queries]


@pytest.fixture
def opened(tmp_path):
    return lambda folder: open_dataset(f"beir:{folder}", cache=tmp_path / "cache")


@pytest.fixture
def archived(beir, tmp_path):
    """Makes a zip in the shape that BEIR's own have: NAME/corpus.jsonl, or NAME/SUB/corpus.jsonl for several."""

    def make(name="tiny", subfolders=(), depth=1):
        top = tmp_path / "made"
        for sub in subfolders or ("",):
            shutil.copytree(beir(DOCS, QUERIES, test=judged(len(sub) + 1)), top / (name if depth else "") / sub)
        shutil.make_archive(str(tmp_path / "served" / name), "zip", top)
        shutil.rmtree(top)
        return tmp_path / "served" / f"{name}.zip"

    return make


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        self.server.log.append(self.path)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "served").mkdir()
    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "served")))
    made.log = []
    made.url = f"http://127.0.0.1:{made.server_port}"
    with serving(made):
        yield made


@pytest.mark.parametrize("depth", [0, 1])
def test_a_zip_is_read_like_the_folder_in_it(archived, opened, depth):
    data = opened(archived("Tiny.v2", depth=depth))
    assert (data.name, len(data.corpus), ids(data.test)) == ("tiny", 40, ["q1"])


def test_a_zip_that_changes_is_unpacked_again(archived, beir, opened):
    before = opened(archived()).fingerprint
    shutil.rmtree(beir(DOCS, QUERIES))
    now = {**DOCS, "d1": "another text"}
    path = archived()
    shutil.make_archive(str(path.with_suffix("")), "zip", beir(now, QUERIES, test=judged(1)))
    assert opened(path).fingerprint != before


def test_of_several_collections_one_must_be_chosen(archived, opened, tmp_path):
    path = archived("cqa", subfolders=("android", "gis"))
    with pytest.raises(
        DataError, match=r"cqa\.zip: more than one collection; choose one with folder=NAME; there are android, gis"
    ):
        opened(path)
    data = open_dataset(f"beir:{path},folder=gis", cache=tmp_path / "cache")
    assert (data.name, ids(data.test)) == ("cqa-gis", ["q4"])
    with pytest.raises(DataError, match=r"no folder 'unix' in it; there are android, gis"):
        open_dataset(f"beir:{path},folder=unix", cache=tmp_path / "cache")


def test_a_folder_has_no_checksum(beir):
    with pytest.raises(DataError, match=r"collection: a folder has no checksum or size"):
        open_dataset(f"beir:{beir(DOCS, QUERIES, test=judged(1))},checksum=md5:{'0' * 32}")


def test_an_archive_on_this_machine_is_verified_too(archived, tmp_path):
    with pytest.raises(DataError, match=r"tiny\.zip: md5 is [0-9a-f]{32}, expected 0{32}; get the file anew"):
        open_dataset(f"beir:{archived()},checksum=md5:{'0' * 32}", cache=tmp_path / "cache")


def test_names_of_collections_without_a_card():
    def name(text):
        return open_card(text).name

    assert name("beir:https://host/a/b/SciFact.zip?download=1") == "scifact"
    assert name("beir:https://host/cqa.zip,folder=gis") == "cqa-gis"
    assert name("beir:some/where/My Data") == "my-data"


CARD = """
schema = 1
name = "tiny"
version = 1
title = "Tiny"
description = "A card that points at a server."
language = "en"
licence = "none"
[source]
kind = "beir"
path = "{url}"
checksum = "{checksum}"
size = {size}
[expected]
documents = 40
test = 1
[[reference]]
system = "BM25"
measure = "nDCG@10"
value = 1.0
origin = "here"
tolerance = 0.0
"""


@pytest.fixture
def card(tmp_path, server, archived):
    def write(**changes):
        path = archived()
        content = path.read_bytes()
        facts = {
            "url": f"{server.url}/tiny.zip",
            "checksum": "sha256:" + hashlib.sha256(content).hexdigest(),
            "size": len(content),
            **changes,
        }
        (tmp_path / "cards").mkdir(exist_ok=True)
        (tmp_path / "cards" / "tiny.toml").write_text(CARD.format(**facts), encoding="utf-8")
        return partial(open_dataset, "tiny", cards=[tmp_path / "cards"], cache=tmp_path / "cache")

    return write


def test_a_card_that_points_at_a_server_is_fetched_once_and_then_needs_none(card, server, tmp_path):
    open_tiny = card()
    data = open_tiny()
    assert (data.name, len(data.corpus), ids(data.test)) == ("tiny", 40, ["q1"])
    assert "unexpected counts" not in data.facts
    assert open_tiny().fingerprint == data.fingerprint
    shutil.rmtree(tmp_path / "cache" / "datasets")
    assert open_tiny().fingerprint == data.fingerprint
    assert server.log == ["/tiny.zip"]
    # The archive itself is not kept beside what is unpacked from it.
    assert not list((tmp_path / "cache" / "downloads").rglob("*.zip"))


def test_progress_is_told_while_a_card_is_fetched(card):
    notes = []
    card()(progress=lambda fraction, note: notes.append((fraction, note)))
    words = [note.partition(" ")[0] for _, note in notes]
    assert list(dict.fromkeys(words)) == ["downloading", "verifying", "unpacking", "reading"]
    assert all(0 <= fraction <= 1 for fraction, _ in notes)


def test_an_archive_with_another_checksum_leaves_nothing(card, tmp_path):
    open_tiny = card(checksum="md5:" + "0" * 32)
    with pytest.raises(DataError, match=r"md5 is [0-9a-f]{32}, expected 0{32}"):
        open_tiny()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.stat().st_size]


def test_an_address_without_a_checksum_that_is_no_archive_is_asked_for_again(server, tmp_path, archived):
    (tmp_path / "served" / "tiny.zip").write_bytes(b"<html>maintenance</html>")
    reference = f"beir:{server.url}/tiny.zip"
    with pytest.raises(DataError, match="begins with b'<htm', which is neither zip nor gzip"):
        open_dataset(reference, cache=tmp_path / "cache")
    archived()
    assert len(open_dataset(reference, cache=tmp_path / "cache").corpus) == 40


def test_an_address_that_is_not_there_is_one_line(server, tmp_path):
    with pytest.raises(DataError, match=r"^http://127\.0\.0\.1:\d+/gone\.zip: 404 File not found$"):
        open_dataset(f"beir:{server.url}/gone.zip", cache=tmp_path / "cache")
