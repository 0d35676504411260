"""Downloads against a server on loopback: resumed, verified, whole or not at all, whatever breaks in between."""

import os
import signal
import subprocess
import sys
import time

import pytest
from download_server import CONTENT, MD5, SHA256, left_over

from bench.data.web import download as module
from bench.errors import DataError


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
