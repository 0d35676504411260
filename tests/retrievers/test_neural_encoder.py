import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from retrievers.neural.encoder import Encoder, columns, encode
from retrievers.neural.vocabulary import Sequences

TEXTS = [[1, 2, 3], [4], [], [5, 1], [2, 3, 4, 5, 6, 7]]


def encoder(**options):
    torch.manual_seed(0)
    vectors = torch.randn(9, 8)
    vectors[0] = 0
    return Encoder(vectors, torch.arange(9.0) / 3, hidden=4, **options).eval()


def encoded(model, texts):
    sequences = Sequences.of(texts)
    with torch.inference_mode():
        return model(columns(sequences, np.arange(len(texts)), "cpu"))


def test_unit_vectors_and_zero_for_an_empty_text():
    norms = encoded(encoder(), TEXTS).norm(dim=1)
    assert norms.tolist() == pytest.approx([1, 1, 0, 1, 1], abs=1e-6)


def test_the_other_texts_of_a_batch_do_not_matter():
    model = encoder()
    together = encoded(model, TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        assert torch.allclose(encoded(model, [text])[0], vector, atol=1e-6)


def test_the_states_are_those_of_a_packed_bidirectional_gru():
    model = encoder(skip=False)
    texts = [text for text in TEXTS if text]
    reference = torch.nn.GRU(8, 4, bidirectional=True)
    state = {f"{name}_reverse": value for name, value in model.backwards.state_dict().items()}
    reference.load_state_dict({**model.forwards.state_dict(), **state})
    with torch.inference_mode():
        words = [model.embedding(torch.tensor(text)) for text in texts]
        states, lengths = pad_packed_sequence(reference(pack_sequence(words, enforce_sorted=False))[0])
        pooled = torch.stack([states[:length, row].amax(0) for row, length in enumerate(lengths)])
        expected = torch.nn.functional.normalize(model.project(pooled), dim=1)
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
    model(columns(Sequences.of(TEXTS), np.arange(5), "cpu"))[:, 0].sum().backward()
    optimiser.step()
    assert not model.embedding.weight[0].any()
    assert model.embedding.weight.isfinite().all()


def test_dropout_only_while_it_learns():
    model = encoder(dropout=0.5)
    assert torch.equal(encoded(model, TEXTS), encoded(model, TEXTS))
    model.train()
    assert not torch.equal(encoded(model, TEXTS), encoded(model, TEXTS))


def test_encode_keeps_the_order():
    model = encoder()
    vectors = encode(model, Sequences.of(TEXTS), "cpu")
    assert torch.allclose(vectors, encoded(model, TEXTS), atol=0.02)  # bfloat16 where the processor has it
    assert encode(model, Sequences.of([]), "cpu").shape == (0, 8)
