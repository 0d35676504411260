"""Files appear whole or not at all, and whatever goes wrong is one line that names the file."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import files
from bench.errors import StoreError
from bench.files import read_json, write_bytes, write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_folders_on_the_way_are_made_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "reports" / "mine" / "report.md"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "chmod"])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    path = tmp_path / "outcome.json"
    write_bytes(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(StoreError, match=r"cannot write .*outcome\.json: No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "outcome.json"
    write_bytes(path, b"old")

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    path = tmp_path / "outcome.json"
    named = []
    sync = os.fsync

    def noted(number):
        named.append(path.exists())
        sync(number)

    monkeypatch.setattr(files.os, "fsync", noted)
    write_bytes(path, b"content")
    assert named == [False]


@given(VALUES)
def test_json_comes_back_as_it_was(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_unpaired_surrogates_come_back(tmp_path):
    """A text read from JSON may hold them: the escape is legal, UTF-8 has no bytes for it."""
    text = json.loads(r'"emoji cut in half: \ud83d"')
    write_json(tmp_path / "value.json", {text: [text]})
    assert read_json(tmp_path / "value.json") == {text: [text]}


def test_the_same_data_gives_the_same_bytes_in_its_own_order(tmp_path):
    write_json(tmp_path / "value.json", {"b": 1, "a": 0.1})
    assert (tmp_path / "value.json").read_bytes() == b'{"b":1,"a":0.1}\n'


@pytest.mark.parametrize("content", [b'{"cut": ', b"\xff\xfe"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"value\.json is damaged: .+") as caught:
        read_json(tmp_path / "value.json")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_that_cannot_be_written_are_named(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read .*absent\.json: No such file or directory"):
        read_json(tmp_path / "absent.json")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=r"cannot write .*value\.json: "):
        write_json(tmp_path / "file" / "value.json", 1)
