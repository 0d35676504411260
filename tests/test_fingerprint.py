"""A hash changes with what matters and with nothing else."""

from hashlib import sha256

import pytest

from bench.fingerprint import fingerprint, latency_identity, quality_identity, source_hash


def test_the_order_of_keys_does_not_matter_and_values_do():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


CONTENT = {"searched documents": "d", "held-out questions": "q", "judgements": "j", "training data": "t"}


def test_collection_and_pool_are_part_of_quality():
    base = quality_identity(CONTENT, "heldout")
    others = [quality_identity({**CONTENT, part: "x"}, "heldout") for part in CONTENT]
    others.append(quality_identity(CONTENT, "all"))
    assert fingerprint(base) == fingerprint(quality_identity(CONTENT, "heldout"))
    assert len({fingerprint(parts) for parts in (base, *others)}) == 6


def test_latency_depends_on_the_machine_but_not_on_its_load():
    facts = {"pool": "all", "device": "cpu", "threads": 2, "k": 10}
    base = latency_identity(CONTENT, {"processor": "x", "load average": "1"}, **facts)
    assert base == latency_identity(CONTENT, {"processor": "x", "load average": "2"}, **facts)
    assert base != latency_identity(CONTENT, {"processor": "y", "load average": "1"}, **facts)
    assert base != latency_identity(CONTENT, {"processor": "x"}, **{**facts, "threads": 1})
    assert base == latency_identity({**CONTENT, "training data": "other"}, {"processor": "x"}, **facts)


def test_a_source_hash_follows_shared_files_but_not_neighbours(tmp_path):
    house = tmp_path / "house"
    (house / "shared").mkdir(parents=True)
    mine, shared = house / "mine.py", house / "shared" / "text.py"
    mine.write_text("from house.shared.text import words\n", encoding="utf-8")
    shared.write_text("words = 1\n", encoding="utf-8")
    (house / "shared" / "__init__.py").write_text("", encoding="utf-8")
    base = source_hash(mine)
    (house / "other.py").write_text("x = 1\n", encoding="utf-8")
    assert source_hash(mine) == base
    shared.write_text("words = 2\n", encoding="utf-8")
    assert source_hash(mine) != base


@pytest.fixture
def package(tmp_path):
    """``lab.models.mine`` and its neighbours: write sources by path below ``lab``, where every ``__init__.py`` is empty."""

    def write(sources):
        for name, text in sources.items():
            path = tmp_path / "lab" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "lab" / "models" / "mine.py"

    write(dict.fromkeys(("__init__", "models/__init__", "text/__init__", "models/sub/__init__"), ""))
    return write


@pytest.mark.parametrize(
    ("imports", "changed"),
    [
        ("from .helper import f", "models/helper"),
        ("from . import helper", "models/helper"),
        ("from .sub import deep", "models/sub/deep"),
        ("from .sub.deep import f", "models/sub/__init__"),
        ("from ..text import words", "text/words"),
        ("from ..text.words import split", "text/__init__"),
        ("from .. import shared", "shared"),
        ("import lab.text.words", "text/words"),
        ("import lab.text.words as w", "text/__init__"),
        ("from lab.models import helper", "models/helper"),
        ("def late():\n    from .helper import f", "models/helper"),
        ("", "__init__"),
        ("", "models/__init__"),
    ],
)
def test_relative_imports_sub_packages_and_init_files_are_followed(package, imports, changed):
    others = ("models/helper", "models/sub/deep", "text/words", "shared")
    mine = package({"models/mine": f"{imports}\n", **dict.fromkeys(others, "x = 1\n")})
    base = source_hash(mine)
    package({changed: "x = 2\n"})
    assert source_hash(mine) != base


def test_what_an_init_file_imports_is_followed(package):
    mine = package(
        {"models/mine": "x = 1\n", "models/__init__": "from ..text.words import f\n", "text/words": "f = 1\n"}
    )
    base = source_hash(mine)
    package({"text/words": "f = 2\n"})
    assert source_hash(mine) != base


def test_what_nobody_imports_and_what_lies_outside_is_not_followed(package, tmp_path):
    mine = package({"models/mine": "import json, other\nfrom ....far import x\n", "models/helper": "x = 1\n"})
    base = source_hash(mine)
    package({"models/helper": "x = 2\n"})
    for name in ("other", "far", "json", "lab"):
        (tmp_path / f"{name}.py").write_text("x = 2\n", encoding="utf-8")
    assert source_hash(mine) == base


def test_the_place_of_a_package_does_not_matter(package, tmp_path):
    mine = package({"models/mine": "from .helper import f\n", "models/helper": "f = 1\n"})
    base = source_hash(mine)
    (tmp_path / "lab").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moved").rename(tmp_path / "elsewhere" / "lab")
    assert source_hash(tmp_path / "elsewhere" / "lab" / "models" / "mine.py") == base


def test_imports_in_a_circle_end(package):
    mine = package({"models/mine": "from .helper import f\n", "models/helper": "from .mine import g\n"})
    assert source_hash(mine) == source_hash(mine)


def test_a_source_hash_follows_what_a_single_file_imports_from_its_folder(tmp_path):
    mine, helper = tmp_path / "mine.py", tmp_path / "helper.py"
    mine.write_text("import helper\nfrom other import words\n", encoding="utf-8")
    (tmp_path / "unrelated.py").write_text("x = 1\n", encoding="utf-8")
    bases = []
    for text in ("a = 1\n", "a = 2\n"):
        helper.write_text(text, encoding="utf-8")
        bases.append(source_hash(mine))
        (tmp_path / "other.py").write_text(text, encoding="utf-8")
        bases.append(source_hash(mine))
    assert len(set(bases)) == 4
    (tmp_path / "unrelated.py").write_text("x = 2\n", encoding="utf-8")
    assert source_hash(mine) == bases[-1]


def test_what_a_plug_in_elsewhere_imports_of_the_house_is_followed(tmp_path, monkeypatch):
    house, mine = tmp_path / "house", tmp_path / "elsewhere" / "mine.py"
    sources = {
        "retrievers/neural/__init__.py": "",
        "retrievers/neural/encoder.py": "from retrievers.neural.deep import f\n",
        "retrievers/neural/deep.py": "f = 1\n",
        "retrievers/neural/other.py": "x = 1\n",
        "bench/api.py": "x = 1\n",
    }
    for name, text in sources.items():
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text, encoding="utf-8")
    mine.parent.mkdir()
    for module in ("bench.imports", "bench.fingerprint"):
        monkeypatch.setattr(f"{module}.HOUSE", house)
    mine.write_text("from bench.api import Retriever\nfrom retrievers.neural import encoder\n", encoding="utf-8")
    base = source_hash(mine)
    for name in ("bench/api.py", "retrievers/neural/other.py"):
        (house / name).write_text("x = 2\n", encoding="utf-8")
    assert source_hash(mine) == base
    changed = {base}
    for name in ("__init__", "encoder", "deep"):
        with (house / "retrievers" / "neural" / f"{name}.py").open("a", encoding="utf-8") as file:
            file.write("# another source\n")
        changed.add(source_hash(mine))
    assert len(changed) == 4


def test_a_file_of_the_house_is_hashed_by_its_place_below_the_house_alone(tmp_path, monkeypatch):
    """The digest of a retriever of the house from before plug-ins elsewhere were followed into it: stored fits stay valid."""
    house = tmp_path / "house"
    (house / "retrievers" / "shared").mkdir(parents=True)
    mine, shared = house / "retrievers" / "mine.py", house / "retrievers" / "shared" / "text.py"
    mine.write_text("from retrievers.shared.text import words\n", encoding="utf-8")
    shared.write_text("words = 1\n", encoding="utf-8")
    for module in ("bench.imports", "bench.fingerprint"):
        monkeypatch.setattr(f"{module}.HOUSE", house)
    digests = {path: sha256(path.read_bytes()).hexdigest() for path in (mine, shared)}
    assert source_hash(mine) == fingerprint({"mine.py": digests[mine], "shared/text.py": digests[shared]})
