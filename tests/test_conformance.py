"""Every retriever of the house passes the conformance kit, and the kit catches every way of breaking the contract."""

import re
from pathlib import Path

import pytest
from plugin_examples import OVERLAP, SCORER, ZEROS, broken

from bench.build import build
from bench.conformance import CHECKS, ConformanceError, check_retriever
from bench.errors import PluginError
from bench.loading import load
from bench.pipeline import Exhaustive
from bench.plugins import find
from bench.spec import parse

FAST = {name: f"{name}:epochs=1" for name in ("gru", "cnn", "mapping", "maxsim", "match-pyramid")}


LIVE = sorted(
    name for name, plugin in find().items() if all(one.default != "required" for one in plugin.describe().parameters)
)
"""Those that need no file or model of one's own."""


@pytest.mark.parametrize("name", LIVE)
def test_every_retriever_fulfils_the_contract(name):
    system = build(parse(FAST.get(name, name)), find())
    component = system.scorer if isinstance(system, Exhaustive) else system
    assert len(check_retriever(component)) == len(CHECKS)


PHASED = broken(
    "return Hits.top(np.tile(np.arange(self._size) * self._learned * self._width * self.depth, (len(queries), 1)), k)",
    index="self._width = self.width",
    extra="""
    width: int = 1
    depth: int = 1
    phases: ClassVar = {"width": "index", "depth": "search"}

    def fit(self, train, dev, env):
        self._learned = 1

    def save(self, folder):
        (folder / "learned").write_text(str(self._learned))

    def load(self, folder):
        self._learned = int((folder / "learned").read_text())

""",
).replace("import signal", "import signal\nfrom typing import ClassVar")


@pytest.mark.parametrize("source", [OVERLAP, SCORER])
def test_a_component_of_a_few_lines_passes(plugin, source):
    assert check_retriever(load(find([plugin("mine", source)])["mine"])())


def test_the_example_of_the_readme_passes(plugin):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (source,) = [block for block in blocks if "(Retriever):" in block]
    found = find([plugin("word_overlap", source)])["word-overlap"]
    assert found.describe().summary.endswith(".")
    assert len(check_retriever(load(found)(min_length=4))) == len(CHECKS)


def test_learning_is_asked_for_as_rarely_as_the_checks_allow(plugin):
    """Once for all, once to repeat it, once with another seed, once with other ids."""
    source = OVERLAP.replace(
        "    def index", "    def fit(self, train, dev, env):\n        FITS.append(env.seed)\n\n    def index"
    )
    loaded = load(find([plugin("mine", f"{source}\nFITS = []\n")])["mine"])
    check_retriever(loaded())
    assert loaded.fit.__globals__["FITS"] == [0, 0, 1, 0]


def test_what_is_no_component_is_named():
    class Other:
        devices = ("cpu",)

    with pytest.raises(ConformanceError, match=r"^leaves_the_corpus: TypeError: .*dataclass"):
        check_retriever(Other())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (broken("return self._size"), "^returns_rankings: search\\(\\) must return Hits"),
        (broken("return Hits(np.zeros((len(queries), 1)), np.zeros((len(queries), 1), np.float32))"), "must be int64"),
        (broken("return Hits(np.zeros((len(queries), 1), int), np.zeros((len(queries), 1)))"), "must be float32"),
        (broken("return Hits(np.zeros((len(queries), 2), int), np.ones((len(queries), 2), np.float32))"), "ranking"),
        (broken("return Hits.top(np.full((len(queries), self._size), np.nan, np.float32), k)"), "ranking"),
        (broken("return Hits.top(np.zeros((len(queries), self._size), np.float32), k + 1)"), "ranking"),
        (broken("len(self._corpus); " + ZEROS, index="self._corpus = corpus"), "^leaves_the_corpus: .*index"),
        (broken("return Hits.top(np.random.rand(len(queries), self._size), k)"), "same|alone"),
        (
            broken(
                "return Hits.top(np.random.default_rng(self._seed).random((1, self._size)).repeat(len(queries), 0), k)",
                index="self._seed = env.seed",
            ),
            "seeded = True",
        ),
        (
            broken(ZEROS, index="self._size = getattr(self, '_first', self._size); self._first = self._size"),
            "^indexes_again: ",
        ),
        (broken("queries[0]; " + ZEROS), "^takes_no_queries: IndexError: tuple index out of range$"),
        (broken(ZEROS, index="raise KeyError('two\\nlines')"), "^leaves_the_corpus: KeyError: "),
        (
            broken(
                "hits = Hits.top(np.tile(np.arange(self._size), (len(queries), 1)), k); "
                "return Hits(hits.positions[:, ::-1].copy(), hits.scores[:, ::-1].copy())"
            ),
            "^ranks_best_first: ",
        ),
        (
            broken(
                "return Hits.top(np.array([[q.id[1:] == d[1:] for d in self._ids] for q in queries]), k)",
                index="self._ids = [doc.id for doc in corpus]",
            ),
            "^reads_no_ids: ",
        ),
        (
            broken(
                "return Hits.top(np.tile(self._order, (len(queries), 1)), k)",
                index="self._order = np.argsort(np.argsort([doc.id for doc in corpus]))",
            ),
            "^reads_no_ids: ",
        ),
        (SCORER.replace("if at >= 0 else 0", "/ 0 if at >= 0 else 0"), "^leaves_the_corpus: ZeroDivisionError"),
        (SCORER.replace(".reshape(positions.shape)", "[[0]]"), "^returns_rankings: .*shape"),
        (broken(ZEROS, extra="    def save(self, folder): pass\n"), "belong together"),
    ],
)
def test_the_kit_catches(plugin, source, problem):
    component = load(find([plugin("mine", source)])["mine"])()
    with pytest.raises(ConformanceError, match=problem):
        check_retriever(component)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (("x", "x"), None),
        (("self._learned = 1", "self._learned = self.width"), "^shares_its_fit: depth or width changes what fit"),
        (("self._learned = 1", "self._learned = self.depth"), "^shares_its_fit: depth or width changes what fit"),
        (("= self.width", "= self.width * self.depth"), "^retunes_without_indexing: retune\\(\\) of depth must do"),
    ],
)
def test_the_kit_asks_whether_parameters_are_read_when_phases_says(plugin, wrong, problem):
    component = load(find([plugin("mine", PHASED.replace(*wrong))])["mine"])(width=2, depth=3)
    if problem is None:
        assert len(check_retriever(component)) == len(CHECKS)
        return
    with pytest.raises(ConformanceError, match=problem):
        check_retriever(component)


@pytest.mark.parametrize(
    ("phases", "problem"),
    [
        ('{"height": "index"}', "Broken.phases says 'height': 'index', not a hyper-parameter and index or search"),
        ('{"depth": "fit"}', "Broken.phases says 'depth': 'fit', not a hyper-parameter and index or search"),
        ('("depth",)', "Broken.phases must be a dictionary"),
    ],
)
def test_phases_of_what_is_none_are_refused(plugin, phases, problem):
    source = PHASED.replace('{"width": "index", "depth": "search"}', phases)
    with pytest.raises(PluginError, match=problem):
        load(find([plugin("mine", source)])["mine"])
