import pytest
import torch
from torch import nn

from retrievers.neural.bag import Bag
from retrievers.neural.interaction import CHANNELS, InteractionCNN, Lexicon, interaction


def lexicon():
    vectors = torch.tensor([[0.0, 0], [3, 0], [0, 2], [1, 1]])
    return Lexicon.of(Bag(vectors, torch.ones(4)), torch.tensor([0.0, 4, 2, 1]))


def test_the_channels_by_hand():
    words = lexicon()
    document, question = torch.tensor([1, 3, 0]), torch.tensor([1, 2, 0])
    image = interaction(words.look_up(document), words.look_up(question))
    assert image.shape == (3, 3, CHANNELS)
    half = 0.5**0.5
    assert image[0, 0].tolist() == pytest.approx([1, 1, 1, 1])  # the same word, whose IDF is the largest
    assert image[1, 0].tolist() == pytest.approx([half, 0, half * 1.0, half * 0.25])
    assert image[1, 1].tolist() == pytest.approx([half, 0, half * 0.5, half * 0.25])
    assert not image[2].any()
    assert not image[:, 2].any()


def test_many_pairs_at_once_are_the_single_pairs():
    words = lexicon()
    documents, questions = torch.tensor([[1, 3, 0], [2, 2, 1]]), torch.tensor([[1, 2], [3, 0]])
    together = interaction(words.look_up(documents), words.look_up(questions))
    for document, question, image in zip(documents, questions, together, strict=True):
        assert torch.equal(interaction(words.look_up(document), words.look_up(question)), image)


def network():
    torch.manual_seed(0)
    return InteractionCNN(filters=4, hidden=8)


@pytest.mark.parametrize(("rows", "columns"), [(16, 4), (64, 16), (48, 8)])
def test_one_logit_for_each_pair(rows, columns):
    logits = network()(torch.rand(5, rows, columns, CHANNELS), torch.full((5, 1), 3), torch.rand(5, 3))
    assert logits.shape == (5,)


def test_equals_the_plain_layers_of_torch():
    cnn = network()
    maps, counts, signals = torch.randn(3, 32, 8, CHANNELS), torch.tensor([[3], [1], [8]]), torch.randn(3, 3)
    image = maps.permute(0, 3, 1, 2)
    best = nn.functional.max_pool2d(image, (32, 1)).sum((2, 3)) / counts
    places = nn.functional.max_pool2d(nn.functional.conv2d(image, cnn.first.weight, padding=1).relu(), (4, 1))
    places = nn.functional.max_pool2d(nn.functional.conv2d(places, cnn.second.weight, padding=1).relu(), (2, 2))
    features = torch.cat([places.permute(0, 2, 3, 1).flatten(1), best, signals], 1)
    expected = cnn.out(cnn.mix(features).relu()) + cnn.direct(features[:, -7:])
    assert torch.allclose(cnn(maps, counts, signals), expected[:, 0], atol=1e-5)
    with torch.inference_mode():  # pooled in another way
        assert torch.allclose(cnn(maps, counts, signals), expected[:, 0], atol=1e-5)


def test_nothing_to_see_gives_a_score_of_the_signals_alone():
    cnn = network()
    maps, signals = torch.zeros(2, 16, 4, CHANNELS), torch.tensor([[1.0, 0, 0], [0.0, 0, 0]])
    first, second = cnn(maps, torch.ones(2, 1), signals).tolist()
    assert first != second
    assert cnn(maps, torch.full((2, 1), 4), signals).tolist() == pytest.approx([first, second])
