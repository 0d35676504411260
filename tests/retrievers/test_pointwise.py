"""Scorers learned pair by pair: what they compute, and that they learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pair_examples import ENV, synonyms
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from bench.api import Doc, Pairs, Query
from bench.conformance import check_retriever
from bench.errors import DataError
from retrievers.embedding_dot import Dot, EmbeddingDot
from retrievers.embedding_net import EmbeddingNet, Net
from retrievers.match_pyramid import MatchPyramid, Pyramid
from retrievers.neural import pointwise
from retrievers.neural.examples import Examples
from retrievers.neural.pointwise import Drawn

ALL = {
    "dot": EmbeddingDot(dimensions=16),
    "bias": EmbeddingDot(dimensions=16, bias=True, probability=True),
    "net": EmbeddingNet(dimensions=16, hidden=16),
    "pyramid": MatchPyramid(dimensions=16, filters=4, document_tokens=16),
    "hinge": MatchPyramid(
        dimensions=16, filters=4, document_tokens=16, loss="hinge", init="cooccurrence", similarity="cosine"
    ),
}
IDS = torch.tensor([[1, 2, 0], [3, 0, 0], [0, 0, 0]])


def mean(table, ids):
    rows = [table[row[row > 0]].mean(0) if (row > 0).any() else torch.zeros(table.shape[1]) for row in ids]
    return torch.stack(rows)


@pytest.mark.parametrize("bias", [False, True])
def test_dot_is_the_product_of_the_means_and_the_biases_are_added(bias):
    net = Dot(5, 4, dropout=0.0, bias=bias).eval()
    with torch.no_grad():
        got = net.match(net.questions(IDS), net.documents(IDS).expand(3, 3, -1))
    left, right = (mean(side.embedding.weight, IDS) for side in net.sides)
    expected = left @ right.T
    if bias:
        one, two = (mean(side.embedding.weight, IDS) for side in net.biases)
        expected = expected + one + two.T + net.offset
    assert torch.allclose(got, expected, atol=1e-6)


def test_net_is_a_layer_over_both_means_and_a_layer_over_that():
    net = Net(5, 4, 6, dropout=0.0).eval()
    with torch.no_grad():
        got = net.match(net.questions(IDS), net.documents(IDS).expand(3, 3, -1))
        left, right = (mean(side.embedding.weight, IDS) for side in net.sides)
        both = torch.cat([left[:, None].expand(3, 3, 4), right[None].expand(3, 3, 4)], -1)
        matrix = torch.cat([layer.weight for layer in net.first], 1)
        expected = net.out(F.relu(both @ matrix.T + net.first[0].bias))[..., 0]
    assert torch.allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("cosine", [False, True])
def test_the_interaction_matrix_and_its_pooling_by_loops(cosine):
    net = Pyramid(9, 4, (4, 8), filters=2, grid=2, dropout=0.0, cosine=cosine).eval()
    rng = np.random.default_rng(0)
    questions, documents = torch.from_numpy(rng.integers(0, 9, (2, 4))), torch.from_numpy(rng.integers(0, 9, (2, 3, 8)))
    with torch.no_grad():
        maps, logits = net.interaction(questions, documents), net.match(questions, documents)
    table = net.embedding.weight.detach()
    for b, m, q, w in np.ndindex(*maps.shape):
        left, right = table[questions[b, q]], table[documents[b, m, w]]
        expected = F.cosine_similarity(left, right, dim=0) if cosine else left @ right
        assert maps[b, m, q, w].item() == pytest.approx(expected.item(), abs=1e-6)
    image = F.relu(net.convolution(maps[1, 2][None, None]))[0].detach()
    pooled = [image[f, y : y + 2, x : x + 4].max() for f in range(2) for y in (0, 2) for x in (0, 4)]
    expected = (torch.stack(pooled) @ net.out.weight[0] + net.out.bias).item()
    assert logits[1, 2].item() == pytest.approx(expected, abs=1e-5)


def test_losses_by_hand():
    logits, none = torch.tensor([[2.0, -1.0, 0.5]]), torch.zeros(1, 3, dtype=torch.bool)
    right = -np.log(1 / (1 + np.exp(-2)))
    wrong = [-np.log(1 - 1 / (1 + np.exp(-x))) for x in (-1.0, 0.5)]
    assert EmbeddingDot()._loss(logits, none).item() == pytest.approx(right + sum(wrong), abs=1e-6)
    assert MatchPyramid(loss="hinge")._loss(logits, none).item() == pytest.approx(0.0)
    assert MatchPyramid(loss="hinge")._loss(logits - torch.tensor([1.0, 0, 0]), none).item() == pytest.approx(0.5)
    second = torch.tensor([[False, False, True]])
    assert EmbeddingDot()._loss(logits, second).item() == pytest.approx(right + wrong[0], abs=1e-6)


def test_a_solution_that_is_right_too_is_no_negative():
    examples = Examples([["a"]], [["a"], ["b"], ["c"]], np.array([[0, 0], [0, 2]]))
    drawn = Drawn(examples, 30, np.random.default_rng(0))
    for _, batch in drawn.epoch(10):
        assert (batch.ignored[:, 1:] == np.isin(batch.solutions[:, 1:], [0, 2])).all()
        assert not batch.ignored[:, 0].any()


SMALL = {"dimensions": 32, "batch": 32, "epochs": 10, "learning_rate": 0.02}


@pytest.mark.parametrize("scorer", [EmbeddingDot(**SMALL), EmbeddingNet(**SMALL)])
def test_learns_words_that_mean_the_same(scorer):
    rng = np.random.default_rng(0)
    scorer.fit(synonyms(rng, 600), synonyms(rng, 40, 1000), ENV)
    held_out = synonyms(np.random.default_rng(1), 60, 2000)
    scorer.index(held_out.corpus, ENV)
    scores = scorer.score(held_out.queries, np.tile(np.arange(60), (60, 1)))
    ranks = (scores > scores.diagonal()[:, None]).sum(1)
    assert (ranks < 6).mean() > 0.7  # chance is .1, and no word is shared


@pytest.mark.parametrize("name", ["pyramid", "hinge"])
def test_a_shared_embedding_soon_knows_that_a_word_equals_itself(name):
    rng = np.random.default_rng(0)
    docs = [Doc(f"d{at}", " ".join(f"w{i}" for i in rng.choice(40, 5, replace=False))) for at in range(300)]
    queries = [Query(f"q{at}", " ".join(doc.text.split()[:3])) for at, doc in enumerate(docs)]
    scorer = replace(ALL[name], epochs=5, batch=16, learning_rate=0.02, dropout=0.0)
    train = Pairs(docs[:260], queries[:260], {f"q{at}": {f"d{at}": 1} for at in range(260)})
    scorer.fit(train, Pairs((), (), {}), ENV)
    scorer.index(docs[260:], ENV)
    scores = scorer.score(queries[260:], np.tile(np.arange(40), (40, 1)))
    assert ((scores > scores.diagonal()[:, None]).sum(1) < 4).mean() > 0.8  # chance is .1


@pytest.mark.parametrize("scorer", ALL.values(), ids=ALL)
def test_conforms(scorer):
    check_retriever(replace(scorer, epochs=1))


def test_documents_are_matched_in_parts(monkeypatch):
    pairs = synonyms(np.random.default_rng(0), 40)
    scorer = replace(ALL["pyramid"], epochs=1)
    scorer.fit(pairs, pairs, ENV)
    scorer.index(pairs.corpus, ENV)
    everything = np.tile(np.arange(40), (3, 1))
    whole = scorer.score(pairs.queries[:3], everything)
    monkeypatch.setattr(pointwise, "MATCHED", 7)
    assert np.allclose(whole, scorer.score(pairs.queries[:3], everything), atol=1e-5)


def test_nothing_to_learn_from_is_said():
    with pytest.raises(DataError, match="training split has none"):
        EmbeddingDot().fit(Pairs((), (), {}), Pairs((), (), {}), ENV)


@pytest.mark.parametrize("wrong", [{"grid": 3}, {"filters": 0}, {"negatives": 0}, {"dropout": 1.0}])
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MatchPyramid(**wrong)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("scorer", ALL.values(), ids=ALL)
def test_conforms_on_cuda(scorer):
    check_retriever(replace(scorer, epochs=1), device="cuda")
