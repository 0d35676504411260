"""BEIR folders: what is held out, what is left out, and the line of everything that is damaged."""

import hashlib
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

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


def test_three_splits_are_taken_as_given(beir, opened):
    data = opened(beir(DOCS, QUERIES, train=judged(*range(30)), dev=judged(30, 31), test=judged(32, 33, 34)))
    assert (len(data.train.queries), ids(data.dev), ids(data.test)) == (30, ["q30", "q31"], ["q32", "q33", "q34"])
    assert (data.name, data.pool, len(data.corpus)) == ("collection", "all", 40)
    assert data.test.qrels["q33"] == {"d33": 1}


def test_without_dev_a_tenth_of_train_serves(beir, opened):
    data = opened(beir(DOCS, QUERIES, train=judged(*range(30)), test=judged(30, 31)))
    assert (len(data.train.queries), len(data.dev.queries)) == (27, 3)
    assert not set(ids(data.train)) & set(ids(data.dev))


def test_without_test_dev_is_held_out_and_dev_comes_from_train(beir, opened):
    data = opened(beir(DOCS, QUERIES, train=judged(*range(30)), dev=judged(30, 31)))
    assert (len(data.train.queries), len(data.dev.queries), ids(data.test)) == (27, 3, ["q30", "q31"])


def test_without_train_nothing_can_be_learned_but_everything_measured(beir, opened):
    data = opened(beir(DOCS, QUERIES, test=judged(1)))
    assert (data.train.queries, data.dev.queries, ids(data.test)) == ((), (), ["q1"])


def test_questions_that_stand_in_a_later_split_are_left_out_and_counted(beir, opened):
    queries = {**QUERIES, "q0": "QUESTION  number39", "q1": "question number38", "q2": "Question Number38"}
    data = opened(beir(DOCS, queries, train=judged(0, 1, 3), dev=judged(2, 4), test=judged(38, 39)))
    assert (ids(data.train), ids(data.dev)) == (["q3"], ["q4"])
    assert data.facts["dropped"].startswith("2 questions of train") or "; 2 questions of train" in data.facts["dropped"]
    assert "1 questions of dev" in data.facts["dropped"]


def test_a_grade_of_zero_is_judged_but_makes_no_question(beir, opened):
    rows = [("q1", "d1", 1), ("q1", "d2", 0), ("q3", "d3", 0)]
    data = opened(beir(DOCS, QUERIES, test=rows))
    assert data.test.qrels == {"q1": {"d1": 1, "d2": 0}}
    assert data.facts["dropped"] == "1 questions of qrels/test.tsv without a relevant document"


def test_title_empty_text_and_unpaired_surrogates_are_legal(beir, opened):
    corpus = [
        {"_id": "d1", "title": "Title", "text": ""},
        {"_id": "d2", "title": None, "text": "odd \ud800 text"},
        {"_id": "d3", "text": ""},
    ]
    folder = beir(corpus, {"q1": "odd \udfff question"}, test=judged(1))
    first, again = opened(folder), opened(folder)
    assert first.corpus[0].title == "Title"
    assert first.corpus == again.corpus
    assert first.fingerprint == again.fingerprint
    assert first.facts["documents"] == "3, of which 1 are empty"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", b'{"_id": "d1", "text": "x"}\n{"_id"', r"corpus\.jsonl:2: not JSON"),
        ("corpus.jsonl", b'{"_id": "d1", "text": "x"}\n["d2"]\n', r"corpus\.jsonl:2: a list where an object"),
        ("corpus.jsonl", b'\n{"_id": "d1"}\n', r"corpus\.jsonl:2: no 'text'; there are '_id'"),
        ("corpus.jsonl", b'{"_id": 1, "text": "x"}', r"corpus\.jsonl:1: '_id' is 1, not a text"),
        ("corpus.jsonl", b'{"_id": "", "text": "x"}', r"corpus\.jsonl:1: _id is empty"),
        ("corpus.jsonl", b'{"_id": "d1", "text": null}', r"corpus\.jsonl:1: 'text' is None"),
        ("corpus.jsonl", b'{"_id": "d1", "text": "x", "title": 3}', r"corpus\.jsonl:1: 'title' is 3"),
        (
            "corpus.jsonl",
            b'{"_id": "d", "text": "x"}\n\n{"_id": "d", "text": "y"}',
            r"jsonl:3: _id 'd' stands on line 1 too",
        ),
        (
            "corpus.jsonl",
            b'{"_id": "d1", "text": "x"}\n{"_id": "d2", "text": "\xff"}',
            r"corpus\.jsonl:2: not UTF-8 \(byte 0xff",
        ),
        ("corpus.jsonl", b"", r"corpus\.jsonl: empty"),
        ("queries.jsonl", b'{"_id": "q1", "text": " "}', r"queries\.jsonl:1: question 'q1' is empty"),
        ("qrels/test.tsv", b"", r"test\.tsv: empty"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\n", r"qrels/test\.tsv: no question has a relevant document"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1 d1 1\n", r"test\.tsv:2: 1 columns; there must be"),
        ("qrels/test.tsv", b"q1\t0\td1\t1\n", r"test\.tsv:1: 4 columns"),
        ("qrels/test.tsv", b"q1\td1\tyes\n", r"test\.tsv:1: score 'yes' is not a whole number"),
        ("qrels/test.tsv", b"q1\td1\t1\nzz\td1\t1\n", r"test\.tsv:2: no question 'zz' among the 40"),
        ("qrels/test.tsv", b"q1\tzz\t1\n", r"test\.tsv:1: no document 'zz' among the 40"),
        (
            "qrels/test.tsv",
            b"q1\td1\t1\nq1\td1\t0\n",
            r"test\.tsv:2: question 'q1', document 'd1' was judged 1 before and 0",
        ),
    ],
)
def test_damage_is_named_with_file_and_line(beir, opened, file, content, message):
    folder = beir(DOCS, QUERIES, test=judged(1))
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        opened(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("corpus.jsonl", r"corpus\.jsonl: cannot be read: No such file"),
        ("queries.jsonl", r"queries\.jsonl: cannot be read: No such file"),
        ("qrels/test.tsv", r"no questions to hold out; there must be qrels/test\.tsv or qrels/dev\.tsv"),
    ],
)
def test_a_missing_file_is_named(beir, opened, missing, message):
    folder = beir(DOCS, QUERIES, train=judged(2), test=judged(1))
    (folder / missing).unlink()
    with pytest.raises(DataError, match=message):
        opened(folder)


def test_a_missing_folder_is_named(opened, tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        opened(tmp_path / "nowhere")


def test_byte_order_mark_and_windows_line_ends_are_read(beir, opened):
    folder = beir(DOCS, QUERIES, test=judged(1, 2))
    for path in folder.rglob("*.*"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert ids(opened(folder).test) == ["q1", "q2"]


def test_a_file_that_changes_is_read_again(beir, opened):
    before = opened(beir(DOCS, QUERIES, test=judged(1))).fingerprint
    after = opened(beir({**DOCS, "d1": "another text"}, QUERIES, test=judged(1))).fingerprint
    assert before != after


def test_a_question_that_is_a_document_itself_is_told(beir, opened):
    corpus = {**DOCS, "q1": "Question  NUMBER1", "q2": "another text under that id"}
    data = opened(beir(corpus, QUERIES, test=judged(1, 2)))
    assert data.facts["questions that are documents"].startswith("1 held-out questions stand in the corpus")


def test_dev_can_be_held_out_where_there_is_a_test(beir, tmp_path):
    folder = beir(DOCS, QUERIES, train=judged(*range(30)), dev=judged(30, 31), test=judged(32, 33, 34))
    data = open_dataset(f"beir:{folder},heldout=dev", cache=tmp_path / "cache")
    assert (len(data.train.queries), len(data.dev.queries), ids(data.test)) == (27, 3, ["q30", "q31"])
    with pytest.raises(DataError, match=r"heldout=last is not one of auto, test, dev"):
        open_dataset(f"beir:{folder},heldout=last")


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
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


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


def test_a_corpus_is_read_line_by_line(beir, opened):
    import tracemalloc

    folder = beir(DOCS, QUERIES, test=judged(1))
    filler = "x" * 20_000  # of which nothing is kept
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as file:
        for i in range(2_000):
            file.write(json.dumps({"_id": f"e{i}", "text": "short", "metadata": {"filler": filler}}) + "\n")
    tracemalloc.start()
    opened(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (folder / "corpus.jsonl").stat().st_size / 4


def test_training_questions_near_a_held_out_one_are_left_out_if_the_card_says_so(beir, tmp_path):
    names = range(12)
    queries = {f"q{i}": f"how to open file{i} reader{i} writer{i} quickly" for i in names}
    queries["q1"] = queries["q11"] + " now"  # differs in one word from a held-out question
    docs = {f"d{i}": f"call open{i} with mode{i} and then close{i} it after use{i}" for i in names}
    docs["d2"] = docs["d11"] + " again"  # almost a held-out question's solution
    folder = beir(docs, queries, train=[(f"q{i}", f"d{i}", 1) for i in range(10)], test=[("q11", "d11", 1)])
    for flag, lost in (("false", set()), ("true", {"q1", "q2"})):
        card = f"""
schema = 1
name = "near"
version = 1
title = "x"
description = "x"
language = "en"
licence = "CC0-1.0"
[source]
kind = "beir"
path = "{folder}"
[text]
drop_near = {flag}
"""
        (tmp_path / "near.toml").write_text(card, encoding="utf-8")
        data = open_dataset("near", cards=[tmp_path], cache=tmp_path / "cache")
        kept = {query.id for split in (data.train, data.dev) for query in split.queries}
        assert kept == {f"q{i}" for i in range(10)} - lost
        assert ("near a later split's" in data.facts.get("dropped", "")) == bool(lost)


def test_the_clean_up_of_a_card_comes_before_texts_are_compared(beir, tmp_path):
    queries = {"q1": "open file 1 of 20", "q2": "open file 2 of 30", "q3": "close a door", "q4": "shut the lid"}
    docs = {f"d{i}": f"answer {i} x stands here" for i in range(1, 5)}
    folder = beir(docs, queries, train=[(f"q{i}", f"d{i}", 1) for i in (1, 3, 4)], test=[("q2", "d2", 1)])
    card = CLEAN.format(path=folder)
    (tmp_path / "clean.toml").write_text(card, encoding="utf-8")
    data = open_dataset("clean", cards=[tmp_path], cache=tmp_path / "cache")
    assert data.test.queries[0].text == "open file of"
    assert {doc.text for doc in data.corpus} == {"answer stands here"}
    assert "q1" not in {query.id for split in (data.train, data.dev) for query in split.queries}  # now the same as q2


CLEAN = """
schema = 1
name = "clean"
version = 1
title = "x"
description = "x"
language = "en"
licence = "CC0-1.0"
[source]
kind = "beir"
path = "{path}"
[text]
drop_numbers = true
drop_single_letters = true
"""
