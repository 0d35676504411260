"""Ensembles over seeds: which seeds, what is combined, and that stored fits are shared."""

from dataclasses import dataclass

import numpy as np
import pytest
from pair_examples import ENV, synonyms

from bench.api import Doc, Env, Hits, Query, Retriever
from bench.build import build, canonical, parameters
from bench.ensemble import RetrieverEnsemble
from bench.errors import SpecError
from bench.pipeline import is_seeded
from bench.plugins import find
from bench.run.fits import FitStore
from bench.spec import parse

PLUGINS = find()
SMALL = "embedding-average:dimensions=16:epochs=1:members=3"


def made(text):
    return build(parse(text), PLUGINS)


@pytest.mark.parametrize("text", ["gru:epochs=3:members=2", "bm25+gru:members=3", "bm25/cnn:members=2:depth=50"])
def test_its_text_round_trips(text):
    system = made(text)
    assert canonical(made(str(canonical(system)))) == canonical(system)
    assert "members=" in str(canonical(system))
    assert is_seeded(system)


def test_one_member_is_the_plain_system():
    assert made("gru:epochs=3:members=1") == made("gru:epochs=3")
    assert str(canonical(made("bm25+gru:members=1"))) == "bm25+gru"


def test_its_parameters_are_the_members():
    assert parameters(made("gru:epochs=3:members=2")) == {**parameters(made("gru:epochs=3")), "members": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bm25:members=2", "BM25 does not depend on a seed"),
        ("gru:members=0", "members must lie between 1 and 100"),
        ("gru:members=many", "members=many is not a whole number"),
    ],
)
def test_what_cannot_be_is_one_line(text, why):
    with pytest.raises(SpecError, match=f"{text}: .*{why}"):
        made(text)


def learned(member):
    return member._model.questions.embedding.weight.detach().numpy()


def test_members_have_seeds_of_their_own_and_share_stored_fits(tmp_path):
    pairs = synonyms(np.random.default_rng(0), 60)
    alone = FitStore(tmp_path, PLUGINS, "data")
    single = made("embedding-average:dimensions=16:epochs=1")
    alone.fit(single, pairs, pairs, Env(seed=1))
    together = FitStore(tmp_path, PLUGINS, "data")
    system = made(SMALL)
    together.fit(system, pairs, pairs, Env(seed=0))
    assert together.cached  # member 1 of seed 0 is seed 1
    weights = [learned(part) for part in system.components]
    assert not np.allclose(weights[0], weights[1])
    assert np.array_equal(weights[1], learned(single))
    other = made(SMALL)
    FitStore(tmp_path, PLUGINS, "data").fit(other, pairs, pairs, Env(seed=1))
    assert not np.allclose(weights[0], learned(other.components[0]))


class Drawn(Retriever):
    """Scores that the seed decides."""

    seeded = True

    def fit(self, train, dev, env):
        self._seed = env.seed

    def index(self, corpus, env):
        self._scores = np.random.default_rng(self._seed).normal(size=len(corpus))

    def search(self, queries, k):
        return Hits.top(np.tile(self._scores, (len(queries), 1)), k)


def test_the_score_is_the_mean_of_the_members_standard_scores():
    system = RetrieverEnsemble(dataclass(Drawn)(), 4)
    system.fit(None, None, Env(seed=5))
    docs = [Doc(str(at), "x") for at in range(30)]
    system.index(docs, ENV)
    hits = system.search([Query("q", "?")], 30)
    drawn = np.array([np.random.default_rng(20 + at).normal(size=30).astype(np.float32) for at in range(4)])
    standard = (drawn - drawn.mean(1, keepdims=True)) / drawn.std(1, keepdims=True)
    mean = (standard - standard.min(1, keepdims=True) + 1).mean(0)
    assert hits.positions[0].tolist() == np.argsort(-mean, kind="stable").tolist()
    assert np.allclose(hits.scores[0], np.sort(mean)[::-1], atol=1e-5)
