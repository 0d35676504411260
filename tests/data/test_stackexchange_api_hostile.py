"""The key of the Stack Exchange API is sent to it alone and kept nowhere, and answers of another form are refused."""

import pytest
from stack_api_server import ids, numbers

from bench.data.forums import stack_api
from bench.data.load import open_dataset
from bench.errors import DataError


def test_a_refused_request_says_what_may_be_wrong(api, open_api):
    api.fail[1] = (400, {}, {"error_name": "bad_parameter"})
    with pytest.raises(DataError, match=r"400 Bad Request; the site, the tag or the key is wrong, or the quota"):
        open_api()


def test_the_key_is_sent_and_nowhere_kept(api, open_api, tmp_path, monkeypatch):
    monkeypatch.setattr(stack_api, "KEY_ORIGINS", {api.address})
    api.key = "s3cr3t((+"
    (tmp_path / "key.txt").write_text(f"{api.key}\n", encoding="utf-8")
    api.fail[2] = (400, {}, {})
    with pytest.raises(DataError, match="key=KEY") as caught:
        open_api(f",key={tmp_path / 'key.txt'}")
    assert "s3cr3t" not in str(caught.value)
    data = open_api(f",key={tmp_path / 'key.txt'}")
    assert {parameters.get("key") for _, parameters in api.log} == {api.key}
    assert "s3cr3t" not in repr(data)
    for path in (tmp_path / "cache").rglob("*"):
        assert "s3cr3t" not in path.name
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes()


@pytest.mark.parametrize("origin", ["", "http://api.stackexchange.com", "https://api.stackexchange.com.example.org"])
def test_a_key_goes_to_no_other_address(api, open_api, tmp_path, origin):
    (tmp_path / "key.txt").write_text("s3cr3t", encoding="utf-8")
    text = f"stackexchange:{origin or api.address},site=stackoverflow,key={tmp_path / 'key.txt'}"
    with pytest.raises(DataError, match=r"a key is only sent to https://api\.stackexchange\.com; leave key= out"):
        open_dataset(text, cache=tmp_path / "cache")
    assert not api.log


@pytest.mark.parametrize("content", ["two words", "one\nline\nmore", "", "x" * 101])
def test_a_file_that_holds_no_key_is_not_sent(api, open_api, tmp_path, monkeypatch, content):
    monkeypatch.setattr(stack_api, "KEY_ORIGINS", {api.address})
    (tmp_path / "key.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="a file that does not hold a key"):
        open_api(f",key={tmp_path / 'key.txt'}")
    assert not api.log


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("https://user:s3cr3t@127.0.0.1:9", "a user"),
        ("https://127.0.0.1:9/?token=s3cr3t", "without what follows the path"),
        ("https://[x", "not an address"),
    ],
)
def test_an_address_with_more_than_a_place_is_refused(tmp_path, origin, message):
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(f"stackexchange:{origin},site=stackoverflow", cache=tmp_path / "cache")
    assert "s3cr3t" not in str(caught.value)


def test_a_cache_folder_that_cannot_be_one_is_named(api, tmp_path):
    harvest = stack_api.Harvest(api.address, "stackoverflow", "pytorch", 100, 500)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file/stackexchange/.*: cannot be used: Not a directory"):
        stack_api.harvested(harvest, tmp_path / "file", "", lambda *_: None)
    assert not api.log


def test_a_key_given_in_place_of_its_file_is_not_repeated(open_api):
    with pytest.raises(DataError, match="key= names no file that can be read; put the key into a file") as caught:
        open_api(",key=s3cr3t")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"items": []}, r"not as the API documents: Object missing required field `has_more`"),
        (
            {"items": [{"question_id": 1}], "has_more": False, "quota_remaining": 1},
            r"missing required field .*\$\.items",
        ),
        (["no object"], r"not as the API documents: Expected `object`, got `array`"),
    ],
)
def test_an_answer_of_another_form_is_refused_and_not_stored(api, open_api, tmp_path, body, message):
    api.fail[1] = (200, {}, body)
    with pytest.raises(DataError, match=message):
        open_api()
    assert not list((tmp_path / "cache").rglob("page-*.json"))
    assert ids(open_api()) == numbers(230)
