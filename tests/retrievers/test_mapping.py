"""Questions mapped onto the fixed vectors of their solutions."""

import numpy as np
import pytest
import torch
from pair_examples import ENV, success_at_1, synonyms

from bench.api import Doc, Pairs, Query
from bench.build import build
from bench.conformance import check_retriever
from bench.errors import SpecError
from bench.plugins import find
from bench.spec import parse
from retrievers.mapping import Mapping, distance
from retrievers.neural.encoder import encode

SMALL = {"dimensions": 32, "hidden": 16}


def test_the_loss_is_one_minus_the_cosine_of_each_pair():
    cosines = torch.tensor([[0.5, 9.0], [9.0, -1.0]])
    assert distance(cosines, torch.zeros(2, 2, dtype=torch.bool)).item() == pytest.approx(((1 - 0.5) + (1 + 1)) / 2)


def test_the_target_of_a_solution_is_the_idf_weighted_mean_of_its_word_vectors():
    pairs = synonyms(np.random.default_rng(0), 60)
    retriever = Mapping(**SMALL, epochs=1)
    retriever.fit(pairs, pairs, ENV)
    model, vocabulary = retriever._model, retriever._vocabulary
    table = model.solutions.embedding.weight.numpy()
    first = 1 + vocabulary.buckets
    words = [word for word in vocabulary.words if word.startswith("reply")][:3]
    rows = [first + vocabulary.words.index(word) for word in words]
    weights = [
        np.log1p((vocabulary.texts - df + 0.5) / (df + 0.5))
        for df in (vocabulary.frequencies[row - first] for row in rows)
    ]
    mean = sum(weight * table[row] for weight, row in zip(weights, rows, strict=True)) / sum(weights)
    got = encode(model.solutions, vocabulary.encode_all([words]), "cpu")[0].numpy()
    np.testing.assert_allclose(got, mean / np.linalg.norm(mean), atol=1e-2)  # bfloat16 where the machine has it


@pytest.mark.parametrize("encoder", ["gru", "average"])
def test_targets_stay_where_they_are_while_questions_move(encoder):
    pairs = synonyms(np.random.default_rng(0), 200)
    before, after = (
        Mapping(**SMALL, encoder=encoder, epochs=epochs, learning_rate=rate) for epochs, rate in ((1, 1e-12), (3, 0.01))
    )
    for retriever in (before, after):
        retriever.fit(pairs, pairs, ENV)
    still, moved = before._model.state_dict(), after._model.state_dict()
    assert {name for name in still if name.startswith("encoders.1.")} == {
        "encoders.1.embedding.weight",
        "encoders.1.weight",
    }
    for name in still:
        if name.startswith("encoders.1."):
            assert torch.equal(still[name], moved[name]), name
    assert not torch.allclose(still["encoders.0.embedding.weight"], moved["encoders.0.embedding.weight"], atol=1e-3)


@pytest.mark.parametrize("encoder", ["gru", "average"])
def test_words_that_differ_learn_to_mean_the_same(encoder):
    """Of 100 solutions, one shares nothing but its meaning with the question: chance is 0.01."""
    rng = np.random.default_rng(0)
    train, dev = synonyms(rng, 1500), synonyms(rng, 100, start=1500)
    retriever = Mapping(dimensions=64, hidden=32, encoder=encoder, batch=64)
    retriever.fit(train, dev, ENV)
    losses = [epoch["loss"] for epoch in retriever.learned["epochs"]]
    assert losses[-1] < 0.8 * losses[0]
    assert success_at_1(retriever, dev) > 0.5


def test_the_vectors_of_a_file_are_the_targets(tmp_path):
    pairs = Pairs([Doc("d", "one two")], [Query("q", "three one")], {"q": {"d": 1}})
    path = tmp_path / "few.vec"
    path.write_text("3 2\none 1 0\ntwo 0 1\nthree 1 1\n", encoding="utf-8")
    retriever = Mapping(dimensions=2, hidden=4, epochs=1, min_count=1, vectors=str(path))
    retriever.fit(pairs, pairs, ENV)
    target = encode(retriever._model.solutions, retriever._vocabulary.encode_all([["two"]]), "cpu")[0]
    assert target.tolist() == pytest.approx([0, 1], abs=1e-2)
    assert retriever.learned["vectors"]["missing"] == 0


@pytest.mark.parametrize("options", [{}, {"ann": "hnsw"}, {"encoder": "average"}])
def test_conforms(options):
    assert check_retriever(Mapping(**SMALL, epochs=2, **options))


@pytest.mark.parametrize("spec", ["mapping:shared=true", "mapping:hidden=0", "mapping:encoder=cnn"])
def test_what_cannot_work_is_refused(spec):
    with pytest.raises(SpecError):
        build(parse(spec), find())
