"""Records and lines of text files: whatever the line breaks, the mark in front and the packing."""

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.tables.records import content_hash, json_lines, text_lines, text_of
from bench.errors import DataError


@given(
    st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n \n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.booleans(),
)
def test_objects_are_read_back_with_the_line_each_stands_on(tmp_path_factory, rows, end, encoding, last, packed):  # noqa: PLR0917
    path = tmp_path_factory.mktemp("records") / f"r.jsonl{'.gz' if packed else ''}"
    text = end.join(json.dumps(row, ensure_ascii=False) for row in rows) + (end if last else "")
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    step = 3 if end.startswith("\n\n") else 1
    assert list(json_lines(path)) == [(1 + step * i, row) for i, row in enumerate(rows)]


def test_only_line_breaks_break_lines(tmp_path):
    path = tmp_path / "t"
    text = "a\u2028b\x0bc\x0cd\x85e\nf"
    path.write_bytes(text.encode())
    assert list(text_lines(path)) == [(1, "a\u2028b\x0bc\x0cd\x85e"), (2, "f")]
    assert text_of(path) == text


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none: cannot be read: No such file"):
        text_of(tmp_path / "none")
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        text_of(tmp_path)
    with pytest.raises(DataError, match=r"none: cannot be read"):
        content_hash(tmp_path / "none")


def test_the_hash_of_files_depends_on_their_bytes_and_where_they_end(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"12")
    b.write_bytes(b"3")
    first = content_hash(a, b)
    assert first == hashlib.sha256(hashlib.sha256(b"12").digest() + hashlib.sha256(b"3").digest()).hexdigest()
    a.write_bytes(b"1")
    b.write_bytes(b"23")
    assert content_hash(a, b) != first
