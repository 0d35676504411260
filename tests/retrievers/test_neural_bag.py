import numpy as np
import pytest
import torch

from bench.api import Env
from retrievers.neural.bag import Bag, learn_bag
from retrievers.neural.encoder import columns, encode
from retrievers.neural.examples import Examples
from retrievers.neural.vocabulary import Sequences, Vocabulary

TEXTS = [[1, 2, 3], [4], [], [3]]


def bag(**options):
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    vectors[0] = 0
    return Bag(vectors, torch.arange(6.0), **options)


def test_is_the_weighted_mean_of_the_words_made_a_unit_vector():
    model = bag().eval()
    expected = (model.embedding.weight[[1, 2, 3]] * torch.tensor([1.0, 2, 3])[:, None]).sum(0)
    vectors = encode(model, Sequences.of(TEXTS), "cpu")
    assert torch.allclose(vectors[0], expected / expected.norm(), atol=1e-6)
    assert vectors.norm(dim=1).tolist() == pytest.approx([1, 1, 0, 1], abs=1e-6)


def test_words_are_left_out_only_while_it_learns():
    model = bag(dropout=0.5)
    ids = columns(Sequences.of([[1, 2, 3, 4, 5]] * 8), np.arange(8), "cpu")
    torch.manual_seed(0)
    assert model.train()(ids).unique(dim=0).shape[0] > 1
    assert model.eval()(ids).unique(dim=0).shape[0] == 1


def test_learns_translations_and_keeps_the_best_epoch():
    rng = np.random.default_rng(0)
    chosen = [rng.choice(20, 4, replace=False) for _ in range(1050)]
    questions, solutions = ([[f"{side}{i}" for i in row] for row in chosen] for side in ("ask", "say"))
    pairs = np.repeat(np.arange(1000), 2).reshape(-1, 2)  # the last 50 are held out
    vocabulary = Vocabulary.build(questions + solutions)
    texts = vocabulary.encode_all(questions), vocabulary.encode_all(solutions)
    seen = []

    def measure(model):
        seen.append(
            [success_at_1(model, vocabulary, questions[1000:], solutions[1000:]), model.weight.detach().clone()]
        )
        return [0.1, 0.9, 0.2][len(seen) - 1]

    examples = Examples(questions, solutions, pairs)
    model, record = learn_bag(examples, texts, vocabulary, measure, dimensions=32, epochs=3, rng=rng, env=Env())
    assert record["best_epoch"] == 2
    assert torch.equal(model.weight, seen[1][1])
    assert seen[-1][0] > 0.6  # chance is 1/50, and no word is shared


def success_at_1(model, vocabulary, questions, solutions):
    asked, solved = (encode(model, vocabulary.encode_all(side), "cpu") for side in (questions, solutions))
    return ((asked @ solved.T).argmax(1) == torch.arange(len(questions))).float().mean().item()
