"""Hard negatives share words with a question and never solve it."""

import numpy as np
import torch

from retrievers.neural.examples import Examples
from retrievers.neural.losses import in_batch_softmax
from retrievers.neural.negatives import Mined
from retrievers.neural.vocabulary import Vocabulary

SOLUTIONS = [["zip", "open"], ["zip", "close"], ["tar", "close"], ["walk", "tree"]]
EXAMPLES = Examples([["zip", "open"], ["walk", "zip"]], SOLUTIONS, np.array([[0, 0], [1, 3], [1, 1]]))


def test_the_best_by_bm25_come_first_and_solutions_last():
    vocabulary = Vocabulary.build(EXAMPLES.questions + EXAMPLES.solutions, min_count=1)
    mined = Mined.of(EXAMPLES, vocabulary, np.random.default_rng(0))
    assert mined.hardest[0].tolist()[0] == 1  # shares "zip"; 0 shares more and solves it
    assert mined.hardest[0].tolist()[-1] == 0
    assert mined.hardest[1].tolist()[0] == 0
    assert set(mined.hardest[1].tolist()[-2:]) == {1, 3}


def test_what_is_drawn_belongs_to_the_question():
    mined = Mined(np.array([[1, 2], [5, 6]]))
    drawn = mined.draw(np.array([1, 0, 1]), 40, np.random.default_rng(0))
    assert drawn.shape == (3, 40)
    assert [set(row) for row in drawn.tolist()] == [{5, 6}, {1, 2}, {5, 6}]


def test_a_column_beyond_the_pairs_is_a_negative_of_the_questions_alone():
    similarity = torch.tensor([[0.5, 0.1, 0.9], [0.2, 0.4, -0.3]])
    none = torch.zeros(2, 3, dtype=torch.bool)
    rows = similarity.log_softmax(1).diagonal().neg().mean()
    columns = similarity[:, :2].log_softmax(0).diagonal().neg().mean()
    loss = in_batch_softmax(similarity, torch.tensor(1.0), none)
    assert torch.isclose(loss, (rows + columns) / 2)
