"""Finding, describing and loading retrievers: every mistake is one line that names the plug-in."""

import subprocess
import sys
from dataclasses import fields
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest
from plugin_examples import OVERLAP, ZEROS, broken

from bench.describe import describe
from bench.errors import PluginError, SpecError
from bench.listing import retrievers
from bench.loading import load
from bench.plugins import find, get


def test_a_file_given_is_found_by_its_name_and_described_without_import(plugin):
    path = plugin("word_overlap", OVERLAP + "\nraise RuntimeError('imported')\n")
    found = find([path])["word-overlap"]
    told = found.describe()
    assert (told.kind, told.summary, told.devices, told.seeded) == (
        "Retriever",
        "Ranks by the number of shared words.",
        ("cpu",),
        False,
    )
    assert [(p.name, p.type, p.default) for p in told.parameters] == [("min_length", "int", "1")]
    with pytest.raises(PluginError, match=r"word_overlap\.py: import failed: RuntimeError: imported"):
        load(found)


def test_every_retriever_of_the_house_describes_itself_and_loads():
    for plugin in find().values():
        told = plugin.describe()
        assert told.summary.endswith("."), plugin.name
        loaded = load(plugin)
        assert loaded.__name__ == told.class_name
        assert [one.name for one in told.parameters] == [item.name for item in fields(loaded) if item.init]
        assert (told.devices, told.seeded) == (loaded.devices, loaded.seeded)


CHILD = """
from dataclasses import dataclass
from {module} import {base} as Parent

@dataclass
class Child(Parent):
    "A child."
    {field}
"""


def test_a_class_may_extend_one_of_a_file_beside_it(plugin, tmp_path):
    (tmp_path / "base.py").write_text(OVERLAP.replace("class Overlap", "class Base"), encoding="utf-8")
    told = find([plugin("child", CHILD.format(module="base", base="Base", field="extra: int = 2"))])["child"].describe()
    assert (told.class_name, told.kind, told.summary) == ("Child", "Retriever", "A child.")
    assert [(one.name, one.default) for one in told.parameters] == [("min_length", "1"), ("extra", "2")]


def test_a_class_may_extend_one_of_the_house(plugin):
    child = find([plugin("child", CHILD.format(module="retrievers.gru", base="GRU", field="epochs: int = 3"))])["child"]
    told = child.describe()
    assert (told.devices, told.seeded) == (("cpu", "cuda"), True)
    assert {one.name: one.default for one in told.parameters}["epochs"] == "3"
    assert [one.name for one in told.parameters] == [item.name for item in fields(load(child))]


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from retrievers import gru", "gru"),
        ("from retrievers import gru as theirs", "theirs"),
        ("import retrievers.gru", "retrievers.gru"),
        ("import retrievers.gru as theirs", "theirs"),
    ],
)
def test_a_base_may_be_named_by_its_module(plugin, line, module):
    source = CHILD.replace("from {module} import {base} as Parent", line).replace("(Parent)", f"({module}.GRU)")
    child = find([plugin("child", source.format(field="epochs: int = 3"))])["child"]
    told = child.describe()
    assert (told.kind, told.seeded) == ("Retriever", True)
    assert [one.name for one in told.parameters] == [item.name for item in fields(load(child))]


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ("class A(B): ...\nclass B(A): ...\n", ""),
        ("from other import B\nclass A(B): ...\n", "from mine import A\nclass B(A): ...\n"),
        ("from other import B\nclass A(B): ...\n", "from mine import B\n"),
        ("import other\nclass A(other.B): ...\n", "import mine\nclass B(mine.A): ...\n"),
    ],
)
def test_a_circle_of_bases_or_imports_extends_nothing(plugin, mine, other):
    plugin("other", other)
    with pytest.raises(PluginError, match="expected one public class that extends Retriever or Scorer, found none"):
        find([plugin("mine", mine)])["mine"].describe()


def test_a_name_taken_twice_is_an_error(plugin):
    with pytest.raises(PluginError, match=r"the name 'bm25' is taken by .*retrievers/bm25\.py"):
        find([plugin("bm25", OVERLAP)])


def test_an_unknown_name_answers_with_the_nearest(plugin):
    with pytest.raises(SpecError, match=r"no retriever 'bm52'; did you mean 'bm25'\? There are: .*random"):
        get("bm52", find())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\n", "found none"),
        ("def f(:\n", "cannot be read as Python"),
        (OVERLAP + OVERLAP.replace("Overlap", "Other"), "found Overlap, Other"),
        (OVERLAP.replace("@dataclass\n", ""), "must be a @dataclass"),
        (OVERLAP.replace("def search", "def find"), "lacks search"),
        (OVERLAP.replace("queries, k)", "queries)"), r"search\(self, queries\) must accept search\(self, queries, k\)"),
        (broken(ZEROS, extra="    def prepare(self): pass\n"), r"prepare\(self\) must accept prepare\(self, env\)"),
        (
            broken(ZEROS, extra="    w: int = 1\n    phases = {'w': 'search'}\n    def retune(self): pass\n"),
            r"retune\(self\) must accept retune\(self, w=\.\.\.\)",
        ),
        (broken(ZEROS, extra="    def fit(self, pairs): pass\n"), r"fit\(self, pairs\) must accept fit\(self, train"),
        (OVERLAP.replace("min_length: int", "min_length: 'Number'"), "cannot resolve a type: NameError: .*'Number'"),
        (
            OVERLAP.replace("min_length: int = 1", "sizes: tuple[int, ...] = (1,)"),
            r"Overlap\.sizes has the type tuple\[int, \.\.\.\], which a spec cannot hold; a parameter is a bool, int,",
        ),
        (OVERLAP.replace("min_length: int = 1", "size: int | list = 1"), r"size has the type int \| list"),
        (OVERLAP.replace("min_length: int = 1", "size: complex = 1"), "size has the type complex, "),
        (broken(ZEROS, extra="    devices = 'cuda'\n"), r"devices must be a tuple such as \('cpu', 'cuda'\)"),
        (broken(ZEROS, extra="    family = 'fuzzy'\n"), r"family must be 'lexical', 'neural' or ''"),
        (OVERLAP + "\nimport sys\nsys.exit('no licence')\n", "import failed: SystemExit: no licence"),
        (OVERLAP + "\nraise ImportError('one\\ntwo')\n", "import failed: ImportError: one two"),
        (OVERLAP + "\ndel Overlap\n", "None does not extend"),
    ],
)
def test_a_broken_plug_in_is_one_line_that_names_it(plugin, source, problem):
    path = plugin("mine", source)
    with pytest.raises(PluginError, match=problem) as caught:
        _described_and_loaded(path)
    assert "mine.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def _described_and_loaded(path):
    found = find([path])["mine"]
    found.describe()
    return load(found)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a distribution whose entry point ``theirs`` has a value; its folder is on the path."""

    def install(value):
        info = tmp_path / "site" / "elsewhere-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[bench.retrievers]\ntheirs = {value}\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(info.parent))
        return info.parent

    return install


class Finder:
    """What an editable install puts on ``sys.meta_path``: it knows where one package lies that is on no path."""

    def __init__(self, name, place):
        self._name, self._place = name, place

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        if self._place.is_dir():
            init = self._place / "__init__.py"
            return spec_from_file_location(name, init, submodule_search_locations=[str(self._place)])
        return spec_from_file_location(name, self._place)


def test_entry_points_register_retrievers(installed):
    (installed("elsewhere:Overlap") / "elsewhere.py").write_text(OVERLAP, encoding="utf-8")
    found = find()["theirs"]
    assert found.describe().summary == "Ranks by the number of shared words."
    assert load(found).__name__ == "Overlap"


@pytest.mark.parametrize(
    ("value", "place"), [("afar_package.inner.mine:Overlap", "afar_package"), ("afar_module:Overlap", "afar_module.py")]
)
def test_editable_installs_are_found_and_described_without_import(installed, tmp_path, monkeypatch, value, place):
    installed(value)
    top, *below = value.partition(":")[0].split(".")
    source = tmp_path / "src" / Path(top, *below).with_suffix(".py")
    source.parent.mkdir(parents=True)
    source.write_text(OVERLAP, encoding="utf-8")
    for folder in source.parents[: len(below)]:
        (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder(top, tmp_path / "src" / place)])
    found = find()["theirs"]
    assert found.path == source
    assert found.describe().class_name == "Overlap"
    assert top not in sys.modules
    assert load(found).__name__ == "Overlap"


def test_an_entry_point_without_a_source_is_listed_with_the_others(installed):
    installed("nowhere.at_all:Overlap")
    with pytest.raises(PluginError, match=r"entry point theirs = nowhere\.at_all:Overlap: its source was not found"):
        find()["theirs"].describe()
    lines = retrievers([]).splitlines()
    assert any(line.startswith("  theirs         cannot be read: entry point theirs = nowhere") for line in lines)
    assert any(line.startswith("  bm25 ") for line in lines)


def test_devices_that_only_an_import_could_tell_keep_the_default(plugin):
    path = plugin("mine", broken(ZEROS, extra="    devices: ClassVar = SOMETHING\n    seeded = bool(1)\n"))
    told = find([path])["mine"].describe()
    assert (told.devices, told.seeded, told.parameters) == (("cpu",), False, ())
    known = plugin("other", broken(ZEROS, extra="    devices: typing.ClassVar = ('cpu', 'cuda')\n    seeded = True\n"))
    told = find([known])["other"].describe()
    assert (told.devices, told.seeded, told.parameters) == (("cpu", "cuda"), True, ())


def test_a_missing_plug_in_file_is_named(tmp_path):
    with pytest.raises(PluginError, match=r"--plugin .*absent\.py: no such file"):
        find([tmp_path / "absent.py"])


def test_finding_and_describing_imports_nothing_heavy():
    code = (
        "import sys; from bench.plugins import find; [p.describe() for p in find().values()];"
        "print([m for m in ('torch', 'numpy', 'pandas', 'sklearn', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_documentation_of_a_parameter_is_the_string_below_it(plugin):
    source = OVERLAP.replace("min_length: int = 1", 'min_length: int = 1\n    """Shorter words are ignored."""')
    assert describe(plugin("documented", source)).parameters[0].doc == "Shorter words are ignored."
