"""Archives: what is sound is unpacked whole, and every known attack or damage is one line that leaves nothing behind."""

import gzip
import io
import random
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.source import Opening
from bench.data.web import archive as module
from bench.data.web.archive import unpacked
from bench.data.web.fetch import fetched_folder
from bench.errors import DataError

FILES = {"a.txt": b"alpha" * 1000, "deep/er/b.txt": b"", "deep/\u00fc.txt": bytes(range(256))}


def zipped(path, files=FILES, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path, files=FILES):
    with tarfile.open(path, "w:gz") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def member_tar(path, name="odd", **fields):
    """A tar.gz of one sound file and one member with these fields."""
    with tarfile.open(path, "w:gz") as file:
        info = tarfile.TarInfo("sound.txt")
        file.addfile(info)
        info = tarfile.TarInfo(name)
        for key, value in fields.items():
            setattr(info, key, value)
        file.addfile(info)
    return path


def member_zip(path, name="odd", mode=0, flags=0):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("sound.txt", "x")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        file.writestr(info, "target")
    if flags:  # in the local header and in the central directory, as an encrypting program sets them
        content = bytearray(path.read_bytes())
        content[content.rindex(b"PK\x03\x04") + 6] |= flags
        content[content.rindex(b"PK\x01\x02") + 8] |= flags
        path.write_bytes(content)
    return path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "out"


def nothing_left(place):
    return [path.name for path in place.parent.iterdir()] == [".out.lock"]


@pytest.mark.parametrize(
    ("make", "name"), [(zipped, "x.zip"), (tarred, "x.tar.gz"), (tarred, "x.TGZ"), (zipped, "none")]
)
def test_files_and_folders_come_out_as_they_went_in(tmp_path, place, make, name):
    assert unpacked(make(tmp_path / name), place) == place
    assert contents(place) == FILES
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_a_plain_gz_is_one_file(tmp_path, place):
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(FILES["a.txt"]))
    assert contents(unpacked(tmp_path / "corpus.jsonl.gz", place)) == {"corpus.jsonl": FILES["a.txt"]}


def test_what_is_there_is_not_unpacked_again(tmp_path, place):
    unpacked(zipped(tmp_path / "x.zip"), place)
    (place / "a.txt").write_bytes(b"mine")
    assert (unpacked(tmp_path / "gone.zip", place) / "a.txt").read_bytes() == b"mine"


def test_folders_without_files_and_backslashes_of_windows_are_understood(tmp_path, place):
    unpacked(zipped(tmp_path / "x.zip", {"empty/": b"", "a\\b.txt": b"x"}), place)
    assert (place / "empty").is_dir()
    assert (place / "a" / "b.txt").read_bytes() == b"x"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../out.txt", "a/../../b", "C:/x", "..\\up.txt", "a/..\\..\\b", "//host/x"]
)
@pytest.mark.parametrize("make", [member_zip, member_tar])
def test_names_that_lead_out_are_refused(tmp_path, place, make, name):
    path = make(tmp_path / ("x.zip" if make is member_zip else "x.tar.gz"), name)
    if make is member_tar and "\\" in name:  # an ordinary character there
        assert len(contents(unpacked(path, place))) == 2
        return
    with pytest.raises(DataError, match=r"x\.(zip|tar\.gz): '.+': leads out of the folder") as caught:
        unpacked(path, place)
    assert "\n" not in str(caught.value)
    assert nothing_left(place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", path.name]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "sound.txt"},
        {"type": tarfile.SYMTYPE, "linkname": "odd"},
        {"type": tarfile.LNKTYPE, "linkname": "../../secret"},
        {"type": tarfile.LNKTYPE, "linkname": "odd"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
        {"pax_headers": {"GNU.sparse.map": "0,1", "GNU.sparse.size": "99"}},
    ],
)
def test_links_devices_and_sparse_files_of_a_tar_are_refused(tmp_path, place, fields):
    with pytest.raises(DataError, match=r"x\.tar\.gz: 'odd': a link, a device or a sparse"):
        unpacked(member_tar(tmp_path / "x.tar.gz", **fields), place)
    assert nothing_left(place)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_of_a_zip_are_refused(tmp_path, place, kind):
    with pytest.raises(DataError, match=r"x\.zip: 'odd': a link or a device"):
        unpacked(member_zip(tmp_path / "x.zip", mode=kind | 0o777), place)
    assert nothing_left(place)


def test_an_encrypted_member_is_refused(tmp_path, place):
    with pytest.raises(DataError, match=r"x\.zip: 'odd': encrypted"):
        unpacked(member_zip(tmp_path / "x.zip", flags=1), place)
    assert nothing_left(place)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused_by_its_ratio(tmp_path, place, monkeypatch, make):
    monkeypatch.setattr(module, "SMALL_BYTES", 1 << 20)
    path = make(tmp_path / ("x.zip" if make is zipped else "x.tar.gz"), {"zeros": bytes(20 << 20)})
    with pytest.raises(DataError, match=r"unpacks to more than the [\d,]+ bytes that are allowed, 200 times"):
        unpacked(path, place)
    assert nothing_left(place)


def test_a_gz_bomb_is_noticed_while_it_comes_out(tmp_path, place, monkeypatch):
    monkeypatch.setattr(module, "SMALL_BYTES", 1 << 20)
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(50 << 20)))
    with pytest.raises(DataError, match=r"x\.gz: 'x': unpacks to more than"):
        unpacked(tmp_path / "x.gz", place)
    assert nothing_left(place)


def test_a_zip_that_declares_less_than_comes_out_is_refused(tmp_path, place):
    path = zipped(tmp_path / "x.zip", {"zeros": bytes(5 << 20)})
    content = path.read_bytes()
    size = (5 << 20).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(DataError, match=r"x\.zip: 'zeros': damaged"):
        unpacked(path, place)
    assert nothing_left(place)


def test_text_that_shrinks_well_is_no_bomb(tmp_path, place):
    files = {"x": b"the same line again\n" * 100_000}
    assert contents(unpacked(zipped(tmp_path / "x.zip", files), place)) == files


def test_too_many_members_are_refused(tmp_path, place, monkeypatch):
    monkeypatch.setattr(module, "MOST_MEMBERS", 2)
    with pytest.raises(DataError, match="the archive holds more than 2 members"):
        unpacked(zipped(tmp_path / "x.zip"), place)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_or_within_a_file_is_refused(tmp_path, place):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("a", "one")
        file.writestr("./a", "two")
    with pytest.raises(DataError, match=r"'\./a': stands twice"):
        unpacked(tmp_path / "x.zip", place)
    with pytest.raises(DataError, match=r"'a/b': cannot be unpacked: (Not a directory|File exists)"):
        unpacked(zipped(tmp_path / "y.zip", {"a": b"", "a/b": b""}), place)
    assert nothing_left(place)


NOISE = {"noise": random.Random(1).randbytes(30_000), "more": b"x" * 5_000}


@pytest.mark.parametrize("make", [zipped, tarred])
@given(cut=st.integers(0, 29_000))
def test_an_archive_that_is_cut_off_is_damaged_wherever_that_is(tmp_path_factory, make, cut):
    folder = tmp_path_factory.mktemp("cut")
    path = make(folder / ("x.zip" if make is zipped else "x.tar.gz"), NOISE)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"x\.(zip|tar\.gz).*: (damaged or cut off|begins with)") as caught:
        unpacked(path, folder / "home" / "out")
    assert "\n" not in str(caught.value)
    assert nothing_left(folder / "home" / "out")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_changed_byte_is_noticed(tmp_path, place, make):
    path = make(tmp_path / ("x.zip" if make is zipped else "x.tar.gz"), NOISE)
    content = bytearray(path.read_bytes())
    content[15_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or cut off"):
        unpacked(path, place)
    assert nothing_left(place)


def test_what_is_no_archive_is_named_by_its_first_bytes(tmp_path, place):
    (tmp_path / "x.zip").write_bytes(b"<html>Not found</html>")
    with pytest.raises(DataError, match=r"x\.zip: begins with b'<htm', which is neither zip nor gzip"):
        unpacked(tmp_path / "x.zip", place)
    with pytest.raises(DataError, match=r"gone\.zip: cannot be unpacked: No such file"):
        unpacked(tmp_path / "gone.zip", place)


PROGRAM = """
import sys
from pathlib import Path
from bench.data.web import archive
archive._CHUNK = 100
archive.unpacked(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_after_a_kill_nothing_half_unpacked_counts_and_the_next_call_clears_up(tmp_path, place):
    files = {f"{i}": random.Random(i).randbytes(200_000) for i in range(100)}
    zipped(tmp_path / "x.zip", files)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "x.zip"), str(place)])
    while len(list(place.parent.glob(".out.*.unpacking/*"))) < 5:
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not place.exists()
    assert contents(unpacked(tmp_path / "x.zip", place)) == files
    assert sorted(path.name for path in place.parent.iterdir()) == [".out.lock", "out"]


def test_two_at_once_unpack_once(tmp_path, place):
    zipped(tmp_path / "x.zip")
    threads = [threading.Thread(target=unpacked, args=(tmp_path / "x.zip", place)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(place) == FILES


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
    zipped(tmp_path / "x.zip")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file: cannot be used: (Not a directory|File exists)"):
        unpacked(tmp_path / "x.zip", tmp_path / "file" / "out")
    opening = Opening(None, tmp_path, tmp_path, lambda *_: None)
    for origin in ("x.zip", "http://127.0.0.1:9/x.zip"):
        with pytest.raises(DataError, match=r"file: cannot be used: (Not a directory|File exists)"):
            fetched_folder(origin, opening, tmp_path / "file")
    with pytest.raises(DataError, match="not an address"):
        fetched_folder("http://[x/a.zip", opening, tmp_path)
