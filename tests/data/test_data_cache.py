"""The cache of built collections: same content back, rebuilt when damaged or outdated, safe for builders at once."""

import os
import threading
from dataclasses import replace

import pytest

from bench.api import Doc, Query
from bench.data.cache import cached
from bench.data.card import Card, SourceSpec
from bench.data.dataset import Dataset, Split
from bench.errors import StoreError

CARD = Card("tiny", "Tiny", SourceSpec("pairs", {"path": "tiny.csv"}))


def _dataset(text="solution"):
    def split(number):
        return Split((Query(f"q{number}", f"question {number} \ud800 é\n"),), {f"q{number}": {f"d{number}": 1}})

    corpus = tuple(Doc(f"d{i}", f"{text} {i} \0 \udfff", "title" if i else "") for i in range(3))
    return Dataset("tiny", corpus, split(0), split(1), split(2), "all", {"b": "1", "a": "2"}, {"q0": "g"})


class _Builder:
    def __init__(self, dataset):
        self.dataset = dataset
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.dataset


def test_what_comes_back_is_what_was_stored(tmp_path):
    build = _Builder(_dataset())
    first, second = (cached(tmp_path, CARD, {"numpy": "1"}, build) for _ in range(2))
    assert build.calls == 1
    assert first == second
    assert list(second.facts) == ["b", "a"]
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    ("card", "versions"),
    [
        (CARD, {"numpy": "2"}),
        (replace(CARD, version=2), {"numpy": "1"}),
        (replace(CARD, split=replace(CARD.split, salt="2")), {"numpy": "1"}),
        (replace(CARD, source=SourceSpec("pairs", {"path": "tiny.csv", "question": "Frage"})), {"numpy": "1"}),
    ],
)
def test_another_version_or_rule_is_built_anew(tmp_path, card, versions):
    build = _Builder(_dataset())
    cached(tmp_path, CARD, {"numpy": "1"}, build)
    cached(tmp_path, card, versions, build)
    assert build.calls == 2


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-10], lambda b: b"", lambda b: b.replace(b"solution 1", b"solution 7")]
)
def test_a_damaged_file_is_rebuilt(tmp_path, damage):
    build = _Builder(_dataset())
    cached(tmp_path, CARD, {}, build)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cached(tmp_path, CARD, {}, build) == build.dataset
    assert build.calls == 2
    assert cached(tmp_path, CARD, {}, build) == build.dataset
    assert build.calls == 2


def test_only_the_newest_builds_are_kept_and_other_collections_left_alone(tmp_path):
    build = _Builder(_dataset())
    cached(tmp_path, replace(CARD, name="tiny-other"), {}, build)
    for number in range(8):
        cached(tmp_path, CARD, {"numpy": str(number)}, build)
        for path in tmp_path.iterdir():
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))
    assert len(list(tmp_path.glob("tiny-other-*"))) == 1
    assert len(list(tmp_path.iterdir())) == 1 + 4
    cached(tmp_path, CARD, {"numpy": "7"}, build)
    assert build.calls == 9


def test_names_are_no_patterns(tmp_path):
    build = _Builder(_dataset())
    for number in range(8):
        cached(tmp_path, replace(CARD, name="a[b]"), {"numpy": str(number)}, build)
        cached(tmp_path, replace(CARD, name="ab"), {"numpy": str(number)}, build)
    assert len(list(tmp_path.iterdir())) == 8


def test_what_killed_writers_left_is_swept_after_a_day(tmp_path):
    old, young = tmp_path / ".tiny-0123456789abcdef.json.x1", tmp_path / ".tiny-0123456789abcdef.json.x2"
    for path, age in ((old, 25), (young, 23)):
        path.touch()
        os.utime(path, (path.stat().st_mtime - age * 3600,) * 2)
    cached(tmp_path, CARD, {}, _Builder(_dataset()))
    assert (old.exists(), young.exists()) == (False, True)


def test_builders_at_once_all_get_the_whole_collection(tmp_path):
    dataset = _dataset("long text " * 10_000)
    barrier = threading.Barrier(4)
    found = []

    def build():
        barrier.wait(timeout=20)
        return dataset

    threads = [threading.Thread(target=lambda: found.append(cached(tmp_path, CARD, {}, build))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert found == [dataset] * 4
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path):
    folder = tmp_path / "file"
    folder.touch()
    with pytest.raises(StoreError, match=r"cannot read .*file"):
        cached(folder, CARD, {}, _Builder(_dataset()))
