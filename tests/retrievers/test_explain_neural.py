"""What tokens and pairs of tokens are worth to the neural systems: against scoring anew, and against closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from bench.api import Doc, Env, Query
from bench.explanation import Matrix, Terms
from retrievers.cnn import CNN
from retrievers.neural import closeup
from retrievers.neural.attribution import attribution
from retrievers.neural.bag import Bag
from retrievers.neural.dual import DualEncoder
from retrievers.neural.encoder import Encoder
from retrievers.neural.interaction import InteractionCNN, Lexicon
from retrievers.neural.occlusion import occlusion, tokens_read
from retrievers.neural.reading import Texts
from retrievers.neural.vocabulary import Vocabulary

WORDS = [f"word{at}" for at in range(30)]
VOCABULARY = Vocabulary.build([WORDS, WORDS[:20], WORDS[:10]], min_count=1, buckets=3)
ENV = Env(threads=1)
QUESTION, DOCUMENT = ("word3", "word1", "word25"), ("word1", "word9", "word4", "word3", "word18")


def vectors(dimensions=16):
    torch.manual_seed(0)
    return torch.randn(len(VOCABULARY), dimensions), torch.from_numpy(VOCABULARY.idf)


def encoders():
    given = vectors()
    return [Bag(*given), Encoder(*given, hidden=8), Encoder(*given, hidden=8, skip=False, pooling="attention")]


@pytest.fixture
def cnn():
    torch.manual_seed(1)
    scorer = CNN(dimensions=16, filters=3, hidden=8, query_tokens=4, document_tokens=16, split=False, stemmer="none")
    scorer._vocabulary, scorer._bag, scorer._cnn = VOCABULARY, Bag(*vectors()), InteractionCNN(3, 8)
    return scorer


def scored(scorer, question, document):
    scorer.index([Doc("other", "word7"), Doc("d", " ".join(document))], ENV)
    return float(scorer.score([Query("q", " ".join(question))], np.array([[1]]))[0, 0])


def without(tokens, at):
    return [*tokens[:at], *tokens[at + 1 :]]


def test_occlusion_is_the_score_lost_by_leaving_a_token_out():
    worth = {"a": 1.0, "b": 4.0}

    def score(questions, documents):
        return np.array(
            [sum(worth.get(token, 0) for token in q if token in d) for q, d in zip(questions, documents, strict=True)]
        )

    told = occlusion(("a", "b", "c"), ("b", "x"), score)
    assert told.score == 4.0
    assert [part.weights for part in told.parts] == [(0, 4, 0), (4, 0)]
    assert [part.tokens for part in told.parts] == [("a", "b", "c"), ("b", "x")]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_the_tokens_shown_are_those_that_are_read(limit):
    tokens = ["rare1", "word2", "word2", "rare2", "word1", "rare3", "rare4", "rare5", "word2"]
    shown = tokens_read(VOCABULARY, tokens, limit)
    assert VOCABULARY.encode(shown) == VOCABULARY.encode(tokens, limit)


@pytest.mark.parametrize("encoder", encoders(), ids=["mean", "max", "attention"])
def test_a_dual_encoder_is_explained_by_its_cosine(encoder):
    model = DualEncoder([encoder.eval()])
    told = attribution(model, VOCABULARY, QUESTION, DOCUMENT, "cpu")

    def cosine(question, document):
        with torch.inference_mode():
            ids = [torch.tensor(VOCABULARY.encode(text))[:, None] for text in (question, document)]
            return float(encoder(ids[0])[0] @ encoder(ids[1])[0])

    assert told.score == pytest.approx(cosine(QUESTION, DOCUMENT), abs=1e-6)
    of_question, of_document = [part for part in told.parts if "leaving it out" in getattr(part, "title", "")]
    left_out = [told.score - cosine(without(QUESTION, at), DOCUMENT) for at in range(3)]
    assert of_question.weights == pytest.approx(left_out, abs=1e-6)
    left_out = [told.score - cosine(QUESTION, without(DOCUMENT, at)) for at in range(5)]
    assert of_document.weights == pytest.approx(left_out, abs=1e-6)


def test_the_products_of_two_means_sum_to_the_cosine():
    products = attribution(DualEncoder([encoders()[0]]), VOCABULARY, QUESTION, DOCUMENT, "cpu")
    matrix = products.parts[0]
    assert isinstance(matrix, Matrix)
    assert matrix.values.shape == (len(QUESTION), len(DOCUMENT))
    assert matrix.values.sum() == pytest.approx(products.score, abs=1e-6)


@pytest.mark.parametrize("encoder", encoders()[1:], ids=["max", "attention"])
def test_pooling_shares_of_a_text_sum_to_1(encoder):
    told = attribution(DualEncoder([encoder.eval()]), VOCABULARY, QUESTION, DOCUMENT, "cpu")
    shares = [part for part in told.parts if isinstance(part, Terms) and "pooled state" in part.title]
    assert [part.tokens for part in shares] == [QUESTION, DOCUMENT]
    assert [sum(part.weights) for part in shares] == pytest.approx([1, 1])


def test_a_question_of_unknown_words_scores_0():
    told = attribution(DualEncoder([encoders()[1].eval()]), Vocabulary((), (), 1), (), (), "cpu")
    assert (told.score, [part.weights for part in told.parts]) == (0, [(), ()])


@pytest.mark.parametrize("probability", [False, True])
def test_the_cnn_is_explained_by_scoring_anew(cnn, probability):
    cnn.probability = probability
    whole = scored(cnn, QUESTION, DOCUMENT)
    told = cnn.explain(Query("q", " ".join(QUESTION)), Doc("d", " ".join(DOCUMENT)), 1)
    assert told.score == pytest.approx(whole, abs=1e-5)
    similarity, cells, of_question, of_document = told.parts
    assert similarity.values.shape == cells.values.shape == (len(QUESTION), len(DOCUMENT))
    assert similarity.values[0, 3] == pytest.approx(1, abs=1e-6), "word3 with word3"
    assert similarity.values[1, 0] == pytest.approx(1, abs=1e-6), "word1 with word1"
    assert np.isfinite(cells.values).all()
    assert np.abs(cells.values).max() > 0
    left_out = [whole - scored(cnn, without(QUESTION, at), DOCUMENT) for at in range(len(QUESTION))]
    assert of_question.weights == pytest.approx(left_out, abs=1e-5)
    left_out = [whole - scored(cnn, QUESTION, without(DOCUMENT, at)) for at in range(len(DOCUMENT))]
    assert of_document.weights == pytest.approx(left_out, abs=1e-5)


def test_the_map_shows_only_what_it_has_room_for(cnn):
    question, document = WORDS[:10], WORDS[5:29]
    scored(cnn, question, document)
    told = cnn.explain(Query("q", " ".join(question)), Doc("d", " ".join(document)), 1)
    assert told.parts[0].rows == tuple(question[:4])
    assert told.parts[0].columns == tuple(document[:16])
    assert [len(part.tokens) for part in told.parts[2:]] == [10, 24]


class Total(nn.Module):
    """A network whose score is the sum of its input."""

    def forward(self, maps, question_words, signals):
        return maps.sum((1, 2, 3))


def test_to_a_network_that_sums_a_cell_is_worth_what_it_holds(monkeypatch):
    monkeypatch.setattr(closeup, "AT_ONCE", 4)
    bag = Bag(*vectors())
    lexicon = Lexicon.of(bag, torch.from_numpy(VOCABULARY.idf))
    texts = [Texts.of(VOCABULARY.encode_all([tokens]), 8, bag, "cpu") for tokens in (QUESTION, DOCUMENT)]
    with torch.inference_mode():
        _, cells = closeup.closeup(Total(), lexicon, tuple(texts), (QUESTION, DOCUMENT), probability=False)
        asked, read = (lexicon.look_up(torch.tensor(VOCABULARY.encode(tokens))) for tokens in (QUESTION, DOCUMENT))
        cosine, same = asked.vectors @ read.vectors.T, asked.ids[:, None] == read.ids
    expected = cosine * (1 + asked.idf[:, None] + read.idf) + same * asked.idf[:, None]
    assert cells.values == pytest.approx(expected.numpy(), abs=1e-5)
