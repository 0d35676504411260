"""Pairs behind an address and pairs in Parquet."""

import datetime as dt
import gzip
import json
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.data.load import open_dataset
from bench.errors import DataError


@pytest.fixture
def opened(tmp_path):
    return lambda reference: open_dataset(f"pairs:{reference}", cache=tmp_path / "cache")


@pytest.fixture
def site(tmp_path):
    """A folder and the address under which a server shows it."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def jsonl(topics):
    return "".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in topics).encode()


def test_an_address_is_fetched_once_and_named_after_its_file(site, opened, topics):
    folder, address = site
    (folder / "Our forum.jsonl.gz").write_bytes(gzip.compress(jsonl(topics)))
    url = f"{address}/Our%20forum.jsonl.gz?raw=1"
    data = opened(url)
    assert (len(data.corpus), data.name, data.facts["address"]) == (50, "our-forum", url.removesuffix("?raw=1"))
    (folder / "Our forum.jsonl.gz").unlink()
    assert opened(url).fingerprint == data.fingerprint


def test_a_remote_file_is_held_to_its_checksum_and_its_damage_is_named(site, opened, topics):
    folder, address = site
    (folder / "p.jsonl").write_bytes(jsonl(topics[:3]) + b"{")
    with pytest.raises(DataError, match=r"p\.jsonl: sha256 is .*, expected 00"):
        opened(f"{address}/p.jsonl,checksum=sha256:{'0' * 64}")
    with pytest.raises(DataError, match=r"p\.jsonl:4: not JSON"):
        opened(f"{address}/p.jsonl")
    with pytest.raises(DataError, match=r"/none\.jsonl: 404"):
        opened(f"{address}/none.jsonl")


def table(path, rows):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=10)


def test_parquet_gives_what_the_same_rows_of_jsonl_give(tmp_path, opened, topics):
    rows = [{"id": i, "question": q, "answer": a if i else None} for i, (q, a) in enumerate(topics)]
    table(tmp_path / "forum.parquet", rows)
    (tmp_path / "forum.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = opened(tmp_path / "forum.parquet")
    assert data.fingerprint == opened(tmp_path / "forum.jsonl").fingerprint
    assert data.facts["dropped"] == "1 pairs without a solution"


def test_dates_of_parquet_are_dates(tmp_path, opened, topics):
    start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - times without a zone are what is tested
    rows = [{"question": q, "answer": a, "created": start + dt.timedelta(days=i)} for i, (q, a) in enumerate(topics)]
    table(tmp_path / "forum.parquet", rows[::-1])
    data = opened(tmp_path / "forum.parquet")
    assert {query.text for query in data.test.queries} == {q for q, _ in topics[45:]}


@pytest.mark.parametrize("value", [5, ["y"], 1.5])
def test_a_row_whose_cell_is_no_text_is_named(tmp_path, opened, value):
    table(tmp_path / "p.parquet", [*[{"question": "x", "answer": None}] * 30, {"question": "x", "answer": value}])
    with pytest.raises(DataError, match=r"p\.parquet:31: 'answer' is .*, not a text"):
        opened(tmp_path / "p.parquet")


def test_a_file_that_is_no_parquet_is_one_line(tmp_path, opened, topics):
    pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"p\.parquet: cannot be read as Parquet: ") as caught:
        opened(path)
    assert "\n" not in str(caught.value)
    table(path, [{"question": q, "answer": a} for q, a in topics])
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"p\.parquet: (cannot be read as Parquet|damaged after row \d+)"):
        opened(path)


def test_without_the_library_one_line_names_it(tmp_path, opened, monkeypatch):
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"Parquet needs pyarrow, .*: pip install 'retrieverbench\[parquet\]'"):
        opened(tmp_path / "p.parquet")
