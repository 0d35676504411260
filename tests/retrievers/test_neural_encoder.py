import numpy as np
import pytest
import torch

from retrievers.neural import encoder as module
from retrievers.neural.encoder import Encoder, columns, encode
from retrievers.neural.vocabulary import Sequences

TEXTS = [[1, 2, 3], [4], [], [5, 1], [2, 3, 4, 5, 6, 7]]
OPTIONS = [
    {},
    {"pooling": "mean"},
    {"pooling": "attention"},
    {"pooling": "last"},
    {"layers": 2},
    {"bidirectional": False},
    {"skip": False},
    {"layers": 3, "bidirectional": False, "pooling": "attention", "skip": False},
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


def encoder(**options):
    torch.manual_seed(0)
    vectors = torch.randn(9, 8)
    vectors[0] = 0
    return Encoder(vectors, torch.arange(9.0) / 3, hidden=4, **options).eval()


def encoded(model, texts):
    sequences = Sequences.of(texts)
    with torch.inference_mode():
        return model(columns(sequences, np.arange(len(texts)), "cpu"))


def ids_of(texts):
    return columns(Sequences.of(texts), np.arange(len(texts)), "cpu")


@every_option
def test_unit_vectors_and_zero_for_an_empty_text(options):
    norms = encoded(encoder(**options), TEXTS).norm(dim=1)
    assert norms.tolist() == pytest.approx([1, 1, 0, 1, 1], abs=1e-6)


@every_option
def test_the_other_texts_of_a_batch_do_not_matter(options):
    model = encoder(**options)
    together = encoded(model, TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert torch.allclose(encoded(model, [text])[0], vector, atol=1e-6)


@every_option
def test_every_parameter_learns(options):
    model = encoder(**options).train()
    (model(ids_of(TEXTS)) * torch.randn(5, 8)).sum().backward()
    assert [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()] == []


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both", [True, False])
def test_the_vector_is_what_torch_makes_of_each_text(layers, both):
    model = encoder(skip=False, layers=layers, bidirectional=both)
    texts = [text for text in TEXTS if text]
    with torch.inference_mode():
        pooled = [model.gru(model.embedding(torch.tensor(text)))[0].amax(0) for text in texts]
        expected = torch.nn.functional.normalize(model.project(torch.stack(pooled)), dim=1)
    assert torch.allclose(encoded(model, texts), expected, atol=1e-5)


def test_without_the_gru_the_skip_is_the_weighted_mean():
    model = encoder()
    with torch.no_grad():
        model.project.weight.zero_()
    weights, words = model.weight[[1, 5]], model.embedding.weight[[1, 5]]
    mean = (weights[:, None] * words).sum(0)
    assert torch.allclose(encoded(model, [[1, 5]])[0], mean / mean.norm(), atol=1e-6)


def test_the_padding_stays_zero_when_it_learns():
    model = encoder(dropout=0.5).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    model(ids_of(TEXTS))[:, 0].sum().backward()
    optimiser.step()
    assert not model.embedding.weight[0].any()
    assert model.embedding.weight.isfinite().all()


def test_dropout_only_while_it_learns():
    model = encoder(dropout=0.5)
    assert torch.equal(encoded(model, TEXTS), encoded(model, TEXTS))
    model.train()
    assert not torch.equal(encoded(model, TEXTS), encoded(model, TEXTS))


def test_what_is_dropped_of_a_word_is_dropped_wherever_it_stands():
    model = encoder(dropout=0.5).train()
    with torch.no_grad():
        model.project.weight.zero_()
    texts = model(ids_of([[3], [3], [4]]))
    assert torch.equal(texts[0], texts[1])
    assert not torch.equal(texts[0] == 0, texts[2] == 0)


def test_the_seed_decides_what_it_learns():
    def learned():
        model = encoder(dropout=0.3, layers=2, pooling="attention").train()
        torch.manual_seed(7)
        optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
        for _ in range(3):
            optimiser.zero_grad()
            model(ids_of(TEXTS))[:, 0].sum().backward()
            optimiser.step()
        return model.state_dict()

    first, second = learned(), learned()
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_option
def test_encode_keeps_the_order_and_equals_the_encoder(options):
    model = encoder(**options)
    vectors = encode(model, Sequences.of(TEXTS), "cpu")
    assert torch.allclose(vectors, encoded(model, TEXTS), atol=0.02)  # bfloat16 where the processor has it
    assert encode(model, Sequences.of([]), "cpu").shape == (0, 8)


def test_encode_in_many_batches_and_groups_gives_the_same(monkeypatch):
    model = encoder()
    generator = np.random.default_rng(0)
    texts = Sequences.of([generator.integers(1, 9, size).tolist() for size in generator.integers(0, 9, 60)])
    at_once = encode(model, texts, "cpu")
    prepared = []
    monkeypatch.setattr(module, "TOKENS_AT_ONCE", 20)
    monkeypatch.setattr(module, "TOKENS_PREPARED", 50)
    monkeypatch.setattr(model, "prepared", lambda words: prepared.append(words) or Encoder.prepared(model, words))
    assert torch.allclose(encode(model, texts, "cpu"), at_once, atol=0.02)
    assert len(prepared) > 2


@pytest.mark.parametrize("half", [True, False])
def test_encode_equals_the_encoder_in_both_number_formats(monkeypatch, half):
    monkeypatch.setattr("retrievers.neural.runtime.half_precision", lambda _: half)
    model = encoder()
    vectors, exact = encode(model, Sequences.of(TEXTS), "cpu"), encoded(model, TEXTS)
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors, exact, atol=0.02 if half else 1e-6)
    assert torch.allclose(vectors, exact, atol=1e-6) != half


@every_option
def test_vectors_of_tokens_are_the_projected_state_plus_the_word(options):
    model = encoder(**options)
    ids = ids_of(TEXTS)
    with torch.inference_mode():
        states, vectors = model.token_states(ids), model.token_vectors(ids)
        expected = model.project(states) + (model.embedding(ids) if model.weight is not None else 0)
    assert torch.allclose(vectors[ids != 0], torch.nn.functional.normalize(expected, dim=-1)[ids != 0], atol=1e-6)
    assert not vectors[ids == 0].any()
    assert not states[ids == 0].any()


@every_option
def test_contributions_explain_the_pooled_state(options):
    model = encoder(**options)
    with torch.inference_mode():
        found = model.contributions(ids_of(TEXTS))
    assert (found >= 0).all()
    assert not found[ids_of(TEXTS) == 0].any()
    assert found.sum(0).tolist() == pytest.approx([1, 1, 0, 1, 1])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@every_option
def test_cuda_encodes_the_same(options):
    model = encoder(**options)
    expected = encoded(model, TEXTS)
    assert torch.allclose(encode(model.cuda(), Sequences.of(TEXTS), "cuda").cpu(), expected, atol=0.02)
