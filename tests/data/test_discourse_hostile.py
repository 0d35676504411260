"""A forum that wants to harm who reads it: paths for ids, lists without end, titles that take for ever, tokens in addresses."""

import json
import threading

import pytest
from discourse_server import Answer, Forum, Loopback, monthly, post, topic

from bench.data.forums import parsers
from bench.data.forums.discourse_pull import Bounds, pull
from bench.data.forums.discourse_solutions import cleaned_title
from bench.data.load import open_card, open_dataset
from bench.data.source import Opening
from bench.data.sources.discourse import Discourse
from bench.data.sources.stackexchange import StackExchange
from bench.data.web.http import Client
from bench.errors import DataError


def client():
    return Client(per_second=10_000, backoff=0.001)


@pytest.fixture
def pulled(tmp_path):
    return lambda forum: pull(forum.url, Bounds(), tmp_path / "pull", client, lambda *_: None)


def listing(*ids, more=False):
    return json.dumps(
        {"topic_list": {"topics": [{"id": name} for name in ids], **({"more_topics_url": "/x"} if more else {})}}
    ).encode()


@pytest.mark.parametrize("name", ["../../../evil", "7", True, 0, -1, 1.0, None, [1], {"a": 1}])
def test_a_topic_whose_id_is_no_number_above_0_is_refused(pulled, tmp_path, name):
    with (
        Loopback(lambda path: Answer(404 if "robots" in path else 200, listing(name))).running() as forum,
        pytest.raises(DataError, match=r"latest\.json: a topic has the id .*, which is no number above 0"),
    ):
        pulled(forum)
    assert {path.name for path in tmp_path.rglob("*.json")} <= {"begun.json"}


def test_a_stored_list_is_checked_as_well(pulled, tmp_path):
    with Forum(monthly(2)).running() as forum:
        pulled(forum)
        for done in (tmp_path / "pull").glob("finished-*"):
            done.unlink()
        (tmp_path / "pull" / "lists" / "0.json").write_bytes(listing("../x"))
        with pytest.raises(DataError, match=r"lists/0\.json: a topic has the id '\.\./x'"):
            pulled(forum)


@pytest.mark.parametrize("stream", [[[1], [2]], ["../x"], [True], [0], [{}]])
def test_a_post_whose_id_is_no_number_above_0_is_refused(pulled, tmp_path, stream):
    told = topic(1, "How", [post(11, 1), post(12, 2)])
    told["post_stream"]["stream"] = stream
    with Forum(monthly(1), {"/t/1.json": [Answer(200, json.dumps(told).encode())]}).running() as forum:
        with pytest.raises(DataError, match=r"t/1\.json: post_stream names a post .*, which is no number above 0"):
            pulled(forum)
        assert not (tmp_path / "pull" / "topics" / "1.json").exists()
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "1.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DataError, match=r"1\.json: topic 1: post_stream names a post"):
        open_dataset(f"discourse:{tmp_path / 'saved'}", cache=tmp_path / "cache")


def test_a_post_that_came_with_a_list_for_an_id_is_refused(pulled, tmp_path):
    told = topic(1, "How", [post([11], 1), post(12, 2)])
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "1.json").write_text(json.dumps(told), encoding="utf-8")
    with Forum(monthly(1), {"/t/1.json": [Answer(200, json.dumps(told).encode())]}).running() as forum:
        pulled(forum)
    with pytest.raises(DataError, match=r"post \[11\]: id is \[11\], not a whole number"):
        open_dataset(f"discourse:{tmp_path / 'saved'}", cache=tmp_path / "cache")


class Deaf(Forum):
    """Answers its first page to every number, and always promises another."""

    def _page(self, number, category):
        told = super()._page(0, category)
        told["topic_list"]["more_topics_url"] = "/latest?page=1"
        return told


def test_a_forum_that_ignores_the_page_is_not_asked_for_ever(pulled):
    with Deaf(monthly(3)).running() as forum:
        assert pulled(forum).topics == (3, 2, 1)
        assert len([path for path in forum.asked() if path.startswith("/latest")]) == 3


def test_as_many_new_topics_as_a_page_holds_do_not_end_a_pull_that_goes_on(pulled):
    with Forum(monthly(10)).running() as forum:
        real = forum._page

        def shifted(number, category):
            if number:
                for name in range(11, 11 + forum.PAGE):
                    forum.topics[name] = topic(name, f"New {name}", [post(name, 1)], created_at="2029-01-01T00:00:00Z")
            return real(number, category)

        forum._page = shifted
        assert pulled(forum).topics == tuple(range(10, 0, -1))


def test_two_pulls_at_once_are_one(tmp_path):
    done = []
    with Forum(monthly(6)).running() as forum:

        def run():
            done.append(pull(forum.url, Bounds(), tmp_path / "pull", client, lambda *_: None))

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(forum.asked()) == len(set(forum.asked()))
    assert len(done) == 3
    assert done[0] == done[1] == done[2]


def test_a_cache_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file/pull: cannot be used: Not a directory"):
        pull("http://127.0.0.1:9", Bounds(), tmp_path / "file" / "pull", client, lambda *_: None)


@pytest.mark.parametrize("title", ["[solved " * 50_000, "-" * 400_000, "is " * 200_000, " :" * 200_000 + "x"])
def test_a_title_without_end_takes_no_time_without_end(title):
    assert len(cleaned_title(title)) <= 500


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://user:s3cr3t@127.0.0.1:9", "a user"),
        ("http://127.0.0.1:9/?api_key=s3cr3t", "give the address at which the forum begins"),
        ("http://127.0.0.1:9/#s3cr3t", "give the address at which the forum begins"),
        ("http://[x", "not an address"),
        ("http://host:port", "not an address"),
        ("https:///x", "not an address"),
    ],
)
def test_an_address_with_more_than_a_place_is_refused(tmp_path, address, message):
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(f"discourse:{address}", cache=tmp_path / "cache")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("since", ["2020-01-31T12:00", "2020-01-31T00:00:00+02:00", "2020-01-31 12:00", "2020"])
def test_a_time_of_day_is_no_day(tmp_path, since):
    with pytest.raises(DataError, match="is no day such as 2020-01-31"):
        open_dataset(f"discourse:http://127.0.0.1:9,since={since}", cache=tmp_path / "cache")


def test_another_version_of_a_parser_is_another_collection(tmp_path, monkeypatch):
    (tmp_path / "1.json").write_text(json.dumps(monthly(1)[0]), encoding="utf-8")
    (tmp_path / "Posts.xml").write_text("<posts/>", encoding="utf-8")
    opening = Opening(open_card(f"discourse:{tmp_path}"), tmp_path, tmp_path / "cache", lambda *_: None)
    sources = Discourse(str(tmp_path)), StackExchange(str(tmp_path / "Posts.xml"))
    before = [source.versions(opening) for source in sources]
    assert all({"selectolax", "markdown-it-py"} <= set(versions) for versions in before)
    monkeypatch.setattr(parsers, "version", lambda _: "999")
    after = [source.versions(opening) for source in sources]
    assert all(one != other for one, other in zip(before, after, strict=True))
