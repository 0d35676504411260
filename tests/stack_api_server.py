"""The Stack Exchange API, played by a server on this machine that keeps the rules of https://api.stackexchange.com/docs."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


def ids(dataset):
    return {query.id for split in (dataset.train, dataset.dev, dataset.test) for query in split.queries}


def numbers(*span):
    return {str(1000 + number) for number in range(*span)}
