"""Collections in TREC's formats: whatever way documents, topics and judgements are written, and the line of what is damaged."""

import gzip
import json
import tarfile

import pytest

from bench.data.load import open_dataset
from bench.data.tables.trec_text import documents, judgements, topics
from bench.errors import DataError

SGML = """<DOC>
<DOCNO> FT911-1 </DOCNO>
<HEADLINE>FT  14 MAY 91 / Bread &amp; Butter</HEADLINE>
<TEXT>
Prices of <b>wheat</b>
rose by 5 &gt; 4.
</TEXT>
</DOC>
<doc><docno>GX000-1</docno><dochdr>http://x.gov/ Server: y</dochdr>
<html><head><title>A page</title><style>p {}</style></head><!-- not
seen --><body>It says<script>f("x")</script> this</body></html>
</doc>
"""
TOPICS = """<top>

<num> Number: 301
<dom> Domain: Law
<title> Topic: International Organized Crime

<desc> Description:
Identify organizations that
participate.

<narr> Narrative:
A relevant document must ...
</top>
<top>
<num>302</num>
<title>Number: theory &amp; use</title>
<desc>What of it?</desc>
</top>
"""


def fields(rows):
    return [tuple(row.fields.values()) for row in rows]


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def opened(tmp_path):
    return lambda *options: open_dataset(",".join([f"trec:{tmp_path}", *options]), cache=tmp_path / ".cache")


@pytest.mark.parametrize("name", ["docs.sgml", "docs.gz"])
def test_documents_of_news_and_web_are_their_visible_text_and_their_title(file, name):
    assert list(documents(file(name, SGML))) == [
        (1, {"id": "FT911-1", "title": "FT 14 MAY 91 / Bread & Butter", "text": "Prices of wheat rose by 5 > 4."}),
        (9, {"id": "GX000-1", "title": "A page", "text": "It says this"}),
    ]


def test_documents_of_anserini_and_of_two_columns(file):
    lines = '{"id": "d1", "contents": " A text "}\n\n{"docno": 7, "Title": "T", "text": "x"}\n'
    assert fields(documents(file("corpus.jsonl", lines))) == [("d1", "", "A text"), ("7", "T", "x")]
    assert fields(documents(file("collection.tsv", 'd1\tsays "hi\n\nd2\t\n'))) == [
        ("d1", "", 'says "hi'),
        ("d2", "", ""),
    ]


def test_the_parts_of_a_topic_come_without_their_labels(file):
    path = file("topics.301-302", TOPICS)
    assert fields(topics(path, "title")) == [("301", "International Organized Crime"), ("302", "Number: theory & use")]
    assert fields(topics(path, "desc")) == [("301", "Identify organizations that participate."), ("302", "What of it?")]
    with pytest.raises(DataError, match=r"topics\.301-302:14: topic '302' has no <narr>"):
        list(topics(path, "narr"))


def test_topics_of_other_formats(file):
    for path in (file("t.tsv", "1\twhat is it\n"), file("t.jsonl", '{"qid": 1, "query": "what is it"}')):
        assert [(row.fields["id"], row.fields["text"]) for row in topics(path, "title")] == [("1", "what is it")]


def test_latin_letters_of_the_nineties_are_read(file):
    assert fields(documents(file("docs.tsv", "d1\tSão Paulo\n".encode("cp1252")))) == [("d1", "", "São Paulo")]


@pytest.fixture
def collection(file):
    """Forty documents and questions; judged are the numbers that a split lists."""

    def write(**splits):
        file("corpus/a.jsonl", "".join(json.dumps({"id": f"d{i}", "contents": f"text {i}"}) + "\n" for i in range(20)))
        file("corpus/b.tsv.gz", "".join(f"d{i}\ttext {i}\n" for i in range(20, 40)))
        file("topics.tsv", "".join(f"q{i}\tquestion alpha{i} beta{i}\n" for i in range(40)))
        for name, numbers in splits.items():
            lines = [f"q{i} 0 d{i} 1\nq{i} Q0 d{(i + 1) % 40} -1\n" for i in numbers]
            file(f"qrels.{name}.txt" if name != "only" else "qrels", "".join(lines))

    return write


def ids(split):
    return [query.id for query in split.queries]


def test_splits_are_those_of_the_qrels(collection, opened):
    collection(train=range(30), valid=[30, 31], test=[32, 33])
    data = opened()
    assert (len(data.train.queries), ids(data.dev), ids(data.test)) == (30, ["q30", "q31"], ["q32", "q33"])
    assert data.test.qrels["q33"] == {"d33": 1, "d34": -1}
    assert (len(data.corpus), data.pool, data.facts["split"]) == (40, "all", "as given: held out is qrels.test.txt")


def test_without_dev_a_tenth_of_train_serves(collection, opened):
    collection(train=range(30), test=[32, 33])
    data = opened()
    assert (len(data.train.queries), len(data.dev.queries)) == (27, 3)
    assert not set(ids(data.train)) & set(ids(data.dev))


def test_a_single_qrels_file_is_held_out_whole_or_divided_where_asked(collection, opened):
    collection(only=range(40))
    assert [len(split.queries) for split in (opened().train, opened().test)] == [0, 40]
    data = opened("qrels=qrels")
    assert [len(split.queries) for split in (data.train, data.dev, data.test)] == [32, 4, 4]
    assert data.facts["split"] == "by group, from qrels"


@pytest.mark.parametrize(
    ("rule", "option", "message"),
    [
        ("by-group", "test", r"split by 'by-group', but it comes with its splits; choose official"),
        ("official", "qrels", r"split by 'official', but no question has a split or a date; choose by-group"),
    ],
)
def test_a_split_rule_that_does_not_fit_is_refused(collection, tmp_path, rule, option, message):
    collection(only=range(40))
    lines = ["schema = 1", 'name = "robust"', "version = 1", 'title = "t"', 'description = "d"', 'language = "en"']
    lines += ['licence = "l"', "[source]", 'kind = "trec"', 'path = "."', f'{option} = "qrels"']
    lines += ["[split]", f'rule = "{rule}"']
    (tmp_path / "robust.toml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        open_dataset("robust", cards=[tmp_path], cache=tmp_path / ".cache")


def test_files_of_other_names_are_given_as_options(collection, opened, file):
    collection(a=range(30), b=[31, 32])
    with pytest.raises(DataError, match=r"whose judgements are qrels\.a\.txt, qrels\.b\.txt\? Set test=FILE"):
        opened()
    data = opened("test=qrels.b.txt", "train=qrels.a.txt", "documents=corpus/a.jsonl+corpus/b.tsv.gz")
    assert ids(data.test) == ["q31", "q32"]
    with pytest.raises(DataError, match=r"not both"):
        opened("qrels=qrels.a.txt", "test=qrels.b.txt")


def test_a_question_of_train_that_stands_in_test_is_left_out(collection, opened, file):
    collection(train=range(30), test=[32])
    file(
        "topics.tsv",
        "".join(f"q{i}\t{'The  same' if i == 3 else 'the SAME' if i == 32 else f'x{i}'}\n" for i in range(40)),
    )
    data = opened()
    assert "q3" not in {*ids(data.train), *ids(data.dev)}
    assert data.facts["dropped"] == "1 questions of train that stand word for word in a later split"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("corpus/a.jsonl", "<DOC>\n<DOCNO>d1</DOCNO>\n<DOC>\n", r"a\.jsonl:3: <DOC> inside the one .* line 1"),
        ("corpus/a.jsonl", "<DOC>\n<DOCNO>d1</DOCNO>\nx\n", r"a\.jsonl:1: <DOC> without a </DOC>"),
        ("corpus/a.jsonl", "<DOC>\n</DOC>\n", r"a\.jsonl:1: a <DOC> without a <DOCNO>"),
        ("corpus/a.jsonl", "<x>\n</DOC>\n", r"a\.jsonl:2: </DOC> without a <DOC> before it"),
        ("corpus/a.jsonl", "<x>\n", r"a\.jsonl: no <DOC> in it"),
        ("corpus/a.jsonl", "<DOC><DOCNO>d1</DOCNO></DOC>\nlost\n", r"a\.jsonl:2: 'lost' stands outside of a <DOC>"),
        (
            "corpus/a.jsonl",
            "<DOC><DOCNO>d1</DOCNO></DOC><DOC><DOCNO>d2</DOCNO></DOC>",
            r"a\.jsonl:1: '<DOC>.* stands outside of a <DOC>",
        ),
        ("corpus/a.jsonl", '{"id": "d1", "contents": "x"}\n{"id": "d1"', r"a\.jsonl:2: not JSON"),
        ("corpus/a.jsonl", '{"id": "d1", "txt": "x"}', r"a\.jsonl:1: none of contents, .*; there are 'id', 'txt'"),
        ("corpus/a.jsonl", '{"id": "d1", "contents": ["x"]}', r"a\.jsonl:1: \['x'\] stands where a text should"),
        ("corpus/a.jsonl", '{"id": null, "contents": "x"}', r"a\.jsonl:1: the id is None"),
        ("corpus/a.jsonl", "d1\tx\ty\n", r"a\.jsonl:1: 2 tabs; there must be one"),
        ("corpus/a.jsonl", "d1\tx\nd1 x\n", r"a\.jsonl:2: 0 tabs; there must be one"),
        ("corpus/a.jsonl", "\tx\n", r"a\.jsonl:1: no id before the tab"),
        ("corpus/a.jsonl", "d20\tx\n", r"b\.tsv\.gz:1: document 'd20' stands in .*a\.jsonl:1 too"),
        ("corpus/a.jsonl", "", r"a\.jsonl: empty"),
        ("topics.tsv", "<top>\n<title> x\n</top>\n", r"topics\.tsv:1: a <top> without a <num>"),
        ("topics.tsv", "<top>\n<num> 1\n<desc> x\n</top>\n", r"topics\.tsv:1: topic '1' has no <title>"),
        ("topics.tsv", "q1\tx\n\nq1\ty\n", r"topics\.tsv:3: question 'q1' stands in .*topics\.tsv:1 too"),
        ("topics.tsv", "q1\t \n", r"topics\.tsv:1: question 'q1' is empty"),
        (
            "qrels.test.txt",
            "q1 0 d1 1\nq1 d2 1\n",
            r"test\.txt:2: 3 columns; there must be query, 0, document and grade",
        ),
        ("qrels.test.txt", "q1 0 d1 1\nq1 0 d2 1.5\n", r"test\.txt:2: grade '1\.5' is not a whole number"),
        ("qrels.test.txt", "q1 0 d1 1\nq99 0 d2 1\n", r"test\.txt:2: no question 'q99' among the 40"),
        ("qrels.test.txt", "q1 0 d1 1\nq1 0 d99 1\n", r"test\.txt:2: no document 'd99' among the 40"),
        ("qrels.test.txt", "q1 0 d1 1\nq1 0 d1 0\n", r"test\.txt:2: .* was judged 1 before and 0 here"),
        ("qrels.test.txt", "q1 0 d1 0\n", r"qrels\.test\.txt: no question has a relevant document"),
    ],
)
def test_damage_is_one_line_with_file_and_line(collection, file, opened, name, content, message):  # noqa: PLR0917
    collection(test=range(40))
    file(name, content)
    with pytest.raises(DataError, match=message) as caught:
        opened()
    assert "\n" not in str(caught.value)


def test_an_archive_of_the_folder_is_the_folder(collection, opened, tmp_path, tmp_path_factory):
    collection(train=range(30), test=[32, 33])
    archive = tmp_path_factory.mktemp("archive") / "Robust 04.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path, "robust", filter=lambda member: None if ".cache" in member.name else member)
    data = open_dataset(f"trec:{archive}", cache=tmp_path_factory.mktemp("cache"))
    assert (data.name, data.fingerprint) == ("robust-04", opened().fingerprint)
    with pytest.raises(DataError, match=r"sha256 is .*, expected 00"):
        open_dataset(f"trec:{archive},checksum=sha256:{'0' * 64}", cache=tmp_path_factory.mktemp("cache"))


def test_what_is_missing_is_named_with_what_to_call_it(tmp_path, collection, opened, file):
    with pytest.raises(DataError, match=r"none: no such folder or archive"):
        open_dataset(f"trec:{tmp_path / 'none'}", cache=tmp_path / ".cache")
    collection(train=[1])
    with pytest.raises(DataError, match=r"no judgements of held-out questions; call the file qrels\.test"):
        opened()
    file("qrels.test", "q1 0 d1 1\n")
    (tmp_path / "topics.tsv").unlink()
    with pytest.raises(DataError, match=r"no topics; call the file or folder topics or queries, or set topics=NAME"):
        opened()
    with pytest.raises(DataError, match=r"other\.tsv: cannot be read: No such file"):
        opened("topics=other.tsv")


def test_a_repeated_judgement_of_the_same_grade_is_one(file):
    assert [row.fields["grade"] for row in judgements(file("q", "q1 0 d1 1\nq1 0 d1 1\n\nq1 0 d2 -2\n"))] == [1, 1, -2]
