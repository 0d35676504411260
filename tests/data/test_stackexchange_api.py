"""The Stack Exchange API, played by a server on this machine that keeps the rules of https://api.stackexchange.com/docs."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from bench.data.forums import stack_api
from bench.data.load import open_dataset
from bench.errors import DataError

FILTER = "!made-for-these-fields"
NOW = 1_700_000_000


def made(number, **others):
    """A question of the API; number 0 is the newest, five are asked in one second."""
    return {
        "question_id": 1000 + number,
        "title": f"how to alpha{number} beta{number} &amp; gamma{number}",
        "body": f"<p>body{number}</p>",
        "creation_date": NOW - number // 5,
        "score": 1,
        "tags": ["pytorch"],
        "owner": {"user_id": 7, "user_type": "registered"},
        "content_license": "CC BY-SA 4.0",
        "answers": [made_answer(5000 + number)],
        **others,
    }


def made_answer(number, **others):
    return {
        "answer_id": number,
        "score": 2,
        "body": f"<p>call omega{number} psi{number}</p>",
        "owner": {"user_id": 8, "user_type": "registered"},
        "content_license": "CC BY-SA 4.0",
        **others,
    }


class Api(ThreadingHTTPServer):
    """Answers as the API does; ``fail`` maps the number of a request for questions to (status, headers, body)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.questions = [made(number) for number in range(250)]
        self.fail, self.backoff, self.quota, self.key = {}, {}, 300, None
        self.log = []
        self.ready = 0.0

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self):
        return [parameters for method, parameters in self.log if method == "questions"]

    def answer(self, method, given):
        self.log.append((method, given))
        if method == "filters/create":
            assert "question.answers" in given["include"].split(";")
            return 200, {}, {"items": [{"filter": FILTER, "filter_type": "safe"}], "has_more": False}
        number = len(self.asked())
        if number in self.fail:
            return self.fail.pop(number)
        if given["filter"] != FILTER or given["site"] != "stackoverflow" or self.quota == 0:
            return 400, {}, {"error_id": 400, "error_name": "bad_parameter"}
        if time.time() < self.ready:
            return 400, {}, {"error_id": 502, "error_name": "throttle_violation"}
        if int(given["page"]) > 25 and given.get("key") != self.key:
            return 403, {}, {"error_id": 403, "error_message": "page above 25 requires access token or app key"}
        return 200, {}, self.page(number, given)

    def page(self, number, given):
        assert (given["sort"], given["order"], given["pagesize"]) == ("creation", "desc", "100")
        until = int(given.get("todate", NOW + 1))
        found = [one for one in self.questions if one["creation_date"] <= until and given["tagged"] in one["tags"]]
        start = 100 * (int(given["page"]) - 1)
        self.quota -= 1
        told = {
            "items": found[start : start + 100],
            "has_more": len(found) > start + 100,
            "quota_remaining": self.quota,
        }
        if number in self.backoff:
            told["backoff"] = self.backoff[number]
            self.ready = time.time() + self.backoff[number]
        return told


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        version, _, method = parts.path.strip("/").partition("/")
        assert version == "2.3"
        status, headers, body = self.server.answer(method, given)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(api, tmp_path):
    def read(options="", questions=230):
        text = f"stackexchange:{api.address},site=stackoverflow,tag=pytorch,questions={questions},per_second=500"
        return open_dataset(text + options, cache=tmp_path / "cache")

    return read


def ids(dataset):
    return {query.id for split in (dataset.train, dataset.dev, dataset.test) for query in split.queries}


def numbers(*span):
    return {str(1000 + number) for number in range(*span)}


def test_the_newest_questions_are_found_each_once(api, opened):
    data = opened()
    assert ids(data) == numbers(230)
    assert (data.name, len(api.asked())) == ("stackoverflow-pytorch", 3)
    assert data.facts["read"].startswith("the newest 230 questions of stackoverflow, asked for on 20")
    assert data.facts["solutions"] == "230 with the highest score"
    query = next(query for query in data.train.queries if query.id == "1200")
    assert query.text == "how to alpha200 beta200 & gamma200"


def test_all_there_are_when_more_were_wanted(api, opened):
    assert ids(opened(questions=9999)) == numbers(250)


def test_opening_again_asks_nothing(api, opened):
    first = opened()
    asked = len(api.log)
    assert opened().fingerprint == first.fingerprint
    assert opened(",question=title+body").fingerprint != first.fingerprint
    assert len(api.log) == asked


def test_more_questions_later_go_on_from_what_is_stored(api, opened):
    assert ids(opened(questions=90)) == numbers(90)
    assert len(api.asked()) == 1
    assert ids(opened(questions=230)) == numbers(230)
    assert len(api.asked()) == 3
    assert ids(opened(questions=90)) == numbers(90)
    assert len(api.asked()) == 3


def test_an_interrupted_harvest_repeats_no_request(api, opened):
    api.fail[2] = (404, {}, {})
    with pytest.raises(DataError, match=r"/2\.3/questions\?.*: 404"):
        opened()
    # Questions that were asked meanwhile push the others on; pages by date do not move.
    api.questions = [made(0, question_id=number, creation_date=NOW + 9) for number in range(1, 8)] + api.questions
    assert ids(opened()) == numbers(230)
    assert len(api.asked()) == 1 + 1 + 2
    assert [parameters.get("todate") for parameters in api.asked()] == [
        None,
        str(NOW - 18),
        str(NOW - 18),
        str(NOW - 36),
    ]
    assert sum(method == "filters/create" for method, _ in api.log) == 1


def test_more_questions_in_one_second_than_a_page_holds(api, opened):
    api.questions = [made(number, creation_date=NOW) for number in range(150)]
    api.questions += [made(number, creation_date=NOW - 60) for number in range(150, 250)]
    assert ids(opened(questions=240)) == numbers(240)


def test_no_page_beyond_those_that_need_a_key_is_asked_for(api, opened):
    api.questions = [made(number, creation_date=NOW - number) for number in range(2800)]
    assert len(ids(opened(questions=2750))) == 2750
    assert {parameters["page"] for parameters in api.asked()} == {"1"}


def test_the_api_is_left_alone_for_as_long_as_it_asks(api, opened):
    api.backoff[1] = 1
    assert ids(opened()) == numbers(230)
    assert len(api.asked()) == 3


def test_a_busy_server_is_asked_again(api, opened):
    api.fail = {1: (502, {}, b"<html>bad gateway"), 3: (429, {"Retry-After": "1"}, {})}
    assert ids(opened(questions=150)) == numbers(150)
    assert len(api.asked()) == 4


def test_a_used_up_quota_ends_the_harvest_with_what_there_is_stored(api, opened):
    api.quota = 2
    with pytest.raises(DataError, match=r"quota of the day is used up; 190 of 230 questions .*run again tomorrow"):
        opened()
    assert len(api.asked()) == 2
    api.quota = 300
    assert ids(opened()) == numbers(230)
    assert len(api.asked()) == 3


def test_a_refused_request_says_what_may_be_wrong(api, opened):
    api.fail[1] = (400, {}, {"error_name": "bad_parameter"})
    with pytest.raises(DataError, match=r"400 Bad Request; the site, the tag or the key is wrong, or the quota"):
        opened()


def test_the_key_is_sent_and_nowhere_kept(api, opened, tmp_path, monkeypatch):
    monkeypatch.setattr(stack_api, "KEY_ORIGINS", {api.address})
    api.key = "s3cr3t((+"
    (tmp_path / "key.txt").write_text(f"{api.key}\n", encoding="utf-8")
    api.fail[2] = (400, {}, {})
    with pytest.raises(DataError, match="key=KEY") as caught:
        opened(f",key={tmp_path / 'key.txt'}")
    assert "s3cr3t" not in str(caught.value)
    data = opened(f",key={tmp_path / 'key.txt'}")
    assert {parameters.get("key") for _, parameters in api.log} == {api.key}
    assert "s3cr3t" not in repr(data)
    for path in (tmp_path / "cache").rglob("*"):
        assert "s3cr3t" not in path.name
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes()


@pytest.mark.parametrize("origin", ["", "http://api.stackexchange.com", "https://api.stackexchange.com.example.org"])
def test_a_key_goes_to_no_other_address(api, opened, tmp_path, origin):
    (tmp_path / "key.txt").write_text("s3cr3t", encoding="utf-8")
    text = f"stackexchange:{origin or api.address},site=stackoverflow,key={tmp_path / 'key.txt'}"
    with pytest.raises(DataError, match=r"a key is only sent to https://api\.stackexchange\.com; leave key= out"):
        open_dataset(text, cache=tmp_path / "cache")
    assert not api.log


@pytest.mark.parametrize("content", ["two words", "one\nline\nmore", "", "x" * 101])
def test_a_file_that_holds_no_key_is_not_sent(api, opened, tmp_path, monkeypatch, content):
    monkeypatch.setattr(stack_api, "KEY_ORIGINS", {api.address})
    (tmp_path / "key.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="a file that does not hold a key"):
        opened(f",key={tmp_path / 'key.txt'}")
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


def test_a_key_given_in_place_of_its_file_is_not_repeated(opened):
    with pytest.raises(DataError, match="key= names no file that can be read; put the key into a file") as caught:
        opened(",key=s3cr3t")
    assert "s3cr3t" not in str(caught.value)


def test_accepted_wiki_and_ownerless_posts(api, opened):
    best = made_answer(9001, score=50), made_answer(9002, score=0, is_accepted=True, community_owned_date=NOW)
    api.questions[0] = made(0, answers=list(best), accepted_answer_id=9002, owner={"user_type": "does_not_exist"})
    api.questions[1] = made(1, answers=[], locked_date=NOW)
    del api.questions[2]["answers"], api.questions[3]["content_license"]
    data = opened(questions=60)
    assert ids(data) == numbers(60) - {"1001", "1002"}
    assert any(doc.text == "call omega9002 psi9002" for doc in data.corpus)
    assert data.facts["solutions"] == "57 with the highest score; 1 accepted"
    assert data.facts["licences"] == "115 CC BY-SA 4.0; 1 not named"
    assert set(data.facts["marks"].split("; ")) == {"1 community wiki", "1 by users without an account"}
    assert data.facts["dropped"] == "2 questions without an answer that counts"


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
def test_an_answer_of_another_form_is_refused_and_not_stored(api, opened, tmp_path, body, message):
    api.fail[1] = (200, {}, body)
    with pytest.raises(DataError, match=message):
        opened()
    assert not list((tmp_path / "cache").rglob("page-*.json"))
    assert ids(opened()) == numbers(230)


def test_a_damaged_page_is_named_and_can_be_asked_for_again(api, opened, tmp_path):
    opened()
    page = sorted((tmp_path / "cache").rglob("page-*.json"))[1]
    page.write_bytes(page.read_bytes()[:99])
    with pytest.raises(DataError, match=r"page-00002\.json is damaged: .*; delete the file, and it is asked for again"):
        opened()
    page.unlink()
    assert ids(opened()) == numbers(230)
    assert len(api.asked()) == 4


def test_a_site_without_such_questions_is_one_line(api, opened):
    api.questions = []
    with pytest.raises(DataError, match=r"no question tagged 'pytorch' with an answer; the newest 0 questions"):
        opened()
