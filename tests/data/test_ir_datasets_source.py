"""Collections of the ir_datasets package, registered there from files written here; nothing is downloaded."""

import sys

import pytest

from bench.data.load import open_dataset
from bench.errors import DataError

NAME = "benchtest"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package with a collection of forty documents and parts for train, dev and test, as its own are built."""
    patch = pytest.MonkeyPatch()
    patch.setenv("IR_DATASETS_HOME", str(tmp_path_factory.mktemp("home")))
    ir_datasets = pytest.importorskip("ir_datasets")
    folder = tmp_path_factory.mktemp("files")

    def local(name, text):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return ir_datasets.util.LocalDownload(path)

    docs = ir_datasets.formats.TsvDocs(local("docs", "".join(f"d{i}\ttext number{i}\n" for i in range(40))))

    def part(name, numbers, lines=None):
        queries = local(f"{name}.queries", "".join(f"q{i}\tquestion alpha{i} beta{i}\n" for i in numbers))
        qrels = local(f"{name}.qrels", lines or "".join(f"q{i} 0 d{i} 1\n" for i in numbers))
        return ir_datasets.Dataset(
            docs,
            ir_datasets.formats.TsvQueries(queries),
            ir_datasets.formats.TrecQrels(qrels, {1: "right", 0: "wrong"}),
        )

    ir_datasets.registry.register(NAME, ir_datasets.Dataset(docs))
    for name, numbers in (("train", range(20)), ("dev", [20, 21]), ("test", [30, 31, 32])):
        ir_datasets.registry.register(f"{NAME}/{name}", part(name, numbers))
    ir_datasets.registry.register(f"{NAME}-lost/test", part("lost", [1], "q1 0 d1 1\nq1 0 d77 1\n"))
    gone = ir_datasets.formats.TsvDocs(ir_datasets.util.LocalDownload(folder / "not" / "there"))
    judged = part("gone", [1])._constituents[1:]
    ir_datasets.registry.register(f"{NAME}-gone", ir_datasets.Dataset(gone, *judged))
    ir_datasets.registry.register(f"{NAME}-bare", ir_datasets.Dataset(docs))
    yield ir_datasets
    patch.undo()


@pytest.fixture
def opened(tmp_path, package):
    return lambda reference: open_dataset(f"ir-datasets:{reference}", cache=tmp_path / "cache")


def ids(split):
    return [query.id for query in split.queries]


@pytest.mark.parametrize("name", [NAME, f"{NAME}/test"])
def test_held_out_is_the_test_part_and_its_siblings_are_for_learning(opened, name):
    data = opened(name)
    assert (len(data.train.queries), ids(data.dev), ids(data.test)) == (20, ["q20", "q21"], ["q30", "q31", "q32"])
    assert (data.corpus[5].text, data.test.qrels["q31"]) == ("text number5", {"d31": 1})
    assert (data.name, data.pool) == (name.replace("/", "-"), "all")
    assert data.facts["read with"].startswith("ir_datasets ")


def test_a_part_that_is_not_test_has_no_siblings_but_those_named(opened):
    data = opened(f"{NAME}/dev,train={NAME}/train")
    assert (ids(data.test), len(data.train.queries), len(data.dev.queries)) == (["q20", "q21"], 18, 2)


def test_an_unknown_name_is_answered_with_the_nearest(opened):
    with pytest.raises(DataError, match=r"ir_datasets has no 'benchtest/tst'; did you mean benchtest/test\?"):
        opened(f"{NAME}/tst")


def test_a_judgement_of_what_is_not_there_is_named(opened):
    with pytest.raises(DataError, match=r"ir-datasets:benchtest-lost/test: no document 'd77' among the 40"):
        opened(f"{NAME}-lost/test")


def test_a_collection_without_judgements_is_refused(opened):
    with pytest.raises(DataError, match=r"benchtest-bare has no judgements; name one of its parts"):
        opened(f"{NAME}-bare")


def test_files_that_cannot_be_had_are_one_line(opened):
    with pytest.raises(DataError, match=r"^ir-datasets:benchtest-gone: .*not/there") as caught:
        opened(f"{NAME}-gone")
    assert "\n" not in str(caught.value)


def test_without_the_package_one_line_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(
        DataError, match=r"ir-datasets:x needs ir_datasets, .* pip install 'retrieverbench\[ir-datasets\]'"
    ):
        open_dataset("ir-datasets:x", cache=tmp_path)
