"""Pulling a forum: complete under faults, each answer asked for once, what is gone left out."""

import json
from collections import Counter

import pytest
from discourse_server import (
    BUSY,
    CUT,
    DELETED,
    FORBIDDEN,
    HANG_UP,
    LONG,
    NOT_FOUND,
    SHORT,
    WAIT,
    Answer,
    Forum,
    Loopback,
    monthly,
    post,
    topic,
)

from bench.data.forums.discourse_pull import Bounds, pull
from bench.data.forums.discourse_topics import read_topics, topic_files
from bench.data.load import open_card, source_of
from bench.data.source import Opening
from bench.data.web.http import Client
from bench.errors import DataError

MOVED = 5


@pytest.fixture
def pulled(tmp_path):
    def run(forum, bounds=Bounds(), name="pull"):  # noqa: B008 - frozen
        def client():
            return Client(per_second=10_000, backoff=0.001)

        return pull(forum.url, bounds, tmp_path / name, client, lambda *_: None)

    return run


def told(done):
    dropped = Counter()
    found = list(read_topics(topic_files(done.folder, set(done.topics)), dropped))
    return found, dropped


def test_every_post_of_every_topic_comes_once(pulled):
    with Forum(monthly()).running() as forum:
        found, dropped = told(pulled(forum))
    assert {one.id: [post.id for post in one.posts] for one in found} == {
        one["id"]: [post["id"] for post in one["post_stream"]["posts"]] for one in monthly()
    }
    assert not dropped
    assert not any(one.unread for one in found)
    # 4 pages of the list, 14 topics, and 45 further posts of one in portions of 20
    assert len(forum.asked()) == len(set(forum.asked())) == 4 + 14 + 3
    assert forum.paths.count("/robots.txt") == 1


def test_a_finished_pull_asks_nothing(pulled):
    with Forum(monthly()).running() as forum:
        first = pulled(forum)
        before = len(forum.paths)
        assert pulled(forum) == first
        assert len(forum.paths) == before
    assert pulled(forum) == first  # nor does it need the server


def test_faults_on_the_way_change_nothing(pulled):
    faults = {
        "/latest.json": [BUSY, WAIT],
        "/t/1.json": [WAIT],
        "/t/2.json": [BUSY, BUSY],
        "/t/4.json": [CUT, SHORT],
        "/t/6.json": [HANG_UP],
        f"/t/{LONG}/posts.json": [WAIT, SHORT, CUT, BUSY],
    }
    with Forum(monthly()).running() as calm:
        expected = told(pulled(calm, name="calm"))
    with Forum(monthly(), faults).running() as forum:
        done = pulled(forum)
        assert told(done) == expected
        assert len(forum.asked()) == len(calm.asked()) + sum(map(len, faults.values()))
    assert not any(forum.faults.values())


@pytest.mark.parametrize("gone", [NOT_FOUND, FORBIDDEN, DELETED])
@pytest.mark.parametrize("path", [f"/t/{LONG}.json", f"/t/{LONG}/posts.json"])
def test_a_topic_that_is_gone_meanwhile_is_left_out_for_good(pulled, gone, path):
    with Forum(monthly(), {path: [gone]}).running() as forum:
        found, dropped = told(pulled(forum))
        assert [one.id for one in found] == [n for n in range(1, 15) if n != LONG]
        assert dropped == {"topics deleted or closed before they were read": 1}
        asked = len(forum.asked())
        pulled(forum, Bounds(topics=14))  # other bounds look for the same topics again
        assert len(forum.asked()) == asked


def test_a_wall_in_front_of_the_forum_is_not_taken_for_deleted_topics(pulled, tmp_path):
    wall = Answer(403, b"<!DOCTYPE html><title>Attention Required!</title>")
    with Forum(monthly(), {"/t/9.json": [wall]}).running() as forum:
        with pytest.raises(DataError, match=r"/t/9\.json.*: 403"):
            pulled(forum)
        asked = forum.asked()
        assert not (tmp_path / "pull" / "topics" / "9.json").exists()
        del forum.faults["/t/9.json"]
        found, _ = told(pulled(forum))
    assert len(found) == 14
    assert Counter(forum.asked()) == Counter({*asked, *forum.asked()}) + Counter(asked[-1:])


def test_wider_bounds_ask_only_for_what_is_not_there(pulled):
    with Forum(monthly()).running() as forum:
        few = pulled(forum, Bounds(topics=5))
        assert few.topics == (14, 13, 12, 11, 10)
        assert len(forum.asked()) == 2 + 5
        more = pulled(forum, Bounds(topics=7))
        assert more.topics == (14, 13, 12, 11, 10, 9, 8)
        assert len(forum.asked()) == 2 + 7
        pulled(forum)
        assert len(forum.asked()) == len(set(forum.asked())) == 4 + 14 + 3
        assert pulled(forum, Bounds(topics=5)) == few


def test_the_list_ends_where_topics_are_older(pulled):
    with Forum(monthly()).running() as forum:
        recent = pulled(forum, Bounds(since=1609459200.0))  # 2021-01-01
        assert recent.topics == (14, 13, 12)
        assert len(forum.asked()) == 2 + 3


def test_one_category_is_listed_by_its_own_address(pulled):
    with Forum(monthly()).running() as forum:
        assert pulled(forum, Bounds(category="help/8")).topics == (14, 12, 10, 8, 6, 4, 2)
    assert forum.asked()[0].startswith("/c/help/8/l/latest.json?order=created")


def test_what_the_list_shows_to_have_no_solution_is_not_asked_for(pulled):
    alone = topic(90, "Nobody answers", [post(90_001, 1)])
    solved = topic(91, "Somebody answers", [post(91_001, 1), post(91_002, 2, accepted_answer=True)])
    with Forum([*monthly(), alone, solved]).running() as forum:
        done = pulled(forum, Bounds(accepted=True))
        assert done.topics == (91,)
        assert done.skipped == {"topics without a reply": 1, "topics without accepted answer": 14}
        assert [path for path in forum.asked() if "/t/" in path] == ["/t/91.json?include_raw=true"]


def test_a_topic_that_slides_to_the_next_page_counts_once(pulled):
    """Between two pages somebody begins a topic, so that the last of one page stands on the next again."""
    with Forum(monthly()).running() as forum:
        seen = []

        def begin_another():
            if not seen and forum.paths[-1].startswith("/latest.json"):
                seen.append(True)
                new = topic(99, "New", [post(99_001, 1), post(99_002, 2)], created_at="2022-01-01T00:00:00.000Z")
                forum.topics[99] = new

        forum.after_body = begin_another
        assert pulled(forum).topics == tuple(range(14, 0, -1))


def test_a_merged_topic_counts_once(pulled):
    """The address of a merged topic leads to the one that it became part of."""
    moved = Answer(200, json.dumps(monthly()[0]).encode())
    with Forum(monthly(), {f"/t/{MOVED}.json": [moved]}).running() as forum:
        found, dropped = told(pulled(forum))
    assert len(found) == 13
    assert dropped == {"topics merged into another": 1}


@pytest.mark.parametrize("body", [b'{"a": 1}', b"[]", b'{"topic_list": {"topics": null}}', b'{"topic_list": null}'])
def test_another_site_is_told_apart_and_nothing_is_kept(pulled, tmp_path, body):
    with (
        Loopback(lambda path: Answer(404) if path == "/robots.txt" else Answer(200, body)).running() as site,
        pytest.raises(DataError, match=r"latest\.json: no list of topics; is this the address of a Discourse forum"),
    ):
        pulled(site)
    assert not (tmp_path / "pull" / "lists").exists()


def test_a_damaged_file_is_named_and_what_is_deleted_is_read_again(pulled, tmp_path):
    with Forum(monthly()).running() as forum:
        done = pulled(forum)
        (done.folder / "4.json").write_text('{"id": 4, "post', encoding="utf-8")
        with pytest.raises(DataError, match=r"4\.json is damaged.*delete it"):
            told(done)
        (done.folder / "4.json").unlink()
        (done.folder / f"{LONG}-2.json").unlink()
        asked = len(forum.asked())
        assert pulled(forum) == done
        assert [path.partition("?")[0] for path in forum.asked()[asked:]] == ["/t/4.json", f"/t/{LONG}/posts.json"]


def test_a_collection_is_pulled_once_and_again_on_request(tmp_path):
    with Forum(monthly()).running() as forum:

        def versions(options=""):
            card = open_card(f"discourse:{forum.url}/{options},per_second=10000")
            return source_of(card).versions(Opening(card, tmp_path, tmp_path / "cache", lambda *_: None))

        first = versions()
        assert len(forum.asked()) == 21
        assert versions() == first
        assert len(forum.asked()) == 21
        assert versions(",refresh=today") == first
        assert len(forum.asked()) == 42
        assert versions(",refresh=today") == first
        assert len(forum.asked()) == 42
        forum.topics[14]["post_stream"]["posts"][1]["cooked"] = "<p>Better.</p>"
        assert versions(",refresh=tomorrow") != first
