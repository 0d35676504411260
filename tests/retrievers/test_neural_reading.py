import numpy as np
import pytest
import torch

from retrievers.neural import reading
from retrievers.neural.bag import Bag
from retrievers.neural.interaction import InteractionCNN, Lexicon, interaction
from retrievers.neural.reading import Reader, Texts, signals
from retrievers.neural.vocabulary import Sequences

SIZE, WIDTHS = 50, (4, 16)


@pytest.fixture
def scene():
    """A network, questions and documents of random words, some of them empty."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    vectors = torch.randn(SIZE, 8)
    vectors[0] = 0
    bag = Bag(vectors, torch.rand(SIZE)).eval()
    lexicon = Lexicon.of(bag, torch.rand(SIZE))

    def texts(n, longest, width):
        rows = [list(rng.choice(np.arange(1, SIZE), size, replace=False)) for size in rng.integers(0, longest, n)]
        return Texts.of(Sequences.of(rows), width, bag, "cpu")

    return lexicon, InteractionCNN(4, 8), texts(5, 6, WIDTHS[0]), texts(60, 30, WIDTHS[1])


def one_by_one(lexicon, cnn, question, documents):
    with torch.inference_mode():
        maps = interaction(lexicon.look_up(documents.words), lexicon.look_up(question.words))
        return cnn(maps, question.lengths.clamp_min(1)[:, None].expand(len(maps), 1), signals(question, documents))


def test_looking_words_up_once_changes_no_score(scene, monkeypatch):
    monkeypatch.setattr(reading, "TILE", 7)
    lexicon, cnn, questions, documents = scene
    reader = Reader(lexicon, cnn, documents)
    for row in range(5):
        question = questions.rows(slice(row, row + 1))
        expected = one_by_one(lexicon, cnn, question, documents)
        for positions in (np.arange(60), np.array([3, 59, 3]), np.array([17])):  # all words, some, few
            with torch.inference_mode():
                scores = reader.score(question, positions)
            assert torch.allclose(scores, expected[positions], atol=1e-5)


def test_no_candidates_no_scores(scene):
    lexicon, cnn, questions, documents = scene
    assert Reader(lexicon, cnn, documents).score(questions.rows(slice(0, 1)), np.arange(0)).shape == (0,)


def test_signals_are_the_cosine_and_the_sizes():
    question = Texts(torch.zeros(1, 4), torch.tensor([[0.6, 0.8]]), torch.tensor([2]))
    documents = Texts(torch.zeros(2, 16), torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([0, 9]))
    expected = [[0.6, 0, np.log(3) / 3], [0.8, np.log(10) / 4, np.log(3) / 3]]
    assert signals(question, documents).numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_texts_are_cut_to_the_width_but_their_bags_are_not():
    bag = Bag(torch.eye(8), torch.ones(8)).eval()
    texts = Texts.of(Sequences.of([[1, 2, 3, 4, 5], []]), 4, bag, "cpu")
    assert texts.words.tolist() == [[1, 2, 3, 4], [0, 0, 0, 0]]
    assert texts.lengths.tolist() == [4, 0]
    assert texts.bags[0, 5] == pytest.approx(5**-0.5)
