"""BEIR folders: what is held out, what is left out, and the line of everything that is damaged."""

import json

import pytest

from bench.data.load import open_dataset
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
