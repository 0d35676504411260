import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.neural.packed import Packed

TEXTS = st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=6)


def padded_ids(texts):
    width = max(1, *map(len, texts)) if texts else 1
    return torch.tensor([text + [0] * (width - len(text)) for text in texts], dtype=torch.int64).reshape(-1, width).T


@settings(max_examples=40)
@given(TEXTS)
def test_every_step_reads_one_token_of_each_text_that_has_one(texts):
    packed = Packed.of(padded_ids(texts))
    longest_first = sorted(texts, key=len, reverse=True)
    for direction, order in zip(packed.reading, (1, -1), strict=True):
        parts = packed.ids[direction].split(packed.sizes)
        for step, part in enumerate(parts):
            assert part.tolist() == [text[::order][step] for text in longest_first if len(text) > step]
    assert packed.ids.tolist() == [token for text in texts for token in text]
    assert sum(packed.sizes) == len(packed.ids)


@settings(max_examples=40)
@given(TEXTS)
def test_padding_again_gives_back_the_ids(texts):
    ids = padded_ids(texts)
    packed = Packed.of(ids)
    assert packed.padded(packed.ids).tolist() == ids.tolist()
    assert packed.padded(packed.ids[:, None], 7).shape == (*ids.shape, 1)


@settings(max_examples=40)
@given(TEXTS)
def test_states_come_back_to_their_tokens_and_texts(texts):
    packed = Packed.of(padded_ids(texts))
    read = packed.ids[packed.reading].float()[..., None]
    assert packed.token_order(read).tolist() == [[token, token] for token in packed.ids.tolist()]
    first = read[0, : packed.sizes[0] if packed.sizes else 0]
    assert packed.text_order(first)[:, 0].tolist() == [text[0] if text else 0 for text in texts]
