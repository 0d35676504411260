"""A polite client: its pace, what it waits for, what it gives up on, what it may not read; against servers that misbehave."""

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from discourse_server import HANG_UP, Answer, Loopback

from bench import __version__
from bench.data.web import http as module
from bench.data.web.answers import AnswerError
from bench.data.web.http import Client
from bench.errors import DataError

GOOD = Answer(200, b'{"all": "well"}')
NO_RULES = Answer(404)


@pytest.fixture
def served():
    """Start a server: path -> answer, or a list of answers that come one after the other, the last for ever."""
    running = []

    def start(pages, rules=NO_RULES):
        waiting = {path: list(one) if isinstance(one, list) else [one] for path, one in pages.items()}
        waiting.setdefault("/robots.txt", [rules])

        def answer(path):
            answers = waiting[path]
            return answers.pop(0) if len(answers) > 1 else answers[0]

        context = Loopback(answer).running()
        running.append(context)
        return context.__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)


def client(**options):
    return Client(**{"per_second": 1000, "backoff": 0.001, "attempts": 4, "timeout": 5, **options})


def gaps(server):
    return [later - earlier for earlier, later in zip(server.moments, server.moments[1:], strict=False)]


def test_requests_keep_their_distance(served):
    server = served({"/a": GOOD})
    reader = client(per_second=20)
    for _ in range(4):
        reader.get(f"{server.url}/a")
    # Five requests take four intervals; the first one is noted late by what it takes to connect.
    assert sum(gaps(server)) >= 3 / 20


def test_the_tool_names_itself_and_accepts_gzip(served):
    packed = Answer(200, gzip.compress(GOOD.body), (("Content-Encoding", "gzip"),))
    server = served({"/a": packed})
    assert client().get(f"{server.url}/a") == GOOD.body
    assert {told["User-Agent"] for told in server.headers} == {f"retrieverbench/{__version__}"}
    assert all(told["Accept-Encoding"] == "gzip" for told in server.headers)


def test_a_sequence_repeats_its_parameter(served):
    server = served({"/a?post_ids%5B%5D=1&post_ids%5B%5D=2&page=0": GOOD})
    assert client().get_json(f"{server.url}/a", {"post_ids[]": [1, 2], "page": 0}) == {"all": "well"}


def waits():
    soon = datetime.now(UTC) + timedelta(seconds=2)
    return {
        "seconds": Answer(429, b"", (("Retry-After", "1"),)),
        "date": Answer(503, b"", (("Retry-After", format_datetime(soon, usegmt=True)),)),
        "discourse": Answer(429, b'{"error_type":"rate_limit","extras":{"wait_seconds":0.7,"time_left":"1 second"}}'),
        "longest": Answer(429, b'{"extras":{"wait_seconds":0.7}}', (("Retry-After", "0"),)),
    }


@pytest.mark.parametrize(
    ("kind", "least"), [("seconds", 1.0), ("date", 0.9), ("discourse", 0.7), ("longest", 0.7)], ids=str
)
def test_a_busy_server_is_given_the_time_that_it_asks_for(served, kind, least):
    server = served({"/a": [waits()[kind], GOOD]})
    assert client().get(f"{server.url}/a") == GOOD.body
    assert server.paths == ["/robots.txt", "/a", "/a"]
    assert gaps(server)[1] >= least - 0.02


@pytest.mark.parametrize(
    "header", ["soon", "-5", "", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 -0000"]
)
def test_a_wait_that_says_nothing_is_the_usual_one(served, header):
    server = served({"/a": [Answer(429, b"[]", (("Retry-After", header),)), GOOD]})
    assert client().get(f"{server.url}/a") == GOOD.body


def test_hours_are_not_waited_for(served):
    server = served({"/a": Answer(429, b"", (("Retry-After", "7200"),))})
    with pytest.raises(AnswerError, match=r"/a: 429 .*asks to wait 7,200 s") as caught:
        client().get(f"{server.url}/a")
    assert caught.value.status == 429
    assert server.paths.count("/a") == 1


PASSING = {
    **{str(status): Answer(status, b"<html>Bad gateway</html>") for status in (502, 503, 504, 522)},
    "closed without a word": HANG_UP,
    "fewer bytes than promised": Answer(200, b'{"all": "we', promised=15),
    "gzip that is none": Answer(200, GOOD.body, (("Content-Encoding", "gzip"),)),
    "JSON cut off": Answer(200, b'{"all": "we'),
    "a page instead of JSON": Answer(200, b"<!DOCTYPE html><title>Just a moment...</title>"),
    "not UTF-8": Answer(200, b'{"all": "\xff"}'),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again(served, fault):
    server = served({"/a": [PASSING[fault]] * 3 + [GOOD]})
    assert client().get_json(f"{server.url}/a") == {"all": "well"}
    assert server.paths.count("/a") == 4


@pytest.mark.parametrize("fault", PASSING)
def test_patience_ends_in_one_line_that_names_the_address(served, fault):
    server = served({"/a": PASSING[fault]})
    with pytest.raises(DataError) as caught:
        client(attempts=3).get_json(f"{server.url}/a")
    assert server.paths.count("/a") == 3
    assert str(caught.value).startswith(f"{server.url}/a: ")
    assert "in 3 attempts" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not fault.isdigit() or fault in str(caught.value)


def test_the_waits_between_attempts_double(served):
    server = served({"/a": [PASSING["502"]] * 3 + [GOOD]})
    client(backoff=0.05).get(f"{server.url}/a")
    for gap, least in zip(gaps(server)[1:], (0.05, 0.1, 0.2), strict=True):
        assert gap >= least - 0.02


def test_nobody_listens():
    with Loopback(lambda _: GOOD).running() as server:
        url = server.url
    with pytest.raises(AnswerError, match=r"no whole answer.*in 2 attempts") as caught:
        client(attempts=2, robots=False).get(f"{url}/a")
    assert caught.value.status == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500])
def test_a_refusal_is_final(served, status):
    server = served({"/a": Answer(status, b"no")})
    with pytest.raises(AnswerError, match=rf"/a: {status}") as caught:
        client().get(f"{server.url}/a")
    assert (caught.value.status, caught.value.content) == (status, b"no")
    assert server.paths == ["/robots.txt", "/a"]


def test_robots_txt_is_asked_once_and_obeyed(served):
    rules = Answer(200, b"\xef\xbb\xbfUser-agent: *\nDisallow: /admin/\n\nUser-agent: RetrieverBench\nDisallow: /t/\n")
    server = served({"/a": GOOD, "/t/1": GOOD, "/admin/": GOOD}, rules)
    reader = client()
    reader.get(f"{server.url}/a")
    reader.get(f"{server.url}/admin/")  # the rules that name the tool stand instead of those for all
    with pytest.raises(DataError, match=r"/t/1: robots\.txt .* does not allow retrieverbench"):
        reader.get(f"{server.url}/t/1")
    assert server.paths == ["/robots.txt", "/a", "/admin/"]
    assert client(robots=False).get(f"{server.url}/t/1") == GOOD.body
    assert server.paths[3:] == ["/t/1"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_server_without_rules_may_be_read(served, status):
    server = served({"/a": GOOD}, Answer(status))
    assert client().get(f"{server.url}/a") == GOOD.body


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_whose_rules_cannot_be_read_may_not(served, status):
    server = served({"/a": GOOD}, Answer(status))
    with pytest.raises(DataError, match=rf"/robots\.txt: {status}"):
        client().get(f"{server.url}/a")
    assert "/a" not in server.paths


def test_a_crawl_delay_slows_down(served):
    server = served({"/a": GOOD}, Answer(200, b"User-agent: *\nCrawl-delay: 1\n"))
    client().get(f"{server.url}/a")
    assert gaps(server)[0] >= 1 - 0.02


def test_a_crawl_delay_of_hours_is_not_waited_for(served):
    server = served({"/a": GOOD}, Answer(200, b"User-agent: *\nCrawl-delay: 7200\n"))
    reader = client()
    for _ in range(2):
        with pytest.raises(AnswerError, match=r"/robots\.txt: asks for 7,200 s between two requests"):
            reader.get(f"{server.url}/a")
    assert "/a" not in server.paths


def test_redirections_are_followed_where_they_may_be(served):
    there = served({"/t/slug/1.json": GOOD, "/private": GOOD}, Answer(200, b"User-agent: *\nDisallow: /private\n"))
    here = served(
        {
            "/t/1.json": Answer(301, b"", (("Location", f"{there.url}/t/slug/1.json"),)),
            "/p": Answer(302, b"", (("Location", f"{there.url}/private"),)),
            "/file": Answer(302, b"", (("Location", "file:///etc/hostname"),)),
            "/ftp": Answer(307, b"", (("Location", "ftp://example.org/x"),)),
            "/round": Answer(302, b"", (("Location", "/round"),)),
        }
    )
    assert client().get(f"{here.url}/t/1.json") == GOOD.body
    with pytest.raises(DataError, match=r"/private: robots\.txt"):
        client().get(f"{here.url}/p")
    for path, reason in {
        "/file": "file:///etc/hostname.*not followed",
        "/ftp": "not followed",
        "/round": "5 times",
    }.items():
        with pytest.raises(AnswerError, match=rf"{path}: 30\d.*{reason}"):
            client().get(f"{here.url}{path}")
    assert "/private" not in there.paths


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://example.org/a", "example.org/a", "https://", "http://[::1"]
)
def test_other_schemes_are_never_read(url):
    with pytest.raises(DataError, match="not an address"):
        client().get(url)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    for url in ("http://user:s3cr3t@127.0.0.1:9/a", "http://user:s3cr3t@[x", "ftp://user:s3cr3t@127.0.0.1/a"):
        with pytest.raises(DataError, match=r"^\w+://(127|\[x)") as caught:
            client().get(url)
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("option", [{"per_second": 0}, {"per_second": float("nan")}, {"attempts": 0}, {"timeout": -1}])
def test_a_pace_of_nothing_is_no_pace(option):
    with pytest.raises(DataError, match="must be above 0"):
        client(**option)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_small_answer_that_unpacks_to_a_huge_one_is_given_up_on_the_way(served, monkeypatch, status):
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    bomb = Answer(status, gzip.compress(bytes(2 << 20)), (("Content-Encoding", "gzip"),))
    most = Answer(200, gzip.compress(bytes(1 << 20)), (("Content-Encoding", "gzip"),))
    server = served({"/bomb": bomb, "/most": most, "/plain": Answer(200, bytes(2 << 20))})
    reader = client()
    for path in ("/bomb", "/plain"):
        with pytest.raises(AnswerError, match=rf"{path}: the answer holds more than 1,048,576 bytes"):
            reader.get(f"{server.url}{path}")
    assert reader.get(f"{server.url}/most") == bytes(1 << 20)
    assert server.paths.count("/bomb") == 1


@pytest.mark.parametrize("to", ["http://[x/a.csv", "http://host:port/a", "//user:secret@127.0.0.1/a"])
def test_a_redirection_to_what_is_no_plain_address_is_one_line(served, to):
    server = served({"/a": Answer(302, b"", (("Location", to),))})
    with pytest.raises(AnswerError, match=r"/a: 302, sends on to .*; it is not followed") as caught:
        client().get(f"{server.url}/a")
    assert "secret" not in str(caught.value)


def test_wildcards_of_robots_txt_are_obeyed(served):
    rules = Answer(200, b"User-agent: *\nAllow: /t/\nDisallow: /t/*.json$\n")
    server = served({"/t/1": GOOD, "/t/1.json": GOOD}, rules)
    client().get(f"{server.url}/t/1")
    with pytest.raises(DataError, match=r"/t/1\.json: robots\.txt"):
        client().get(f"{server.url}/t/1.json")
    assert "/t/1.json" not in server.paths
