"""Files of pairs: columns by their usual names, equal texts joined, related questions on one side, damage named."""

import csv
import json

import pytest

from bench.data.load import open_dataset
from bench.errors import DataError


@pytest.fixture
def opened(tmp_path):
    return lambda path: open_dataset(f"pairs:{path}", cache=tmp_path / "cache")


@pytest.fixture
def jsonl(tmp_path):
    def write(rows):
        path = tmp_path / "forum.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def _rows(topics, **columns):
    return [
        {"question": q, "answer": a, **{name: value(i) for name, value in columns.items()}}
        for i, (q, a) in enumerate(topics)
    ]


def _queries(data):
    return [*data.train.queries, *data.dev.queries, *data.test.queries]


def _qrels(data):
    return {**data.train.qrels, **data.dev.qrels, **data.test.qrels}


def test_a_tenth_is_held_out_and_as_many_are_dev(jsonl, opened, topics):
    data = opened(jsonl(_rows(topics)))
    assert [len(split.queries) for split in (data.train, data.dev, data.test)] == [40, 5, 5]
    assert (data.name, data.pool, len(data.corpus)) == ("forum", "heldout", 50)
    for query in _queries(data):
        (doc,) = (doc for doc in data.corpus if doc.id in _qrels(data)[query.id])
        assert (query.text, doc.text) in topics


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ("Question", "Answer")),
        ("utf-8-sig", ("query", "Solution")),
        ("utf-8-sig", ("title", "code")),
        ("utf-8", ("Q", "A")),
    ],
)
def test_every_dialect_gives_the_same_pairs(tmp_path, topics, suffix, delimiter, encoding, names):  # noqa: PLR0917
    topics[3] = ('says "hi";\nand, goes on', "line one\nline two\twith tab; ünïcode")
    path = tmp_path / f"forum{suffix}"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *topics])
    data = open_dataset(f"pairs:{path}", cache=tmp_path / "cache")
    assert {query.text for query in _queries(data)} == {question for question, _ in topics}
    assert {doc.text for doc in data.corpus} == {solution for _, solution in topics}


def test_a_field_longer_than_csvs_limit_is_read_and_the_limit_left_alone(tmp_path, opened, topics):
    topics[0] = (topics[0][0], "word " * 60_000)
    path = tmp_path / "forum.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *topics])
    limit = csv.field_size_limit()
    assert max(len(doc.text) for doc in opened(path).corpus) == 299_999
    assert csv.field_size_limit() == limit


def test_one_question_with_several_solutions_and_one_solution_of_several_questions(jsonl, opened, topics):
    rows = _rows(topics)
    rows += [{"question": topics[0][0].upper(), "answer": "another way entirely"}]
    rows += [{"question": "something else altogether", "answer": topics[1][1]}]
    data = opened(jsonl(rows))
    assert (len(_queries(data)), len(data.corpus)) == (51, 51)
    by_text = {query.text: query.id for query in _queries(data)}
    assert len(_qrels(data)[by_text[topics[0][0]]]) == 2
    assert data.groups[by_text["something else altogether"]] == data.groups[by_text[topics[1][0]]]


def test_groups_and_near_duplicates_stay_together(jsonl, opened, topics):
    rows = _rows(topics, thread=lambda i: f"t{i // 2}")
    rows.append({"question": f"{topics[0][0]} please", "answer": "unlike any other", "thread": "t9"})
    data = opened(jsonl(rows))
    sides = {}
    for name in ("train", "dev", "test"):
        for query in getattr(data, name).queries:
            sides.setdefault(data.groups[query.id], set()).add(name)
    assert all(len(names) == 1 for names in sides.values())
    by_text = {query.text: data.groups[query.id] for query in _queries(data)}
    # alike: 1 - 0; threads: 1 - 2 and 19 - 20; near: 0 with the added one, which is of thread 9.
    assert by_text[topics[0][0]] == by_text[topics[1][0]] == by_text[f"{topics[0][0]} please"] == by_text[topics[18][0]]
    assert by_text[topics[2][0]] != by_text[topics[4][0]]


@pytest.mark.parametrize(
    "date", [lambda i: f"2024-01-01T00:{i:02}:00Z", lambda i: 1_700_000_000 + i, lambda i: f"20{i:02}-02-03"]
)
def test_with_dates_the_latest_are_held_out(jsonl, opened, topics, date):
    rows = _rows(topics, created_at=date, id=lambda i: i)
    data = opened(jsonl(rows[::-1]))
    assert sorted(int(query.id) for query in data.test.queries) == [45, 46, 47, 48, 49]
    assert sorted(int(query.id) for query in data.dev.queries) == [40, 41, 42, 43, 44]
    assert data.facts["split"] == "by time, related questions kept together"


def test_pairs_without_text_are_left_out_and_counted(jsonl, opened, topics):
    rows = [*_rows(topics), {"question": " ", "answer": "x"}, {"question": "y", "answer": None}]
    data = opened(jsonl(rows))
    assert data.facts["dropped"] == "1 pairs without a question; 1 pairs without a solution"
    assert len(data.corpus) == 50


def test_solutions_that_quote_their_question_are_counted(jsonl, opened, topics):
    topics[7] = (topics[7][0], f"> {topics[7][0]}\nno idea")
    assert opened(jsonl(_rows(topics))).facts["quoted"].startswith("1 solutions")


def test_without_ids_a_row_more_changes_the_names_and_the_sides_of_no_other(jsonl, opened, topics):
    rows = _rows(topics)
    rows += [rows[3], {"question": topics[4][0].upper(), "answer": "another way"}, rows[3]]
    first = opened(jsonl(rows))
    second = opened(jsonl([{"question": "something else", "answer": "altogether new"}, *rows]))
    assert {doc.id: doc.text for doc in first.corpus}.items() < {doc.id: doc.text for doc in second.corpus}.items()
    assert first.groups.items() < second.groups.items()
    held, others = ({query.id for query in data.test.queries} for data in (first, second))
    assert len(held - others) <= 1
    third = opened(jsonl(rows[::-1]))
    assert {first.groups[query.id] for query in first.test.queries} == {
        third.groups[query.id] for query in third.test.queries
    }


def test_the_same_pair_again_gets_a_name_of_its_own(jsonl, opened, topics):
    rows = _rows(topics)
    data = opened(jsonl([*rows, rows[3], {**rows[3], "answer": rows[3]["answer"].upper()}]))
    named = {doc.text: doc.id for doc in data.corpus}
    assert named[topics[3][1].upper()] == f"{named[topics[3][1]]}-3"
    assert all(len(name) == 12 for text, name in named.items() if text.islower())


def test_solutions_are_one_document_when_they_are_equal_byte_for_byte(jsonl, opened, topics):
    rows = [
        *_rows(topics),
        *({"question": f"new{i} words{i}", "answer": a} for i, a in enumerate(("x = 1", "X = 1", "X = 1"))),
    ]
    assert len(opened(jsonl(rows)).corpus) == 52


def test_questions_of_train_that_are_later_than_held_out_ones_are_told(jsonl, opened, topics):
    rows = _rows(topics, date=lambda i: i, thread=lambda i: "crowd" if i % 5 == 4 else f"t{i}")
    data = opened(jsonl(rows))
    # A tenth is five, and the crowd of ten, which fits into no split, holds the latest.
    assert [int(query.text.split("alpha")[1].split()[0]) for query in data.test.queries] == [43, 45, 46, 47, 48]
    assert data.facts["later in train"] == "2 training questions are later than the first held-out one"


def test_the_order_of_the_records_does_not_decide_who_is_held_out(jsonl, opened, topics):
    rows = _rows(topics, id=lambda i: f"p{i}", group=lambda i: f"g{i // 2}")
    first = opened(jsonl(rows))
    second = opened(jsonl(rows[::-1]))
    assert {query.id for query in first.test.queries} == {query.id for query in second.test.queries}


HEADER = "question,answer\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", b"", r"p\.csv: empty"),
        ("p.csv", HEADER.encode(), r"p\.csv: no pairs below the header"),
        (
            "p.csv",
            b"text,answer\na,b\n",
            r"p\.csv:2: no column for the question; there are 'text', 'answer'; name one of them",
        ),
        ("p.csv", b"question,reason\na,b\n", r"no column for the solution; there are 'question', 'reason'"),
        ("p.csv", b"question,answer,answer\na,b,c\n", r"p\.csv:1: the header names 'answer' more than once"),
        ("p.csv", HEADER.encode() + b'"a\nb",c\nd\n', r"p\.csv:4: 1 columns where the header has 2"),
        ("p.csv", HEADER.encode() + b'a,b\nc,"d"e\n', r"p\.csv:3: .*quote fields"),
        ("p.csv", HEADER.encode() + b'a,b\nc,"d\n', r"p\.csv:3: .*quote fields"),
        ("p.csv", HEADER.encode() + b"a,b\n", r"^p: 1 different questions; there must be 30 or more"),
        ("p.jsonl", b'{"q": "x", "a": "y"}\n{"q": 1, "a": "y"}', r"p\.jsonl:2: 'q' is 1, not a text"),
        ("p.jsonl", b'{"q": "x", "a": "y"}\n\n{"q": "x"}', r"p\.jsonl:3: no 'a'; there are 'q'"),
        (
            "p.jsonl",
            b'{"q": "x", "a": "y", "id": 1}\n{"q": "x", "a": "y", "id": 1}',
            r"jsonl:2: id '1' stands on line 1 too",
        ),
        (
            "p.jsonl",
            b'{"q": "x", "a": "y", "group": null}',
            r"p\.jsonl:1: 'group' is None, not a text or a whole number",
        ),
        ("p.jsonl", b'{"q": "x", "a": "y", "date": "May"}', r"p\.jsonl:1: 'date' is 'May', neither ISO 8601"),
        ("p.jsonl", b'{"q": "x", "a": "y", "date": "nan"}', r"p\.jsonl:1: 'date' is 'nan', which is no date"),
        (
            "p.jsonl",
            b'{"q": "x", "a": "y", "date": 1%s}' % (b"0" * 400),
            r"p\.jsonl:1: 'date' is 10+, neither ISO 8601",
        ),
        *(
            (
                "p.jsonl",
                b'{"q": "x", "a": "y"}\n\n{"q": "x", "a": "z", %s: 1}' % key,
                rf"p\.jsonl:3: .* not on line 1; .* if it is no {role}",
            )
            for role, key in (("group", b'"Topic ID"'), ("id", b'"_id"'), ("date", b'"created-at"'))
        ),
        ("p.jsonl", b"[" * 100_000, r"p\.jsonl:1: (JSON nested too deep|not JSON)"),
        ("p.xlsx", b"x", r"p\.xlsx: the name must end in one of \.jsonl, \.ndjson, \.csv, \.tsv, \.txt, \.parquet"),
    ],
)
def test_damage_is_named_with_file_and_line(tmp_path, opened, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        opened(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path, opened):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        opened(tmp_path / "none.csv")


def test_pairs_that_all_belong_together_cannot_be_split(jsonl, opened, topics):
    with pytest.raises(DataError, match=r"no question can be held out; the largest .* holds 50 of 50"):
        opened(jsonl(_rows(topics, thread=lambda _: "one")))


def test_a_column_named_as_one_text_is_not_found_to_be_another(tmp_path, topics):
    """``body`` is the usual name of a question's body, and ``code`` that of a solution."""
    path = tmp_path / "own.jsonl"
    rows = [{"title": q, "code": f"{q} or so", "body": a} for q, a in topics]
    rows[1]["more"] = "a key that the first record has not"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = open_dataset(f"pairs:{path},question=title,solution=body", cache=tmp_path / "cache")
    assert {query.body for query in _queries(data)} == {""}
    assert {doc.text for doc in data.corpus} == {a for _, a in topics}
    with pytest.raises(DataError, match="no column for the solution"):
        open_dataset(f"pairs:{path},question=code", cache=tmp_path / "cache")
