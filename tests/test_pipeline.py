"""Fusion and re-ranking against hand-computed numbers."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import pytest

from bench.api import Doc, Env, Hits, Pairs, Query, Retriever, Scorer
from bench.errors import DataError
from bench.pipeline import Cascade, Exhaustive, Fusion, devices_of, is_seeded


@dataclass
class Fixed(Retriever):
    """Scores a document by looking it up: query id -> document id -> score."""

    table: dict = field(default_factory=dict)

    def index(self, corpus, env):
        self._ids = [doc.id for doc in corpus]
        self._device = env.device

    def search(self, queries, k):
        rows = [
            sorted(((-s, self._ids.index(d)) for d, s in self.table[q.id].items() if d in self._ids))[:k]
            for q in queries
        ]
        positions = np.full((len(queries), k), -1)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        for row, found in enumerate(rows):
            for column, (score, position) in enumerate(found):
                positions[row, column], scores[row, column] = position, -score
        return Hits(positions, scores)


@dataclass
class Looked(Scorer):
    """A scorer with the same table."""

    table: dict = field(default_factory=dict)
    devices = ("cpu", "cuda")
    seeded = True

    def index(self, corpus, env):
        self._ids = [doc.id for doc in corpus]

    def score(self, queries, positions):
        rows = [
            [self.table[q.id].get(self._ids[p], 0) if p >= 0 else np.nan for p in row]
            for q, row in zip(queries, positions, strict=True)
        ]
        return np.array(rows, dtype=np.float32)


DOCS = [Doc(name, name) for name in "abcde"]
Q = [Query("q", "?")]


def ranking(system, k=5, docs=DOCS):
    system.index(docs, Env())
    hits = system.search(Q, k)
    return [docs[p].id for p in hits.positions[0] if p >= 0], hits.scores[0]


def test_reciprocal_rank_fusion_is_the_sum_of_reciprocal_ranks():
    first, second = Fixed({"q": {"a": 9, "b": 8}}), Fixed({"q": {"b": 1, "c": 0.5}})
    names, scores = ranking(Fusion((first, second), rrf_k=60))
    assert names == ["b", "a", "c"]
    assert scores[:3] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_weighted_fusion_adds_z_scores_and_an_unfound_document_lies_a_deviation_below_the_worst_hit():
    # z of (3, 1) is (1, -1), so above unfound: (3, 1); of (4, 2, 0): (1.2247, 0, -1.2247), so (3.4495, 2.2247, 1)
    first, second = Fixed({"q": {"a": 3, "b": 1}}), Fixed({"q": {"c": 4, "b": 2, "a": 0}})
    names, scores = ranking(Fusion((first, second), weights="0.75~0.25"))
    assert names == ["a", "b", "c"]
    assert scores[:3] == pytest.approx([2.5, 1.3062, 0.8624], abs=1e-4)


def test_equal_fused_scores_keep_the_order_of_the_corpus():
    names, _ = ranking(Fusion((Fixed({"q": {"d": 1}}), Fixed({"q": {"b": 1}}))))
    assert names == ["b", "d"]


def test_three_parts_share_one_document():
    part = {"q": {"a": 2, "b": 1}}
    names, scores = ranking(Fusion((Fixed(part), Fixed(part), Fixed({"q": {"b": 1}})), rrf_k=60))
    assert names == ["b", "a"]
    assert scores[:2] == pytest.approx([2 / 62 + 1 / 61, 2 / 61])


def test_a_query_that_no_part_answers_stays_unanswered():
    assert ranking(Fusion((Fixed({"q": {}}), Fixed({"q": {}}))))[0] == []
    assert ranking(Fusion((Fixed({"q": {}}), Fixed({"q": {}})), weights="1~1"))[0] == []


def test_re_ranking_without_blend_is_the_scorers_order_with_the_rest_below():
    first = Fixed({"q": {"a": 5, "b": 4, "c": 3, "d": 2}})
    names, scores = ranking(Cascade(first, Looked({"q": {"c": 9, "b": 8, "d": 99}}), depth=3, blend="0"))
    assert names == ["c", "b", "a", "d"]
    assert (np.diff(scores[:4]) < 0).all()


def test_blend_one_is_the_first_stage():
    first = Fixed({"q": {"a": 5, "b": 4, "c": 3}})
    assert ranking(Cascade(first, Looked({"q": {"c": 9, "b": 8}}), blend="1"))[0] == ["a", "b", "c"]


def test_a_scorer_alone_ranks_the_whole_pool():
    assert ranking(Exhaustive(Looked({"q": {"d": 3, "b": 2}})))[0] == ["d", "b", "a", "c", "e"]


def dev_pairs(n):
    queries = [Query(f"q{i}", "") for i in range(n)]
    return Pairs(DOCS, queries, {q.id: {DOCS[i % 5].id: 1} for i, q in enumerate(queries)})


def test_weights_tuned_on_dev_prefer_the_part_that_is_right():
    dev = dev_pairs(20)
    right = {q.id: dict(dev.qrels[q.id]) for q in dev.queries}
    wrong = {q.id: {"a": 2, "b": 1.5, "c": 1, "d": 0.5} for q in dev.queries}
    system = Fusion((Fixed(right), Fixed(wrong)), weights="dev")
    system.fit(Pairs([], [], {}), dev, Env())
    assert system.learned["weights"][0] > system.learned["weights"][1]
    assert system.learned["dev RR@10"] == 1
    cascade = Cascade(Fixed(wrong), Looked(right))
    cascade.fit(Pairs([], [], {}), dev, Env())
    assert cascade.learned["blend"] < 0.5


def test_tuned_weights_survive_saving(tmp_path):
    system = Fusion((Fixed(), Fixed()), weights="dev")
    system.learned = {"weights": [0.3, 0.7], "dev RR@10": 0.5}
    system.save(tmp_path)
    other = Fusion((Fixed(), Fixed()), weights="dev")
    other.load(tmp_path)
    assert other.learned == system.learned


def test_tuning_needs_dev_questions():
    with pytest.raises(DataError, match="no dev questions"):
        Fusion((Fixed(), Fixed()), weights="dev").fit(Pairs([], [], {}), Pairs(DOCS, [], {}), Env())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fusion((Fixed(), Fixed()), weights="0.5"),
        lambda: Fusion((Fixed(), Fixed()), weights="a~b"),
        lambda: Fusion((Fixed(), Fixed()), depth=0),
        lambda: Cascade(Fixed(), Looked(), depth=0),
        lambda: Cascade(Fixed(), Looked(), blend="2"),
        lambda: Cascade(Fixed(), Looked(), blend="often"),
    ],
)
def test_impossible_options_are_refused(make):
    with pytest.raises(ValueError, match=r"weights|depth|blend|float"):
        make()


def test_a_system_uses_every_device_of_its_parts_and_each_part_only_its_own():
    cpu_only, both = Fixed({"q": {"a": 1}}), Looked({"q": {}})
    system = Cascade(cpu_only, both)
    assert devices_of(system) == {"cpu", "cuda"}
    assert is_seeded(system)
    assert not is_seeded(cpu_only)
    system.index(DOCS, Env(device="cuda"))
    assert cpu_only._device == "cpu"


@dataclass
class Staged(Fixed):
    """Tells a stage of its own."""

    def index(self, corpus, env):
        super().index(corpus, env)
        self._env = env

    def search(self, queries, k):
        with self._env.stage("look up"):
            return super().search(queries, k)


def test_the_stages_of_parts_are_told_once_and_under_their_names():
    env = Env()
    system = Fusion((Staged({"q": {"a": 1}}), Fixed({"q": {"b": 1}})))
    system.index(DOCS, env)
    start = perf_counter()
    system.search(Q, 3)
    elapsed = perf_counter() - start
    assert set(env.stages) == {"Staged look up", "Staged", "Fixed", "fuse"}
    assert sum(env.stages.values()) <= elapsed
    nested = Cascade(system, Looked({"q": {}}))
    nested.index(DOCS, env)
    env.stages.clear()
    nested.search(Q, 3)
    assert {"Fusion Staged look up", "Fusion fuse", "Looked"} <= set(env.stages)
