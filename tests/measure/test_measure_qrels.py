"""Judgements survive their file, in the formats of TREC and BEIR, and damage is named."""

import gzip

import ir_measures
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from bench.measure.qrels import read_qrels, write_qrels

SMALL = {"q1": {"d1": 1, "d2": 0}, "q2": {"d1": -2}}
IDS = st.text(st.characters(exclude_characters=" \t\n\r\f\v"), min_size=1, max_size=5)
QRELS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-(10**9) + 1, 10**9 - 1), min_size=1), max_size=4)


def written(path, text):
    path.write_bytes(text.encode(errors="surrogateescape"))
    return path


@pytest.mark.parametrize("name", ["x.qrels", "x.qrels.gz"])
@given(qrels=QRELS)
def test_judgements_survive_their_file(tmp_path_factory, name, qrels):
    path = tmp_path_factory.getbasetemp() / name
    write_qrels(qrels, path)
    assert read_qrels(path) == qrels


def test_same_judgements_give_the_same_bytes_in_whatever_order_they_came(tmp_path):
    backwards = {query: dict(reversed(row.items())) for query, row in reversed(SMALL.items())}
    for name, qrels in {"a.gz": SMALL, "b.gz": backwards, "a": SMALL, "b": backwards}.items():
        write_qrels(qrels, tmp_path / name)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -2\n"
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == (tmp_path / "a").read_bytes()


def test_trec_eval_and_ir_measures_read_what_is_written(tmp_path):
    write_qrels(SMALL, tmp_path / "x")
    with (tmp_path / "x").open(encoding="utf-8") as file:
        assert pytrec_eval.parse_qrel(file) == SMALL
    theirs = ir_measures.read_trec_qrels(str(tmp_path / "x"))
    assert [(q.query_id, q.doc_id, q.relevance) for q in theirs] == [
        (q, d, g) for q, r in SMALL.items() for d, g in r.items()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -2\n",
        "q1\tQ0\td1\t+1\r\n  q1 0   d2 00\r\nq2 x d1 -2",
        "\ufeffq1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -2\n",
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td1\t-2\n",
        '\ufeffquery-id\tcorpus-id\tscore\r\nq1\td1\t1\r\n"q1"\td2\t0\r\nq2\td1\t-2',
    ],
    ids=["trec", "other white space", "trec with mark", "beir", "beir of another system"],
)
def test_both_formats_are_told_apart_by_themselves(tmp_path, text):
    assert read_qrels(written(tmp_path / "x", text)) == SMALL


def test_ids_between_tabs_may_have_blanks(tmp_path):
    path = written(tmp_path / "x.tsv", 'query-id\tcorpus-id\tscore\nq 1\tThe ""A""\t1\nq 1\t"The ""B"""\t2\n')
    assert read_qrels(path) == {"q 1": {'The ""A""': 1, 'The "B"': 2}}


def test_an_empty_file_judges_nothing(tmp_path):
    assert read_qrels(written(tmp_path / "x", "")) == {}
    assert read_qrels(written(tmp_path / "y", "query-id\tcorpus-id\tscore\n")) == {}


def test_a_query_without_judgements_leaves_no_line(tmp_path):
    write_qrels({"q1": {}, **SMALL}, tmp_path / "x")
    assert read_qrels(tmp_path / "x") == SMALL


@pytest.mark.parametrize("first", ["q0 0 a 1", "query-id\tcorpus-id\tscore"], ids=["trec", "beir"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1 0 a", "not a line of"),
        ("q1 0 a 1 more", "not a line of"),
        ("q1\ta\t1\tmore\tstill", "not a line of"),
        ("\t\t1", "not a line of"),
        ("", "not a line of"),
        ("q1 0 \udcff 1", "not a line of"),
        ('q1\t"a\t1', "not a line of"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, first, line, message):
    with pytest.raises(DataError, match=f"x:2: {message}"):
        read_qrels(written(tmp_path / "x", f"{first}\n{line}\nq0 0 b 1\n"))


@pytest.mark.parametrize("grade", ["1.0", "one", "1_0", "\u0661", "--1", "1000000000"])
@pytest.mark.parametrize("line", ["q1 0 a {}", "query-id\tcorpus-id\tscore\nq1\ta\t{}"], ids=["trec", "beir"])
def test_a_grade_that_is_no_integer_is_named(tmp_path, line, grade):
    with pytest.raises(DataError, match=rf"x:{line.count(chr(10)) + 1}: grade '{grade}' is not an integer"):
        read_qrels(written(tmp_path / "x", line.format(grade)))


@pytest.mark.parametrize("text", ["q1 0 a 1\nq2 0 a 1\nq1 1 a 1\n", "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\ta\t0\n"])
def test_a_document_judged_twice_is_named(tmp_path, text):
    with pytest.raises(DataError, match="x:3: document 'a' stands twice for query 'q1'"):
        read_qrels(written(tmp_path / "x", text))


def test_a_first_line_in_neither_format_names_both(tmp_path):
    with pytest.raises(DataError, match=r"x:1: not a line of 'query 0 document grade' \(nor is line 1 BEIR's header"):
        read_qrels(written(tmp_path / "x", "query,doc,score\n"))


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none: No such file"):
        read_qrels(tmp_path / "none")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"q1 0 a 1\nq2 0 a 1\n")[:-9])
    with pytest.raises(DataError, match=r"cannot read .*x\.gz"):
        read_qrels(tmp_path / "x.gz")


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ({"q 1": {"a": 1}}, "query id 'q 1'"),
        ({"q": {"a\tb": 1}}, r"document id 'a\\tb'"),
        ({"q": {"": 1}}, "document id ''"),
    ],
)
def test_an_id_that_would_break_the_columns_is_refused_and_nothing_written(tmp_path, qrels, message):
    with pytest.raises(DataError, match=message):
        write_qrels(qrels, tmp_path / "x")
    assert not list(tmp_path.iterdir())
