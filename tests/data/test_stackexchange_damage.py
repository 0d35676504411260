"""Damaged and hostile dumps: each is one line that names file and line, and none is expanded, fetched or unpacked."""

import random
import sys

import pytest
from posts_examples import HEAD, TAIL, answer, document, question, row

from bench.data.forums.dump import read_rows
from bench.data.forums.stack_dump import read_posts
from bench.errors import DataError

py7zr = pytest.importorskip("py7zr")

GOOD = document(*[text for number in range(1, 41, 2) for text in (question(number), answer(number + 1, number))])
BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE posts [\n<!ENTITY a "aaaaaaaaaa">\n<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">\n]>\n'
    '<posts><row Id="1" Body="&b;"/></posts>'
)


def read(path):
    posts = read_posts(path, "", accepted_only=False, progress=lambda _fraction, _note: None)
    return {asked.id: best.body for asked, best in posts.threads.solved()}


@pytest.fixture
def archive(tmp_path):
    """Writes a .7z of texts by their paths in it."""

    def write(members, name="site.7z", **options):
        path = tmp_path / name
        with py7zr.SevenZipFile(path, "w", **options) as file:
            for inside, text in members.items():
                file.writestr(text if isinstance(text, bytes) else text.encode(), inside)
        return path

    return write


DAMAGE = [
    (GOOD[:-9], r":43: the file ends too early \(no element found\)"),
    (GOOD[: len(GOOD) // 2 + 99], r":\d+: the file ends too early \(unclosed token\) at byte [\d,]+"),
    ("", r":1: the file ends too early"),
    (BOMB, r":2: a document type declaration \(DTD\), which can hold entity bombs"),
    ('<!DOCTYPE posts SYSTEM "file:///etc/passwd"><posts/>', r":1: a document type declaration"),
    ('<!DOCTYPE posts [<!ENTITY x SYSTEM "http://127.0.0.1:9/">]><posts/>', r":1: a document type declaration"),
    (document('<row Id="1" Body="&x;"/>'), r":3: not XML: undefined entity at byte 47"),
    (document("\n", '<row Id="1" Body="a\udcff"/>'), r":4: not UTF-8 \(byte 0xff\) at byte 67"),
    (document('<row Id="1" Body="\udced\udca0\udc80"/>'), r":3: not UTF-8 \(byte 0xed\)"),
    (document('<row Id="1" Body="a\x01"/>'), r":3: a control character \(byte 0x01\)"),
    (document('<row Id="1" Body="&#0;"/>'), r":3: not XML: reference to invalid character number"),
    (document('<row Id="1" Id="2"/>'), r":3: not XML: duplicate attribute"),
    ("\x00\x01\x02\x03", r":1: a control character"),
    ("plain text", r":1: not XML: syntax error at byte 0"),
    ('<?xml version="1.0"?>\n<users>\n</users>', r":2: the root is <users>, not <posts>; this is another file"),
    (document("<post/>"), r":3: <post> where a <row> should stand"),
    (document("<row Id='1' PostTypeId='5'><row/></row>"), r":3: <row> where a <row> should stand"),
    (document(question(1), row(PostTypeId=1)), r":4: a row without Id"),
    (document(row(Id=1)), r":3: a row without PostTypeId"),
    (document(question(1, Id="one")), r":3: Id 'one' is not a whole number"),
    (document(question(1, CreationDate="yesterday")), r":3: CreationDate 'yesterday' is not an ISO 8601 date"),
    (document(question(1), answer(2, None)), r":4: a row without ParentId"),
    (document(question(1), answer(2, 1, Score="")), r":4: Score '' is not a whole number"),
    (document(question(1, AcceptedAnswerId="x")), r":3: AcceptedAnswerId 'x' is not a whole number"),
]


@pytest.mark.parametrize(("text", "message"), DAMAGE)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "7z"])
def test_damage_is_named_with_file_and_line(tmp_path, archive, text, message, packed):
    content = text.encode("utf-8", "surrogateescape")
    path = archive({"site/Posts.xml": content}) if packed else tmp_path / "Posts.xml"
    if not packed:
        path.write_bytes(content)
    where = r"site\.7z/site/Posts\.xml" if packed else r"Posts\.xml"
    with pytest.raises(DataError, match=where + message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "Posts.xml"
    content = GOOD.strip().encode()
    for end in random.Random(0).sample(range(len(content)), 200):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match=r"Posts\.xml:\d+: the file ends too early"):
            read(path)


def test_a_row_without_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "Posts.xml"
    with path.open("wb") as file:
        file.write(f'{HEAD}<row Id="1" Body="'.encode())
        for _ in range(20):
            file.write(b"a" * 2**20)
    with pytest.raises(DataError, match=r"Posts\.xml:3: a row of more than 16 MiB"):
        read(path)


def test_characters_on_the_border_of_blocks_are_whole(tmp_path):
    body = "é€𝄞" * 300_000
    path = tmp_path / "Posts.xml"
    path.write_text(document(question(1), answer(2, 1, body)), encoding="utf-8")
    assert read(path) == {1: body}


def test_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "Posts.xml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert len(read(path)) == 20


def test_rows_of_any_table_can_be_read(tmp_path):
    path = tmp_path / "Tags.xml"
    path.write_text('<tags><row Id="1" TagName="a"/><row Id="2" TagName="b"/></tags>', encoding="utf-8")
    names, fractions = [], []
    read_rows(path, "Tags.xml", "tags", lambda tag: names.append(tag["TagName"]), fractions.append)
    assert (names, fractions[-1]) == (["a", "b"], 1.0)


@pytest.mark.parametrize("inside", ["Posts.xml", "stackoverflow.com/posts.XML"])
@pytest.mark.parametrize(
    "filters", [None, [{"id": py7zr.FILTER_BZIP2}], [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]]
)
def test_an_archive_reads_as_the_file_in_it(tmp_path, archive, inside, filters):
    path = archive({"Users.xml": "<users/>", inside: GOOD, "Votes.xml": "<votes/>"}, filters=filters)
    before = sorted(tmp_path.rglob("*"))
    plain = tmp_path / "Posts.xml"
    plain.write_text(GOOD, encoding="utf-8")
    assert read(path) == read(plain)
    plain.unlink()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"Users.xml": "<users/>", "Tags.xml": "<tags/>"},
            r"site\.7z: no Posts\.xml in it; it holds Tags\.xml, Users\.xml",
        ),
        ({"a/Posts.xml": GOOD, "b/Posts.xml": GOOD}, r"several Posts\.xml in it; it holds a/Posts\.xml, b/Posts\.xml"),
    ],
)
def test_an_archive_must_hold_one_posts_xml(archive, members, message):
    with pytest.raises(DataError, match=message):
        read(archive(members))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_archive_is_refused(archive, share):
    path = archive({"Posts.xml": GOOD})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"site\.7z: not a whole 7z archive .*; download it again"):
        read(path)


def outcome(path):
    try:
        return read(path)
    except DataError as error:
        return str(error)


def test_a_flipped_bit_never_passes_unnoticed(archive):
    path = archive({"Posts.xml": GOOD})
    content, whole = path.read_bytes(), read(path)
    source = random.Random(1)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
        path.write_bytes(damaged)
        found = outcome(path)
        assert found == whole or (isinstance(found, str) and "\n" not in found)


def test_an_encrypted_archive_is_refused(archive):
    path = archive({"Posts.xml": GOOD}, password="word")  # noqa: S106 - of this test alone
    with pytest.raises(DataError, match=r"site\.7z: encrypted; unpack the file yourself"):
        read(path)


def test_without_the_library_one_line_names_it(archive, monkeypatch):
    path = archive({"Posts.xml": GOOD})
    monkeypatch.setitem(sys.modules, "py7zr", None)
    with pytest.raises(
        DataError, match=r"site\.7z: reading \.7z needs py7zr, .*pip install 'retrieverbench\[stackexchange\]'"
    ):
        read(path)


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(DataError, match=r"site\.7z: cannot be read: No such file"):
        read(tmp_path / "site.7z")


def test_head_and_tail_alone_hold_no_questions(tmp_path):
    path = tmp_path / "Posts.xml"
    path.write_text(HEAD + TAIL, encoding="utf-8")
    assert read(path) == {}
