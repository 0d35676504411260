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


def test_learns_translations_and_reports_the_best_epoch():
    words = [chr(ord("a") + at) for at in range(20)]
    rng = np.random.default_rng(0)
    chosen = [rng.choice(20, 4, replace=False) for _ in range(1000)]
    questions = [[f"ask{words[i]}" for i in row] for row in chosen]
    solutions = [[f"say{words[i]}" for i in row] for row in chosen]
    examples = Examples(questions, solutions, np.repeat(np.arange(1000), 2).reshape(-1, 2))
    vocabulary = Vocabulary.build(questions + solutions)
    texts = vocabulary.encode_all(questions), vocabulary.encode_all(solutions)
    measures = iter([0.1, 0.9, 0.2])
    model, record = learn_bag(
        examples, texts, vocabulary, lambda _: next(measures), dimensions=32, epochs=3, rng=rng, env=Env()
    )
    assert record["best_epoch"] == 2
    asked, said = (
        model.embedding.weight[vocabulary.encode([side + w for w in words])].detach() for side in ("ask", "say")
    )
    nearest = torch.nn.functional.cosine_similarity(asked[:, None], said[None], dim=-1).argmax(1)
    assert (nearest == torch.arange(20)).float().mean() > 0.7  # chance is 1/20
