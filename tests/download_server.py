"""A server on loopback that sends one file, in every way in which servers and connections disturb it."""

import hashlib
import random
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = random.Random(7).randbytes(3_000_017)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()  # noqa: S324 - a checksum, no secret


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        entry = {"path": self.path, **{k: self.headers.get(k) for k in ("Range", "If-Range")}, "sent": 0}
        server.log.append(entry)
        if server.script:
            status, headers = server.script.pop(0)
            self.answer(status, {"Content-Length": "0", **headers})
            return
        start, status, headers = 0, 200, dict(server.headers)
        total = len(server.content)
        same = self.headers.get("If-Range") in (None, *server.headers.values()) or server.careless
        if server.ranges and same and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= total:
                self.answer(416, {"Content-Length": "0", "Content-Range": f"bytes */{total}"})
                return
            start -= server.shift
            total = min(total, start + server.most)
            status, headers["Content-Range"] = 206, f"bytes {start}-{total - 1}/{len(server.content)}"
        body = server.content[start:total]
        if server.chunked:
            self.answer(status, {**headers, "Transfer-Encoding": "chunked"})
            self.wfile.write(b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:99], body[99:], b"")))
            return
        self.answer(status, {**headers, "Content-Length": str(len(body))})
        body = body[: server.cuts.pop(0)] if server.cuts else body
        for at in range(0, len(body), 50_000):
            self.wfile.write(body[at : at + 50_000])
            entry["sent"] += len(body[at : at + 50_000])
            time.sleep(server.delay)
        if start + len(body) < total:
            self.close_connection = True

    def answer(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that is killed breaks its connection; that is the point of some tests."""


def left_over(tmp_path):
    """What lies beside a download, by the ends of the names."""
    return sorted(path.name.partition(".zip")[2] for path in (tmp_path / "downloads").iterdir())
