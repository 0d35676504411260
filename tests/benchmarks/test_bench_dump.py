"""Speed of streaming a Stack Exchange dump, plain and out of an archive; ``extra_info`` has megabytes a second."""

import pytest
from posts_examples import synthetic

from bench.data.forums.stack_dump import read_posts

SIZE = 50_000_000


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("dump") / "Posts.xml"
    with path.open("wb") as file:
        file.writelines(synthetic(SIZE))
    return path


@pytest.fixture(scope="module")
def packed(plain):
    """With bzip2, as the archives of the dumps are."""
    py7zr = pytest.importorskip("py7zr")
    path = plain.with_suffix(".7z")
    with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as archive:
        archive.write(plain, "Posts.xml")
    return path


def _read(path):
    return read_posts(path, "pytorch", accepted_only=False, progress=lambda _fraction, _note: None)


@pytest.mark.parametrize("form", ["plain", "packed"])
def test_streaming_50_megabytes_of_posts(benchmark, request, form):
    path = request.getfixturevalue(form)
    posts = benchmark.pedantic(_read, args=(path,), rounds=3)
    benchmark.extra_info["MB/s"] = round(SIZE / benchmark.stats.stats.min / 1e6)
    assert len(posts.threads.questions) == -(-posts.asked // 50)
    assert not posts.again
