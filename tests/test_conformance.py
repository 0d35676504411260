"""Every retriever of the house passes the conformance kit, and the kit catches every way of breaking the contract."""

import pytest
from plugin_examples import OVERLAP, ZEROS, broken

from bench.build import build
from bench.conformance import CHECKS, ConformanceError, check_retriever
from bench.loading import load
from bench.pipeline import Exhaustive
from bench.plugins import find
from bench.spec import parse

FAST = {"gru": "gru:epochs=1", "cnn": "cnn:epochs=1"}


@pytest.mark.parametrize("name", sorted(find()))
def test_every_retriever_fulfils_the_contract(name):
    system = build(parse(FAST.get(name, name)), find())
    component = system.scorer if isinstance(system, Exhaustive) else system
    assert len(check_retriever(component)) == len(CHECKS)


def test_a_retriever_of_a_few_lines_passes(plugin):
    assert check_retriever(load(find([plugin("overlap", OVERLAP)])["overlap"])())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (broken("return self._size"), "must return Hits"),
        (broken("return Hits(np.zeros((len(queries), 1)), np.zeros((len(queries), 1), np.float32))"), "must be int64"),
        (broken("return Hits(np.zeros((len(queries), 1), int), np.zeros((len(queries), 1)))"), "must be float32"),
        (broken("return Hits(np.zeros((len(queries), 2), int), np.ones((len(queries), 2), np.float32))"), "ranking"),
        (broken("return Hits.top(np.full((len(queries), self._size), np.nan, np.float32), k)"), "ranking"),
        (broken("return Hits.top(np.zeros((len(queries), self._size), np.float32), k + 1)"), "ranking"),
        (broken("len(self._corpus); " + ZEROS, index="self._corpus = corpus"), "index"),
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
            "index|rank",
        ),
        (broken(ZEROS, extra="    def save(self, folder): pass\n"), "belong together"),
    ],
)
def test_the_kit_catches(plugin, source, problem):
    component = load(find([plugin("mine", source)])["mine"])()
    with pytest.raises(ConformanceError, match=problem):
        check_retriever(component)
