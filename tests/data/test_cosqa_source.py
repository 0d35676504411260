"""CoSQA: judged pairs in JSON arrays, over all functions or those of the pairs."""

import json

import pytest
from loopback import served

from bench.api import Query
from bench.data.load import open_dataset
from bench.errors import DataError

# Two rows of the published cosqa-dev.json, shortened.
PUBLISHED = [
    {
        "idx": "cosqa-dev-0",
        "doc": "python check relation is symmetric",
        "code": 'def is_edge_consistent(graph, u, v):\n    """Check if all edges have the same relation."""\n    return 0',
        "code_tokens": "def is_edge_consistent ( graph , u , v ) : return 0",
        "docstring_tokens": "Check if all edges have the same relation .",
        "label": 0,
    },
    {
        "idx": "cosqa-dev-1",
        "doc": "python split strings into list of lines",
        "code": "def split_multiline(value):\n    return value.split('\\n')",
        "code_tokens": "def split_multiline ( value ) : return value . split ( '\\n' )",
        "docstring_tokens": "",
        "label": 1,
        "retrieval_idx": 77,
    },
]


def pair(name, label=1, **others):
    return {"idx": name, "doc": f"how to {name} it", "code": f"def {name}(): ...", "label": label, **others}


@pytest.fixture
def written(tmp_path):
    """Writes tables as JSON by the names of their files and gives the reference that opens them."""

    def write(**tables):
        options = []
        for name, table in tables.items():
            path = tmp_path / f"{name}.json"
            path.write_text(table if isinstance(table, str) else json.dumps(table, indent=1), encoding="utf-8")
            options.append(str(path) if name == "test" else f"{name}={path}")
        return ",".join(sorted(options, key=lambda option: "=" in option))

    return write


@pytest.fixture
def opened(tmp_path):
    return lambda reference: open_dataset(f"cosqa:{reference}", cache=tmp_path / "cache")


def test_label_one_is_relevant_and_a_question_without_an_answer_is_left_out(written, opened):
    data = opened(written(test=PUBLISHED))
    (query,) = data.test.queries
    assert query == Query("cosqa-dev-1", "python split strings into list of lines")
    assert data.test.qrels == {"cosqa-dev-1": {"cosqa-dev-1": 1}}
    assert {doc.text for doc in data.corpus} == {row["code"] for row in PUBLISHED}
    assert data.name == "test"
    assert data.facts["dropped"] == "1 questions of test.json without a relevant document"


def test_all_functions_are_searched_under_their_numbers(written, opened):
    codes = {"def other(): ...": 0, "def a(): ...": 7, "def b(): ...": 3}
    data = opened(written(test=[pair("a")], dev=[pair("b")], codes=codes))
    assert {doc.id: doc.text for doc in data.corpus} == {
        "0": "def other(): ...",
        "7": "def a(): ...",
        "3": "def b(): ...",
    }
    assert data.test.qrels == {"a": {"7": 1}}
    assert data.pool == "all"


def test_the_splits_are_kept(written, opened):
    train = [pair(f"train{i}", label=i % 2) for i in range(40)]
    data = opened(written(test=[pair("a")], dev=[pair("b"), pair("c")], train=train))
    assert [len(split.queries) for split in (data.train, data.dev, data.test)] == [20, 2, 1]
    assert len(data.corpus) == 43
    without = opened(written(test=[pair("a")], train=train))
    assert (len(without.train.queries), len(without.dev.queries)) == (18, 2)


def test_equal_code_is_one_document(written, opened):
    data = opened(written(test=[pair("a"), pair("b", code="def a(): ...")]))
    assert data.test.qrels == {"a": {"a": 1}, "b": {"a": 1}}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ('[\n {"idx": "x",\n', "test.json:3: not JSON"),
        ({"idx": "x"}, "test.json: a dict where an array of pairs"),
        (["x"], "test.json: entry 1: a str where an object"),
        ([pair("a"), {"idx": "x", "doc": "q"}], "test.json: entry 2: no 'code'"),
        ([pair("a", doc=" ")], "test.json: entry 1: 'doc' is ' ', not a text"),
        ([pair("a", idx=5)], "test.json: entry 1: 'idx' is 5, not a text"),
        ([pair("a", label=2)], "test.json: entry 1: 'label' is 2, neither 0 nor 1"),
        ([pair("a", label="1")], "test.json: entry 1: 'label' is '1', neither"),
        ([pair("a", label=[1])], "test.json: entry 1: 'label' is [1], neither"),
        ([pair("a"), pair("a")], "test.json: entry 2: idx 'a' stands in"),
        ([pair("a", label=0)], "test.json: no question has a relevant document"),
        ([], "test.json: no question has a relevant document"),
    ],
)
def test_damage_names_file_and_entry(written, opened, rows, told):
    with pytest.raises(DataError) as caught:
        opened(written(test=rows))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([], "codes.json: a list where an object of code -> number"),
        ({}, "codes.json: a dict where an object"),
        ({"def a(): ...": "7"}, "codes.json: entry 1: '7' is not a number of its own"),
        ({"def a(): ...": 7, "def b(): ...": 7}, "codes.json: entry 2: 7 is not a number of its own"),
        ({"def b(): ...": 7}, "test.json: entry 1: its code is not among the 1 functions"),
    ],
)
def test_damage_of_the_functions_is_named(written, opened, codes, told):
    with pytest.raises(DataError) as caught:
        opened(written(test=[pair("a")], codes=codes))
    assert told in str(caught.value)


def test_addresses_are_fetched_once(tmp_path, written, opened):
    local = written(test=[pair("a")], dev=[pair("b")], codes={"def a(): ...": 1, "def b(): ...": 2})
    expected = opened(local)

    with served(tmp_path) as base:
        remote = local.replace(str(tmp_path), base)
        with pytest.raises(DataError, match=r"dev\.json: sha256 is .*, expected 00"):
            opened(f"{remote},checksum_dev=sha256:{'0' * 64}")
        data = opened(remote)
        for path in tmp_path.glob("*.json"):
            path.unlink()
        assert opened(remote).fingerprint == data.fingerprint
        with pytest.raises(DataError, match=r"/none\.json: 404"):
            opened(f"{base}/none.json")
    assert data.fingerprint == expected.fingerprint
    assert data.facts["addresses"] == f"{base}/test.json, {base}/dev.json, {base}/codes.json"
