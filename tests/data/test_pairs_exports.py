"""Tables as spreadsheets and shells export them: every encoding, separator and oddity, or the line of what is wrong."""

import codecs
import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.load import open_dataset
from bench.data.tables.encoding import encoding_of
from bench.data.tables.records import json_lines, text_lines, text_of
from bench.data.tables.rows import delimiter_of, table_rows
from bench.errors import DataError

HEADER = ("Frage", "Antwort")


@pytest.fixture
def opened(tmp_path):
    return lambda path, **options: open_dataset(
        ",".join([f"pairs:{path}", *(f"{name}={value}" for name, value in options.items())]), cache=tmp_path / "cache"
    )


def written(rows, delimiter=",", lineterminator="\r\n"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=lineterminator).writerows(rows)
    return text.getvalue()


def texts(data):
    return (
        {query.text for split in (data.train, data.dev, data.test) for query in split.queries},
        {doc.text for doc in data.corpus},
    )


ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16 little": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "cp1252": lambda text: text.encode("cp1252"),
}


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_and_separator_gives_the_same_pairs(tmp_path, opened, topics, encoding, delimiter, suffix):  # noqa: PLR0917
    topics[3] = ('Größe, „Maß" à 5 € ;\nund | so\tweiter', 'erste "Zeile";\nzweite, Zeile')
    content = ENCODINGS[encoding](written([HEADER, *topics], delimiter))
    path = tmp_path / f"Unser Forum{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    data = opened(path, question="frage", solution="ANTWORT")
    assert texts(data) == ({question for question, _ in topics}, {solution for _, solution in topics})
    assert data.name == "unser-forum"
    utf8 = encoding.startswith("utf-8")
    named = "UTF-16" if encoding.startswith("utf-16") else "Windows-1252"
    assert data.facts.get("encoding") == (None if utf8 else f"the file is not UTF-8; it was read as {named}")


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
def test_the_line_that_names_the_separator_is_obeyed_and_counted(tmp_path, opened, topics, first):
    path = tmp_path / "excel.csv"
    path.write_text(first + written([("question", "answer, accepted"), *topics], ";"), encoding="utf-8-sig", newline="")
    assert len(opened(path, solution="answer, accepted").corpus) == 50
    path.write_text(first + written([("question", "answer"), topics[0], ("short",)], ";"), encoding="utf-8", newline="")
    with pytest.raises(DataError, match=r"excel\.csv:4: 1 columns where the header has 2; quote cells that hold semi"):
        opened(path)


def test_blank_rows_trailing_separators_and_a_missing_last_line_break_change_nothing(tmp_path, opened, topics):
    rows = ["", " Question ;ANSWER;;", ";;;", *(f"{q};{a};;" for q, a in topics[:25]), "", "   "]
    rows += [f"{q};{a}" for q, a in topics[25:]]
    path = tmp_path / "export.csv"
    path.write_bytes("\r\n".join(rows).encode())
    assert texts(opened(path)) == ({q for q, _ in topics}, {a for _, a in topics})
    assert "dropped" not in opened(path).facts


def test_an_unnamed_first_column_is_the_index_that_pandas_writes(tmp_path, opened, topics):
    path = tmp_path / "frame.csv"
    path.write_text(
        written([("", "question", "answer"), *((i, *pair) for i, pair in enumerate(topics))]), encoding="utf-8"
    )
    assert len(opened(path).corpus) == 50


@given(
    st.lists(st.lists(st.text("ab\",;\t|\n'", max_size=6), min_size=3, max_size=3), min_size=4, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_divides_all_rows_alike_is_the_separator(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    # Cells begin with a letter and quotes are written for whatever could divide: other separators stand inside them.
    rows = [[f"x{cell}" for cell in row] for row in [["one", "two", "three"], *rows]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    assert delimiter_of(path, "utf-8") == delimiter
    read = [list(record.fields.values()) for record in table_rows(path, "utf-8", delimiter)]
    assert read == rows[1:]


def test_a_header_that_two_separators_divide_is_decided_by_the_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("question, short;answer, long\na;b\nc, d, e;f\n", encoding="utf-8")
    assert delimiter_of(path, "utf-8") == ";"
    path.write_text("question;answer,accepted;by\na,b\nc;d;e,f\n", encoding="utf-8")
    assert delimiter_of(path, "utf-8") == ","


@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_text_of_windows_1252_is_told_from_utf_8(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(text.encode("cp1252"))
    if not text.strip():
        return
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeDecodeError:
        assert encoding_of(path, legacy=True) == "cp1252"
        assert list(text_lines(path, legacy=True)) == [(1, text)]
    else:
        assert encoding_of(path, legacy=True) == "utf-8"


TABLE = b"question,answer\r\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "p.csv",
            TABLE + "grün,é\r\n".encode() + b"gr\xfcn,b\r\n",
            r"p\.csv:3: not UTF-8 \(byte 0xfc\), but line 2 is",
        ),
        ("p.csv", TABLE + b"gr\xfcn,b\r\na,b\r\n" + "a,é\r\n".encode(), r"p\.csv:2: .*, but line 4 is: the file mixes"),
        ("p.csv", TABLE + b"a,b\r\nc,\x81\r\n", r"p\.csv:3: neither UTF-8 nor Windows-1252 \(byte 0x81\)"),
        ("p.csv", TABLE + b"a,b\r\nc,d\0e\r\n", r"p\.csv:3: a NUL byte"),
        ("p.csv", "question,answer\r\na,b\r\n".encode("utf-16-le"), r"p\.csv:1: a NUL byte, .* as UTF-8"),
        ("p.csv", "question,answer\r\né,b\r\n".encode("utf-16-le"), r"p\.csv:1: a NUL byte, .* as UTF-8"),
        ("p.csv", codecs.BOM_UTF16_LE + "question\na\nb".encode("utf-16-le") + b"x", r"p\.csv:3: not UTF-16"),
        ("p.csv", codecs.BOM_UTF16_BE + "question\na\nb".encode("utf-16-be") + b"x", r"p\.csv:3: not UTF-16"),
        ("p.csv", codecs.BOM_UTF8 + TABLE + b"a,\xe9\r\n", r"p\.csv:2: not UTF-8"),
        ("p.csv", TABLE + b'"a\r\nb",c\r\n\r\nd\r\n', r"p\.csv:5: 1 columns where the header has 2; quote cells"),
        ("p.csv", TABLE + b"a,b,c\r\n", r"p\.csv:2: 3 columns where the header has 2; quote cells that hold commas"),
        ("p.csv", b"\r\n\r\nquestion,answer,Answer ,answer\r\n", r"p\.csv:3: the header names 'answer' more than once"),
        ("p.csv", TABLE + b'a,"b\r\nc,d\r\n', r"p\.csv:2: unexpected end of data; quote fields"),
        ("p.csv", b"\xef\xbb\xbf \r\n", r"p\.csv: empty"),
        ("p.csv.gz", gzip.compress(TABLE)[:-4], r"p\.csv\.gz: damaged gzip file"),
        ("p.csv.gz", TABLE, r"p\.csv\.gz: damaged gzip file"),
        ("p.csv.gz", gzip.compress(TABLE + b"a,b\r\nc\r\n"), r"p\.csv\.gz:3: 1 columns"),
        ("p.jsonl", b'{"q": "x", "a": "y"}\n{"q": "\xe9", "a": "y"}', r"p\.jsonl:2: not UTF-8 \(byte 0xe9\)"),
        ("p.jsonl", b'{"q": "x", "a": "y"}\r{"q": "x"', r"p\.jsonl:2: not JSON"),
        ("p.jsonl.gz", gzip.compress(b'{"q": "x", "a": "y"}\n\n[]'), r"p\.jsonl\.gz:3: a list where an object"),
    ],
)
def test_damage_is_one_line_with_file_and_line(tmp_path, opened, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        opened(path)
    assert "\n" not in str(caught.value)


def test_damage_far_behind_is_found_on_its_line(tmp_path):
    path = tmp_path / "p.jsonl"
    lines = [b'{"q": "' + b"x" * 700 + b'"}'] * 5000
    lines[4321] = b'{"q": "\xff"}'
    path.write_bytes(b"\r\n".join(lines))
    with pytest.raises(DataError, match=r"p\.jsonl:4322: not UTF-8"):
        next(json_lines(path))
    lines[4321] = b'{"q": "\0"}'
    path.write_bytes(b"\r".join(lines))
    with pytest.raises(DataError, match=r"p\.jsonl:4322: a NUL byte"):
        text_of(path)


def test_a_character_across_two_blocks_is_whole(tmp_path):
    path = tmp_path / "t.csv"
    for odd in range(4):
        text = "x" * odd + "é€😀\r\n" * 200_000
        path.write_bytes(text.encode())
        assert encoding_of(path) == "utf-8"
        path.write_bytes(codecs.BOM_UTF16_BE + text.encode("utf-16-be"))
        assert text_of(path) == text.replace("\r\n", "\n")


def test_the_checksum_of_the_card_is_held(tmp_path, opened, topics):
    path = tmp_path / "p.csv"
    path.write_text(written([("q", "a"), *topics]), encoding="utf-8", newline="")
    with pytest.raises(DataError, match=r"p\.csv: sha256 is [0-9a-f]{64}, expected 0000"):
        opened(path, checksum=f"sha256:{'0' * 64}")
