"""Finding, describing and loading retrievers: every mistake is one line that names the plug-in."""

import subprocess
import sys

import pytest
from plugin_examples import OVERLAP, ZEROS, broken

from bench.describe import describe
from bench.errors import PluginError, SpecError
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
        assert load(plugin).__name__ == told.class_name


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
        (broken(ZEROS, extra="    def fit(self, pairs): pass\n"), r"fit\(self, pairs\) must accept fit\(self, train"),
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


def test_entry_points_register_retrievers(tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(OVERLAP, encoding="utf-8")
    info = tmp_path / "elsewhere-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[bench.retrievers]\ntheirs = elsewhere:Overlap\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find()["theirs"]
    assert found.describe().summary == "Ranks by the number of shared words."
    assert load(found).__name__ == "Overlap"


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
