"""What a download refuses, gives up or waits for; each is one line."""

import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from download_server import CONTENT, SHA256, left_over

from bench.data.web import download as module
from bench.data.web.download import download
from bench.errors import DataError


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
    real = module.Part.remove
    monkeypatch.setattr(module.Part, "remove", lambda part: (sizes.append(part.path.stat().st_size), real(part)))
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
