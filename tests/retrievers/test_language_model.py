"""Predicting the next word: what can be known is learned, what cannot is not; and what the GRU retriever does with it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from pair_examples import ENV, synonyms

from bench.api import Env, Pairs
from bench.conformance import check_retriever
from bench.errors import DataError
from retrievers.gru import GRU
from retrievers.neural import pretraining
from retrievers.neural.contrastive import Contrastive
from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.language_model import LanguageModel, pretrain_language_model
from retrievers.neural.pretraining import Course, WordOutput
from retrievers.neural.runtime import seeded
from retrievers.neural.vocabulary import Vocabulary

WORDS = 8
SMALL = {"dimensions": 32, "hidden": 16, "batch": 32, "epochs": 1, "pretrain_epochs": 1}


def texts_of(language, n, rng):
    """Texts of 12 words of a language of 8: ``cyclic`` goes round, each text from another word; ``shuffled`` is noise."""
    rows = (rng.integers(WORDS, size=(n, 1)) + np.arange(12)) % WORDS
    if language == "shuffled":
        rows = rng.integers(WORDS, size=rows.shape)
    return [[f"w{i}" for i in row] for row in rows.tolist()]


def encoder_of(vocabulary, **options):
    vectors = torch.randn(len(vocabulary), 16) * 0.1
    return Encoder(vectors, torch.from_numpy(vocabulary.idf), **{"hidden": 16, **options})


def learned(language, epochs=4, **options):
    """The record and the encoder of a language model of 160 texts, on dev as on train."""
    with seeded(ENV) as rng:
        train, dev = (
            Examples(part, [], np.zeros((0, 2), np.int64)) for part in (texts_of(language, n, rng) for n in (160, 50))
        )
        vocabulary = Vocabulary.build(train.questions)
        encoder = encoder_of(vocabulary, **options)
        course = Course("language-model", epochs, "auto", rng, ENV, batch=16, learning_rate=0.03)
        return pretrain_language_model([encoder], vocabulary, train, dev, course), encoder


@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_language_that_goes_round_becomes_certain(bidirectional):
    record, _ = learned("cyclic", bidirectional=bidirectional)
    assert record["epochs"][-1]["dev perplexity"] < 1.05
    assert record["epochs"][-1]["dev perplexity"] < record["epochs"][0]["dev perplexity"]
    assert record["examples"] == 160


def test_noise_stays_at_its_entropy():
    record, _ = learned("shuffled", epochs=3)
    assert record["epochs"][-1]["dev loss"] == pytest.approx(math.log(WORDS), abs=0.1)
    assert record["epochs"][-1]["dev loss"] > math.log(WORDS) - 0.03  # nobody can be certain of noise


def test_each_direction_predicts_the_word_that_it_has_not_read():
    vocabulary = Vocabulary.build([[f"w{i}" for i in range(WORDS)]] * 2)
    torch.manual_seed(0)
    model = LanguageModel(encoder_of(vocabulary), vocabulary, 1).eval()
    text = torch.tensor([[1], [2], [3], [4]])
    other = torch.tensor([[1], [2], [3], [5]])
    losses, changed = (model([ids], 0.0) for ids in (text, other))
    assert len(losses) == 6  # w2 w3 w4 forwards, w1 w2 w3 backwards
    assert torch.equal(losses[:2], changed[:2])  # forwards, the words before the last one know nothing of it
    assert not torch.isclose(losses[2:], changed[2:]).any()  # backwards, all have read it


def test_loss_is_the_cross_entropy_of_tied_vectors_and_padding_does_not_touch_it():
    vocabulary = Vocabulary.build([[f"w{i}" for i in range(WORDS)]] * 2)
    torch.manual_seed(0)
    model = LanguageModel(encoder_of(vocabulary, bidirectional=False), vocabulary, 1).eval()
    ids = torch.tensor([[1, 3], [2, 4], [5, 0], [0, 0]])
    states = model.encoder.gru(model.encoder.embedding(ids))[0]
    table = torch.cat([model.encoder.embedding.weight[1:], model.output.others])
    scores = model.to_word(states) @ table.T + model.output.bias
    expected = [-scores[t, b].log_softmax(0)[ids[t + 1, b] - 1] for t, b in ((0, 0), (0, 1), (1, 0))]
    losses = model([ids], 0.0)
    assert torch.allclose(losses, torch.stack(expected), atol=1e-5)
    losses.sum().backward()
    assert model.encoder.embedding.weight.grad[
        7
    ].any()  # a word that is never read learns as a class: the vectors are tied


def test_rarer_words_share_a_class(monkeypatch):
    monkeypatch.setattr(pretraining, "PREDICTED", 2)
    vocabulary = Vocabulary.build([["a", "a", "a", "b", "b", "c"]], min_count=1, buckets=3)
    output = WordOutput(torch.nn.Embedding(len(vocabulary), 4), vocabulary)
    ids = vocabulary.encode(["a", "b", "c", "never"])
    assert output.classes(torch.tensor(ids)).tolist() == [0, 1, 2, 2]
    assert output.vectors().shape == (3, 4)
    assert torch.equal(output.vectors()[:2], output._embedding[0].weight[4:6])


def test_pretraining_changes_what_contrastive_training_starts_from(monkeypatch):
    starts = []
    learn = Contrastive._learn

    def watched(self, *args):
        starts.append({name: value.clone() for name, value in self._model.state_dict().items()})
        return learn(self, *args)

    monkeypatch.setattr(Contrastive, "_learn", watched)
    pairs = synonyms(np.random.default_rng(0), 100)
    for kind in ("none", "language-model"):
        GRU(**SMALL, pretrain=kind).fit(pairs, pairs, ENV)
    plain, pretrained = starts
    assert plain.keys() == pretrained.keys()
    changed = {name for name, value in plain.items() if not torch.equal(value, pretrained[name])}
    assert {name.rpartition(".")[2] for name in changed if ".gru." in name} == {
        f"{part}_l0{way}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") for way in ("", "_reverse")
    }
    assert "encoders.0.embedding.weight" in changed
    assert not any(
        "project" in name or name.endswith(".weight.weight") for name in changed
    )  # nothing for it to learn from


def test_without_pretraining_nothing_changes_bit_for_bit():
    class Plain(GRU):
        _learn = Contrastive._learn
        fit = Contrastive.fit

    pairs = synonyms(np.random.default_rng(0), 100)
    ours, plain = GRU(**SMALL), Plain(**SMALL)
    for retriever in (ours, plain):
        retriever.fit(pairs, pairs, ENV)
    assert all(map(torch.equal, ours._model.state_dict().values(), plain._model.state_dict().values()))
    assert "pretraining" not in ours.learned


@pytest.mark.parametrize("shared", [True, False])
def test_repeats_itself_and_tells_what_happened(shared):
    pairs = synonyms(np.random.default_rng(1), 80)
    first, again, other = (GRU(**SMALL, pretrain="language-model", shared=shared) for _ in range(3))
    for retriever, seed in ((first, 0), (again, 0), (other, 1)):
        retriever.fit(pairs, pairs, Env(seed=seed))
    weights, same, different = (list(retriever._model.state_dict().values()) for retriever in (first, again, other))
    assert all(map(torch.equal, weights, same))
    assert not all(map(torch.equal, weights, different))
    told = json.loads(json.dumps(first.learned))["pretraining"]
    assert told["kind"] == "language-model"
    sides = [told] if shared else [told["questions"], told["solutions"]]
    assert [side["examples"] for side in sides] == ([160] if shared else [80, 80])
    for side in sides:
        (row,) = side["epochs"]
        assert row["perplexity"] == pytest.approx(math.exp(row["loss"]))
        assert row["dev perplexity"] == pytest.approx(math.exp(row["dev loss"]))


def test_a_fit_that_is_repeated_takes_the_pretraining_over(tmp_path, monkeypatch):
    monkeypatch.setattr("retrievers.neural.checkpoints.LEAST", 0.0)
    pairs = synonyms(np.random.default_rng(1), 80)
    first, again = (GRU(**SMALL, pretrain="language-model") for _ in range(2))
    first.fit(pairs, pairs, replace(ENV, checkpoints=tmp_path))
    assert (tmp_path / "language-model.safetensors").is_file()
    monkeypatch.setattr(LanguageModel, "forward", None)  # nothing is computed again
    again.fit(pairs, Pairs((), (), {}), replace(ENV, checkpoints=tmp_path))
    assert again.learned["pretraining"] == first.learned["pretraining"]


def test_progress_only_rises():
    told = []
    pairs = synonyms(np.random.default_rng(1), 80)
    env = replace(ENV, progress=lambda fraction, _: told.append(fraction))
    GRU(**SMALL, pretrain="language-model", shared=False).fit(pairs, pairs, env)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert 0.6 in told


def test_what_cannot_be_predicted_is_said_in_one_line():
    pairs = synonyms(np.random.default_rng(1), 5)
    single = Pairs(*([one._replace(text="word") for one in part] for part in pairs[:2]), pairs.qrels)
    alone = Pairs(*([one._replace(text=f"{one.id} x{one.id}") for one in part] for part in pairs[:2]), pairs.qrels)
    for train, why in ((single, "long enough"), (alone, "min_count")):
        with pytest.raises(DataError, match=why) as caught:
            GRU(**SMALL, pretrain="language-model", split=False).fit(train, train, ENV)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"pretrain_epochs": 0}, "pretrain_epochs"),
        ({"pretrain": "language-model", "layers": 2}, "layers=1"),
    ],
)
def test_impossible_parameters_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        GRU(**options)


def test_conforms():
    check_retriever(GRU(**SMALL, pretrain="language-model"))
