import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrievers.neural.batches import inference_batches, training_batches

lengths = st.lists(st.integers(0, 40), max_size=300).map(lambda values: np.array(values, dtype=np.int64))


@given(lengths, st.integers(1, 50))
def test_an_epoch_holds_every_example_once(lengths, size):
    batches = list(training_batches(lengths, size, np.random.default_rng(0)))
    assert sorted(np.concatenate([*batches, np.arange(0)])) == list(range(len(lengths)))
    assert all(0 < len(batch) <= size for batch in batches)


def test_batches_are_of_similar_length_and_size():
    lengths = np.random.default_rng(1).integers(1, 60, 4100)
    batches = list(training_batches(lengths, 256, np.random.default_rng(0)))
    assert max(np.ptp(lengths[batch]) for batch in batches) < 10
    assert min(map(len, batches)) > 200


def test_the_generator_decides_the_order():
    lengths = np.arange(100) % 7
    first, again, other = (
        [list(batch) for batch in training_batches(lengths, 10, np.random.default_rng(seed))] for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


@given(lengths, st.integers(1, 100))
def test_inference_covers_all_within_the_budget(lengths, tokens):
    batches = list(inference_batches(lengths, tokens))
    assert sorted(np.concatenate([*batches, np.arange(0)])) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[batch].max(), 1) <= tokens for batch in batches)
