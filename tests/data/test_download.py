"""Downloads against a server on loopback: resumed, verified, whole or not at all, whatever breaks in between."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.data.web import download as module
from bench.data.web.download import download
from bench.errors import DataError

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


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Handler)
    made.content, made.headers, made.ranges, made.careless = CONTENT, {"ETag": '"a"'}, True, False
    made.cuts, made.script, made.log, made.delay, made.chunked = [], [], [], 0, False
    made.shift, made.most = 0, len(CONTENT)
    made.url = f"http://127.0.0.1:{made.server_port}/data/some%20file.zip?x=1"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def fetch(tmp_path):
    def run(url, **options):
        notes = []
        path = download(url, tmp_path / "downloads", progress=lambda *told: notes.append(told), **options)
        run.notes = notes
        return path

    return run


def left_over(tmp_path):
    return sorted(path.name.partition(".zip")[2] for path in (tmp_path / "downloads").iterdir())


@pytest.mark.parametrize("options", [{}, {"checksum": SHA256}, {"checksum": MD5.upper(), "size": len(CONTENT)}])
def test_a_file_arrives_whole_under_its_own_name_and_is_not_asked_for_again(server, fetch, tmp_path, options):
    path = fetch(server.url, **options)
    assert path.read_bytes() == CONTENT
    assert path.name.endswith("-some-file.zip")
    assert [fraction for fraction, _ in fetch.notes] == sorted(fraction for fraction, _ in fetch.notes)
    assert left_over(tmp_path) == ["", ".lock"]
    server.script.append((500, {}))
    assert fetch(server.url, **options) == path
    assert len(server.log) == 1


def test_two_addresses_with_one_file_name_are_two_files(server, fetch):
    assert fetch(server.url) != fetch(server.url.replace("x=1", "x=2"))


@pytest.mark.parametrize("headers", [{"ETag": '"a"'}, {"Last-Modified": "Sat, 01 Jan 2022 00:00:00 GMT"}])
@pytest.mark.parametrize("cuts", [[1], [1_000_000, 1_999_999], [0, 0, 5, 0, 0, 0, 0, 1_500_000]])
def test_a_connection_that_breaks_is_resumed_and_every_byte_is_sent_once(server, fetch, headers, cuts):
    server.headers, server.cuts = headers, list(cuts)
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT
    assert sum(entry["sent"] for entry in server.log) == len(CONTENT)
    assert [entry["Range"] for entry in server.log if entry["If-Range"] is None] == [None] * (1 + (cuts[0] == 0) * 2)


def test_a_server_that_ignores_range_starts_over(server, fetch):
    server.ranges, server.cuts = False, [1_000_000]
    assert fetch(server.url).read_bytes() == CONTENT
    assert server.log[1]["Range"] == "bytes=1000000-"


def test_a_server_may_send_less_than_it_is_asked_for(server, fetch):
    server.cuts, server.most = [1], 1_000_000
    assert fetch(server.url).read_bytes() == CONTENT
    assert [entry["sent"] for entry in server.log] == [1, 1_000_000, 1_000_000, 1_000_000, 16]


def test_bytes_from_another_place_than_asked_for_are_not_taken(server, fetch):
    server.cuts, server.shift = [1_000_000], 10
    assert fetch(server.url).read_bytes() == CONTENT
    assert [entry["Range"] for entry in server.log] == [None, "bytes=1000000-", None]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
def test_without_a_validator_nothing_is_pieced_together(server, fetch, headers):
    server.headers, server.cuts = headers, [1_000_000]
    assert fetch(server.url).read_bytes() == CONTENT
    assert [entry["Range"] for entry in server.log] == [None, None]


@pytest.mark.parametrize("careless", [False, True])
@pytest.mark.parametrize("other", [CONTENT[::-1], CONTENT[1::2], b"short"])
def test_a_file_that_changed_meanwhile_is_fetched_anew(server, fetch, monkeypatch, careless, other):
    monkeypatch.setattr(module, "_ATTEMPTS", 1)
    server.cuts = [2_000_000]
    with pytest.raises(DataError, match=r"connection broke.*go on from byte 2,000,000"):
        fetch(server.url)
    server.content, server.headers, server.careless = other, {"ETag": '"b"'}, careless
    assert fetch(server.url).read_bytes() == other


def test_a_wrong_checksum_is_one_line_and_the_file_is_removed(server, fetch, tmp_path):
    server.content = b"something else"
    with pytest.raises(
        DataError, match=r"some%20file.*sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}; the file is removed"
    ):
        fetch(server.url, checksum=SHA256)
    assert left_over(tmp_path) == [".lock"]
    server.content = CONTENT
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT


def test_a_file_whose_checksum_is_another_now_is_fetched_again(server, fetch):
    server.content = b"first edition"
    path = fetch(server.url)
    server.content = CONTENT
    assert fetch(server.url, checksum=MD5).read_bytes() == CONTENT
    path.write_bytes(b"damaged on disk")
    assert fetch(server.url, checksum=MD5).read_bytes() == CONTENT


def test_another_size_than_expected_is_noticed_before_anything_is_fetched(server, fetch, tmp_path):
    with pytest.raises(DataError, match=r"the server has 3,000,017 bytes, expected 17"):
        fetch(server.url, size=17)
    assert left_over(tmp_path) == [".lock"]
    server.chunked = True
    with pytest.raises(DataError, match=r"more than the expected 17 bytes; the file is removed"):
        fetch(server.url, size=17)
    assert left_over(tmp_path) == [".lock"]


def test_no_more_than_the_expected_size_is_ever_written(server, fetch, monkeypatch):
    server.chunked = True
    monkeypatch.setattr(module, "_CHUNK", 1000)
    sizes = []
    real = module._Part.remove
    monkeypatch.setattr(module._Part, "remove", lambda part: (sizes.append(part.path.stat().st_size), real(part)))
    with pytest.raises(DataError, match=r"more than the expected 150,000 bytes"):
        fetch(server.url, size=150_000)
    assert sizes[0] <= 150_000


@pytest.mark.parametrize("header", ["901", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_hours_are_not_waited_for(server, fetch, header):
    server.script = [(503, {"Retry-After": header})]
    with pytest.raises(DataError, match=r"503 Service Unavailable, the server asks to wait [\d,]+ s; try again then"):
        fetch(server.url)
    assert len(server.log) == 1


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_the_time_that_a_server_asks_for_is_waited(server, fetch, monkeypatch, kind):
    waited = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    server.script = [(429, {"Retry-After": "300" if kind == "seconds" else until})]
    assert fetch(server.url).read_bytes() == CONTENT
    assert 290 <= max(waited) <= 300


@pytest.mark.parametrize("url", ["http://[x/a.csv", "http://host:port/a.csv", "http://host:99999/a.csv"])
def test_what_is_no_address_is_one_line(server, fetch, url):
    with pytest.raises(DataError, match="not an address"):
        fetch(url)
    server.script = [(302, {"Location": url})]
    with pytest.raises(DataError, match=r"302, sends on to .*not an address.*; it is not followed"):
        fetch(server.url)


def test_a_password_in_an_address_is_refused_and_not_repeated(fetch):
    with pytest.raises(DataError, match=r"^http://127\.0\.0\.1:9/x\.zip: a user name or a password") as caught:
        fetch("http://user:s3cr3t@127.0.0.1:9/x.zip")
    assert "s3cr3t" not in str(caught.value)


def test_a_folder_that_cannot_be_one_is_named(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file/downloads: cannot be used: Not a directory"):
        download(server.url, tmp_path / "file" / "downloads", progress=lambda *_: None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204])
def test_a_refusal_is_final_and_named(server, fetch, status):
    server.script = [(status, {})]
    with pytest.raises(DataError, match=rf"^http://127\.0\.0\.1:\d+/data/some%20file\.zip\?x=1: {status} "):
        fetch(server.url)
    assert len(server.log) == 1


def test_a_busy_server_is_asked_again_and_not_for_ever(server, fetch):
    server.script = [(503, {"Retry-After": "0"}), (429, {}), (502, {"Retry-After": "soon"})]
    assert fetch(server.url).read_bytes() == CONTENT
    server.script = [(503, {})] * 6
    with pytest.raises(DataError, match=r": 503 Service Unavailable, 6 attempts; run it again .*or put the file at "):
        fetch(server.url + "&again")
    assert not server.script


def test_a_server_that_is_not_there_is_one_line(fetch, monkeypatch):
    monkeypatch.setattr(module, "_ATTEMPTS", 2)
    with pytest.raises(DataError, match=r"no answer: .*refused.*, 2 attempts") as caught:
        fetch("http://127.0.0.1:9/x.zip")
    assert "\n" not in str(caught.value)


def test_redirections_are_followed_but_not_for_ever(server, fetch):
    server.script = [(302, {"Location": "/other/place"}), (307, {"Location": server.url})]
    assert fetch(server.url).read_bytes() == CONTENT
    assert [entry["path"] for entry in server.log[:2]] == ["/data/some%20file.zip?x=1", "/other/place"]
    server.script = [(301, {"Location": "/round"})] * 6
    with pytest.raises(DataError, match="sends on more than 5 times"):
        fetch(server.url + "&round")


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x.zip", "file:///etc/passwd", "data:,x"])
def test_redirections_to_other_schemes_are_refused(server, fetch, to):
    server.script = [(302, {"Location": to})]
    with pytest.raises(DataError, match=r"302, sends on to .*only https.*; it is not followed"):
        fetch(server.url)


def test_a_downgrade_from_https_is_refused(fetch, monkeypatch):
    class Answer:
        status, reason, headers = 302, "Found", {"Location": "http://127.0.0.1/x.zip"}

        def close(self):
            pass

    monkeypatch.setattr(module.urllib3.PoolManager, "request", lambda *args, **options: Answer())
    with pytest.raises(DataError, match=r"sends on to 'http://127\.0\.0\.1/x\.zip', which is not followed"):
        fetch("https://127.0.0.1/x.zip")


@pytest.mark.parametrize("url", ["ftp://host/x.zip", "file:///etc/hosts", "s3://bucket/x.zip"])
def test_other_schemes_are_refused(fetch, url):
    with pytest.raises(DataError, match="only https:// and http:// addresses and paths of files"):
        fetch(url)


@pytest.mark.parametrize("checksum", ["abc", "md5:12", "sha1:" + "0" * 40, "sha256:" + "g" * 64])
def test_a_checksum_that_cannot_be_one_is_an_error(fetch, checksum):
    with pytest.raises(DataError, match="write sha256: and 64 or md5: and 32 hexadecimal digits"):
        fetch("http://127.0.0.1:9/x.zip", checksum=checksum)


def test_a_path_is_verified_and_stays_where_it_is(fetch, tmp_path):
    path = tmp_path / "mine.zip"
    path.write_bytes(CONTENT)
    assert fetch(str(path), checksum=SHA256) == path
    with pytest.raises(DataError, match=r"mine\.zip: 3,000,017 bytes, expected 3; get the file anew"):
        fetch(str(path), size=3)
    with pytest.raises(DataError, match="nowhere: cannot be read: No such file"):
        fetch(str(tmp_path / "nowhere"))
    assert not (tmp_path / "downloads").exists()


def test_bytes_are_stored_as_they_are_sent(server, fetch):
    server.headers = {"Content-Encoding": "gzip"}
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT


def test_a_body_of_unknown_length_is_read_to_its_end(server, fetch):
    server.chunked = True
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT


def test_a_disk_without_room_is_noticed_before_and_while_writing(server, fetch, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 5, 5))
        with pytest.raises(DataError, match=r"3,000,017 bytes, but only 5 are free in .*downloads"):
            fetch(server.url)
    part = tmp_path / "downloads" / (module._file_name(server.url) + ".part")
    part.symlink_to("/dev/full")
    with pytest.raises(
        DataError, match=r"cannot be written: No space left on device; free some space and run it again"
    ):
        fetch(server.url)
    part.unlink()
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT


def test_a_process_that_ends_before_the_last_step_has_nothing_to_fetch_again(server, fetch, monkeypatch):
    def interrupted(descriptor):
        if os.fstat(descriptor).st_size == len(CONTENT):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(server.url, checksum=SHA256)
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT
    assert len(server.log) == 1


PROGRAM = """
import sys
from pathlib import Path
from bench.data.web.download import download
print(download(sys.argv[1], Path(sys.argv[2]), checksum=sys.argv[3], progress=lambda *told: None))
"""


def started(server, folder):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, server.url, str(folder), SHA256], stdout=subprocess.PIPE)


def test_after_a_kill_only_the_missing_bytes_are_fetched(server, fetch, tmp_path):
    server.delay = 0.02
    part = tmp_path / "downloads" / (module._file_name(server.url) + ".part")
    kept = 0
    for enough in (400_000, 1_500_000):
        process = started(server, part.parent)
        while not part.exists() or part.stat().st_size < enough:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert part.read_bytes() == CONTENT[: part.stat().st_size]
        assert server.log[-1]["Range"] == (f"bytes={kept}-" if kept else None)
        kept = part.stat().st_size
    server.delay = 0
    assert fetch(server.url, checksum=SHA256).read_bytes() == CONTENT
    assert server.log[-1]["Range"] == f"bytes={kept}-"
    assert server.log[-1]["sent"] == len(CONTENT) - kept
    assert len(server.log) == 3


def test_two_processes_at_once_share_one_download(server, tmp_path):
    server.delay = 0.01
    processes = [started(server, tmp_path / "downloads") for _ in range(2)]
    paths = {process.communicate()[0].decode().strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(paths) == len(server.log) == 1
    with open(paths.pop(), "rb") as file:  # noqa: PTH123 - as it was printed
        assert file.read() == CONTENT
