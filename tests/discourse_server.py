"""Servers on this machine for the tests: any answer to any path, and a Discourse forum with the schema of its REST API."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Answer(NamedTuple):
    """What a server sends; ``promised`` is the Content-Length, None for the true one."""

    status: int = 200
    body: bytes = b""
    headers: tuple = ()
    promised: int | None = None
    hang_up: bool = False


class _Connections:
    """Counts those that are being served."""

    def __init__(self):
        self.number = 0
        self._changed = threading.Condition()

    def __enter__(self):
        with self._changed:
            self.number += 1

    def __exit__(self, *_):
        with self._changed:
            self.number -= 1
            self._changed.notify_all()

    def wait_for_none(self):
        with self._changed:
            assert self._changed.wait_for(lambda: self.number == 0, timeout=30)


class Loopback:
    """A server that answers by ``answer(path)`` and keeps what it was asked: paths, headers and moments (monotonic)."""

    def __init__(self, answer):
        self.answer = answer
        self.paths, self.headers, self.moments = [], [], []
        self.before_body = self.after_body = lambda: None
        self._open = _Connections()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self):
                with outer._open:
                    super().handle()

            def do_GET(self):
                outer.moments.append(time.monotonic())
                outer.paths.append(self.path)
                outer.headers.append(dict(self.headers))
                outer._send(self, outer.answer(self.path))

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _send(self, handler, answer):
        if answer.hang_up:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body) if answer.promised is None else answer.promised))
        handler.end_headers()
        half = len(answer.body) // 2
        handler.wfile.write(answer.body[:half])
        self.before_body()
        handler.wfile.write(answer.body[half:])
        self.after_body()
        handler.close_connection = answer.promised is not None

    def settle(self):
        """Wait until everything that was sent by clients that have ended is read and noted."""
        self._open.wait_for_none()

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


NOT_FOUND = Answer(404, b'{"errors":["The requested URL or resource could not be found."],"error_type":"not_found"}')
FORBIDDEN = Answer(
    403, b'{"errors":["You are not permitted to view the requested resource."],"error_type":"invalid_access"}'
)
DELETED = Answer(410, b'{"errors":["The requested topic was deleted."],"error_type":"not_found"}')
WAIT = Answer(
    429,
    b'{"errors":["Slow down."],"error_type":"rate_limit","extras":{"wait_seconds":0,"time_left":"0 seconds"}}',
    (("Retry-After", "0"),),
)
BUSY = Answer(502, b"<html><title>502 Bad Gateway</title></html>", (("Content-Type", "text/html"),))
CUT = Answer(200, b'{"post_stream":{"posts":[{"id":1,"co')
SHORT = Answer(200, b'{"post_stream":{"posts":[{"id":1,"co', promised=100_000)
HANG_UP = Answer(hang_up=True)


def post(name, number, cooked="<p>Some words.</p>", **fields):
    """A post as the API gives it to a visitor, with the nulls that it has."""
    return {
        "id": name,
        "name": None,
        "username": f"user{number}",
        "display_username": None,
        "created_at": f"2021-03-{1 + number % 27:02}T10:00:00.123Z",
        "cooked": cooked,
        "post_number": number,
        "post_type": 1,
        "reply_count": 0,
        "quote_count": 0,
        "incoming_link_count": 0,
        "reads": 10,
        "score": 2.0,
        "user_title": None,
        "edit_reason": None,
        "actions_summary": [],
        "hidden": False,
        "user_deleted": False,
        **fields,
    }


def topic(name, title, posts, **fields):
    """A topic with all its posts; the forum deals them out in portions."""
    return {
        "id": name,
        "title": title,
        "fancy_title": title,
        "created_at": "2021-03-01T10:00:00.000Z",
        "posts_count": sum(one["post_type"] == 1 for one in posts),
        "archetype": "regular",
        "category_id": 7,
        "post_stream": {"posts": posts},
        **fields,
    }


LONG = 3


def monthly(number=14):
    """Topics with ids from 1, a month apart; the third has 65 posts, the others two."""
    return [
        topic(
            n,
            f"How to do {n}",
            [post(1000 * n + i, i, f"<p>Post {i} of {n}.</p>") for i in range(1, 66 if n == LONG else 3)],
            created_at=f"{2020 + n // 12}-{1 + n % 12:02}-01T00:00:00.000Z",
            category_id=7 if n % 2 else 8,
        )
        for n in range(1, number + 1)
    ]


class Forum(Loopback):
    """Topics newest first in pages, posts in portions of 20, each further portion beginning with a post told before.

    faults: path -> answers that come before the right one.
    """

    PAGE = 4
    PORTION = 20

    def __init__(self, topics, faults=None, *, raw=False):
        super().__init__(self._answered)
        self.topics = {one["id"]: one for one in topics}
        self.faults = {path: list(answers) for path, answers in (faults or {}).items()}
        self.raw = raw

    def asked(self):
        """Requests that count: those for the rules of the server do not."""
        return [path for path in self.paths if path != "/robots.txt"]

    def _answered(self, address):
        parts = urlsplit(address)
        query = parse_qs(parts.query)
        if waiting := self.faults.get(parts.path):
            # A fault that comes last and is no passing one stays: the topic is gone.
            return waiting.pop(0) if len(waiting) > 1 or waiting[0] in (WAIT, BUSY, CUT, SHORT, HANG_UP) else waiting[0]
        found = self._found(parts.path, query)
        return NOT_FOUND if found is None else Answer(200, json.dumps(found).encode())

    def _found(self, path, query):
        keys = path.strip("/").removesuffix(".json").split("/")
        if keys[-1] == "latest":
            return self._page(int(query["page"][0]), keys[1:-2])
        if keys[0] != "t" or int(keys[1]) not in self.topics:
            return None
        told = self.topics[int(keys[1])]
        posts = [self._shown(one, query) for one in told["post_stream"]["posts"]]
        if keys[-1] == "posts":
            ids = [int(name) for name in query["post_ids[]"]]
            again = next((at for at, one in enumerate(posts) if one["id"] == ids[0]), 1) - 1
            return {
                "post_stream": {"posts": [posts[again], *(one for one in posts if one["id"] in ids)]},
                "id": told["id"],
            }
        stream = {"posts": posts[: self.PORTION], "stream": [one["id"] for one in posts]}
        return {**told, "post_stream": stream}

    def _shown(self, one, query):
        hidden = () if self.raw and query.get("include_raw") == ["true"] else ("raw",)
        return {key: value for key, value in one.items() if key not in hidden}

    def _page(self, number, category):
        rows = sorted(self.topics.values(), key=lambda one: (one["created_at"], one["id"]), reverse=True)
        rows = [one for one in rows if not category or str(one["category_id"]) == category[-1]]
        kept = ("id", "title", "fancy_title", "created_at", "posts_count", "archetype", "category_id")
        page = [
            {
                **{key: one[key] for key in kept},
                "has_accepted_answer": any(reply.get("accepted_answer") for reply in one["post_stream"]["posts"]),
                "bumped_at": "2022-01-01T00:00:00.000Z",
            }
            for one in rows[number * self.PAGE : (number + 1) * self.PAGE]
        ]
        more = {"more_topics_url": f"/latest?page={number + 1}"} if rows[(number + 1) * self.PAGE :] else {}
        return {"users": [], "topic_list": {"per_page": self.PAGE, **more, "topics": page}}
