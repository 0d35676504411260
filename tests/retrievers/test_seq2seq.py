"""Writing one text from another: attention, the schedule of teacher forcing, and what is learned."""

import json

import numpy as np
import pytest
import torch
from pair_examples import ENV, synonyms

from bench.api import Env
from bench.conformance import check_retriever
from retrievers.gru import GRU
from retrievers.neural.contrastive import Contrastive
from retrievers.neural.encoder import Encoder
from retrievers.neural.examples import Examples
from retrievers.neural.pretraining import IGNORED, Course
from retrievers.neural.runtime import seeded
from retrievers.neural.seq2seq import LAST_FORCING, Attention, Seq2Seq, pretrain_seq2seq, teacher_forcing
from retrievers.neural.vocabulary import Vocabulary

SMALL = {"dimensions": 32, "hidden": 16, "batch": 32, "epochs": 1, "pretrain_epochs": 1}
LETTERS = "abcdef"


def test_attention_is_a_softmax_over_the_words_of_the_text_alone():
    torch.manual_seed(0)
    attention = Attention(3, 4, 5)
    annotations, state = torch.randn(6, 2, 4), torch.randn(2, 3)
    real = torch.tensor([[True, True]] * 4 + [[True, False]] * 2)
    weights = attention(state, attention.of_annotations(annotations), real)
    assert torch.allclose(weights.sum(0), torch.ones(2))
    assert (weights[4:, 1] == 0).all()
    alone = attention(state[1:], attention.of_annotations(annotations[:4, 1:]), real[:4, 1:])
    assert torch.allclose(weights[:4, 1:], alone)
    energies = [
        attention.score.weight[0]
        @ torch.tanh(
            attention.of_state.weight @ state[0]
            + attention.of_annotations.weight @ annotation
            + attention.of_annotations.bias
        )
        for annotation in annotations[:, 0]
    ]
    assert torch.allclose(weights[:, 0], torch.stack(energies).softmax(0), atol=1e-6)


def test_teacher_forcing_falls_linearly_from_always():
    assert [teacher_forcing(done) for done in (0.0, 0.5, 1.0)] == [1.0, (1 + LAST_FORCING) / 2, LAST_FORCING]


def build(vocabulary, limit=24, **options):
    vectors = torch.randn(len(vocabulary), 24) * 0.1
    encoder = Encoder(vectors, torch.from_numpy(vocabulary.idf), **{"hidden": 24, **options})
    return Seq2Seq(encoder, vocabulary, 1, limit)


def test_words_then_the_end_are_predicted_unless_the_text_was_cut_off():
    model = build(Vocabulary.build([LETTERS] * 2), limit=3)
    a, b = 1, 2
    written = torch.tensor([[a, b, b], [b, 0, a], [0, 0, a]])
    assert (model.output.rare, model.end) == (6, 7)
    assert model.classes(written).T.tolist() == [
        [0, 1, 7, IGNORED],
        [1, 7, IGNORED, IGNORED],
        [1, 0, 0, IGNORED],
    ]
    losses = model([written, written], 0.0)
    assert len(losses) == 8


def test_only_what_stands_before_a_word_is_known_and_padding_does_not_touch_it():
    torch.manual_seed(0)
    model = build(Vocabulary.build([LETTERS] * 2)).eval()
    read, written = torch.tensor([[1], [2], [3]]), torch.tensor([[4], [5], [6]])
    scores = model.scores(read, written, 1.0)
    changed = model.scores(read, torch.tensor([[4], [1], [6]]), 1.0)
    same = [torch.allclose(one, other) for one, other in zip(scores, changed, strict=True)]
    assert same == [True, True, False, False]
    padded = model.scores(torch.cat([read, torch.zeros_like(read)]), written, 1.0)
    assert torch.allclose(scores, padded, atol=1e-6)
    in_batch = model.scores(torch.tensor([[1, 1], [2, 2], [3, 3], [0, 4]]), written.expand(-1, 2), 1.0)
    assert torch.allclose(scores[:, 0], in_batch[:, 0], atol=1e-5)


def test_its_own_words_are_given_where_the_teacher_does_not():
    torch.manual_seed(0)
    model = build(Vocabulary.build([LETTERS] * 2)).eval()
    read, written = torch.tensor([[1], [2], [3]]), torch.tensor([[4], [5], [6]])
    own = model.scores(read, written, 0.0)
    said = own[:3, :, : model.output.count].argmax(2) + model.output.first
    assert torch.allclose(own, model.scores(read, said, 1.0))
    assert not torch.allclose(own, model.scores(read, written, 1.0))
    assert torch.allclose(own, model.scores(read, torch.tensor([[1], [1], [1]]), 0.0))


def test_learns_to_translate_tiny_texts():
    """Each letter of the question has another one in the solution, and the order is reversed: order and words matter."""
    other = dict(zip(LETTERS, LETTERS[::-1].upper(), strict=True))

    def pairs(rng, n):
        asked = [list(rng.choice(list(LETTERS), rng.integers(2, 5))) for _ in range(n)]
        told = [[other[letter] for letter in reversed(text)] for text in asked]
        return Examples(asked, told, np.arange(n).repeat(2).reshape(-1, 2))

    with seeded(ENV) as rng:
        train, held_out = pairs(rng, 600), pairs(rng, 60)
        vocabulary = Vocabulary.build(train.questions + train.solutions)
        models = []

        class Course2(Course):
            def run(self, model, *texts):
                models.append(model)
                return super().run(model, *texts)

        encoder = build(vocabulary).encoder
        course = Course2("sequence-to-sequence", 6, "auto", rng, ENV, batch=32, learning_rate=0.02)
        record = pretrain_seq2seq([encoder], vocabulary, train, held_out, course)
        read, written = (
            torch.from_numpy(vocabulary.encode_all(side, repeats=True).padded(np.arange(60)).T.astype(np.int64))
            for side in (held_out.questions, held_out.solutions)
        )
        (model,) = models
        assert model.encoder is encoder
        wanted = model.eval().classes(written)
        said = model.scores(read, written, 0.0).argmax(2)  # without a teacher
    real = wanted != IGNORED
    assert (said == wanted)[real].float().mean() > 0.9
    assert record["epochs"][-1]["dev perplexity"] < 1.5
    assert record["epochs"][0]["dev perplexity"] > 2


def test_pretraining_changes_what_contrastive_training_starts_from(monkeypatch):
    starts = []
    learn = Contrastive._learn

    def watched(self, *args):
        starts.append({name: value.clone() for name, value in self._model.state_dict().items()})
        return learn(self, *args)

    monkeypatch.setattr(Contrastive, "_learn", watched)
    pairs = synonyms(np.random.default_rng(0), 130)  # three batches, of which the first only warms up
    for kind in ("none", "sequence-to-sequence"):
        GRU(**SMALL, pretrain=kind, shared=False).fit(pairs, pairs, ENV)
    plain, pretrained = starts
    assert plain.keys() == pretrained.keys()  # nothing of the decoder
    changed = {name for name, value in plain.items() if not torch.equal(value, pretrained[name])}
    for side in (0, 1):
        assert f"encoders.{side}.gru.weight_hh_l0" in changed
        assert f"encoders.{side}.embedding.weight" in changed
        assert f"encoders.{side}.project.weight" not in changed


@pytest.mark.parametrize("options", [{}, {"layers": 2}, {"precision": "bfloat16"}, {"bidirectional": False}])
def test_repeats_itself_and_tells_what_happened(options):
    pairs = synonyms(np.random.default_rng(1), 60)
    first, again, other = (GRU(**SMALL, pretrain="sequence-to-sequence", **options) for _ in range(3))
    for retriever, seed in ((first, 0), (again, 0), (other, 1)):
        retriever.fit(pairs, pairs, Env(seed=seed))
    weights, same, different = (list(retriever._model.state_dict().values()) for retriever in (first, again, other))
    assert all(map(torch.equal, weights, same))
    assert not all(map(torch.equal, weights, different))
    told = json.loads(json.dumps(first.learned))["pretraining"]
    assert (told["kind"], told["examples"], len(told["epochs"])) == ("sequence-to-sequence", 60, 1)
    assert 1 < told["epochs"][0]["dev perplexity"] < 200


def test_conforms():
    check_retriever(GRU(**SMALL, pretrain="sequence-to-sequence"))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["language-model", "sequence-to-sequence"])
@pytest.mark.parametrize("precision", ["auto", "float16", "float32"])
def test_on_cuda_it_pretrains_too(kind, precision):
    pairs = synonyms(np.random.default_rng(1), 200)
    retriever = GRU(**{**SMALL, "pretrain_epochs": 3}, pretrain=kind, precision=precision)
    retriever.fit(pairs, pairs, Env(device="cuda"))
    first, *_, last = retriever.learned["pretraining"]["epochs"]
    assert last["dev perplexity"] < first["dev perplexity"]
